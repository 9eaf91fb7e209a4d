"""Rollback journals as SQLite writes them, and as every SQLite here rolls them back."""

from __future__ import annotations

import random
import sqlite3
import struct
from pathlib import Path

import apsw
import numpy as np
import pytest

from sqlite_recovery_tui.formats import journal

PAGE_SIZES = [512, 1024, 4096, 65536]


def _database(path: Path, page_size: int) -> bytes:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(f"PRAGMA page_size={page_size}")
    connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, body BLOB)")
    rng = random.Random(1)
    connection.executemany("INSERT INTO t(body) VALUES (?)", [(rng.randbytes(page_size),) for _ in range(30)])
    connection.close()
    return path.read_bytes()


def _journal(data: bytes, page_size: int, numbers: list[int]) -> bytes:
    rows = np.frombuffer(data, np.uint8).reshape(-1, page_size)
    records = journal.room(len(numbers), page_size)
    records[:, 4:-4] = rows[np.array(numbers) - 1]
    journal.seal(records, np.array(numbers, np.uint32), 0xFFFFFF00)
    head = journal.header(records=len(numbers), nonce=0xFFFFFF00, pages=len(rows), page_size=page_size)
    return head + records.tobytes()


def _read_with_sqlite3(path: Path) -> None:
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


def _read_with_apsw(path: Path) -> None:
    connection = apsw.Connection(str(path))
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


@pytest.mark.parametrize("read", [_read_with_sqlite3, _read_with_apsw])
@pytest.mark.parametrize("size", ["same", "grown", "cut"])
@pytest.mark.parametrize("page_size", PAGE_SIZES)
def test_sqlite_puts_back_what_the_journal_holds(
    page_size: int, size: str, read: object, tmp_path: Path
) -> None:
    path = tmp_path / "a.db"
    before = _database(path, page_size)
    count = len(before) // page_size
    numbers = sorted({1, *random.Random(2).sample(range(2, count - 4), 5)})
    written = {"same": [], "grown": [count + 1, count + 2], "cut": []}[size]
    cut_off = list(range(count - 4, count + 1)) if size == "cut" else []
    (tmp_path / "a.db-journal").write_bytes(_journal(before, page_size, numbers + cut_off))
    with path.open("r+b") as file:
        for number in numbers + written:
            file.seek((number - 1) * page_size)
            file.write(b"\xee" * page_size)
        if cut_off:
            file.truncate((cut_off[0] - 1) * page_size)
    assert callable(read)
    read(path)
    assert path.read_bytes() == before
    assert not (tmp_path / "a.db-journal").exists()


@pytest.mark.parametrize("page_size", PAGE_SIZES)
def test_records_are_those_that_sqlite_writes(page_size: int, tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    _database(path, page_size)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA cache_size=1")
    connection.execute("BEGIN")
    connection.execute("UPDATE t SET body = zeroblob(length(body))")
    theirs = (tmp_path / "a.db-journal").read_bytes()
    connection.execute("ROLLBACK")
    connection.close()
    magic, count, nonce, pages, sector, stored = struct.unpack_from(">8s5I", theirs)
    assert (magic, pages, stored) == (journal.MAGIC, path.stat().st_size // page_size, page_size)
    assert count > 0
    width = page_size + journal.OVERHEAD
    records = np.frombuffer(theirs, np.uint8)[sector : sector + count * width].reshape(count, width)
    ours = journal.room(count, page_size)
    ours[:, 4:-4] = records[:, 4:-4]
    journal.seal(ours, records[:, :4].copy().view(">u4").ravel().astype(np.uint32), nonce)
    assert (ours == records).all()


@pytest.mark.parametrize(("page_size", "number"), [(512, 2097153), (4096, 262145), (65536, 16385)])
def test_the_page_of_the_locks(page_size: int, number: int) -> None:
    assert journal.lock_page(page_size) == number
