"""Litestream itself restores what is written here, at every page size and in both spellings."""

from __future__ import annotations

import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from sqlite_recovery_tui.formats.ltx import names
from sqlite_recovery_tui.formats.ltx.frames import FRAMED, SIZED, Spelling
from sqlite_recovery_tui.formats.ltx.header import Header, lock_page
from sqlite_recovery_tui.formats.ltx.index import U8
from sqlite_recovery_tui.formats.ltx.stream import LtxReader
from sqlite_recovery_tui.formats.ltx.write import LtxWriter, encode_file
from tests.formats.ltx.samples import numbers
from tests.support.litestream import litestream
from tests.support.soak import usually

TIME = 1_790_000_000_000


def restore(replica: Path, output: Path) -> None:
    """Restore the newest state with Litestream."""
    command = [litestream("0.5.17"), "restore", "-o", output, replica.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def a_database(path: Path, page_size: int) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(f"PRAGMA page_size={page_size}")
        database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT, noise BLOB)")
        rows = [(n, f"row {n} " * 9) for n in range(400)]
        database.executemany("INSERT INTO t VALUES (?, ?, randomblob(300))", rows)


def pages_of(path: Path, page_size: int) -> U8:
    return np.frombuffer(path.read_bytes(), dtype=np.uint8).reshape(-1, page_size)


def put(replica: Path, level: int, low: int, high: int, data: bytes) -> None:
    path = replica / names.file_key(level, low, high)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


@pytest.mark.parametrize("spelling", [SIZED, FRAMED], ids=["sized", "framed"])
@pytest.mark.parametrize(
    "page_size", usually([512, 4096, 65536], [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536])
)
def test_it_restores_a_base_and_a_change(page_size: int, spelling: Spelling, tmp_path: Path) -> None:
    path, replica, output = tmp_path / "db", tmp_path / "replica", tmp_path / "out"
    a_database(path, page_size)
    before = pages_of(path, page_size)
    base = Header(page_size, len(before), 1, 1, TIME)
    put(replica, 0, 1, 1, encode_file(base, numbers(range(1, len(before) + 1)), before, spelling=spelling))
    restore(replica, output)
    assert output.read_bytes() == path.read_bytes()
    output.unlink()

    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE t SET text = 'changed' WHERE id = 17")
        database.execute("INSERT INTO t SELECT id + 1000, text, randomblob(2000) FROM t LIMIT 150")
    after = pages_of(path, page_size)
    pgno = numbers(
        n for n, page in enumerate(after, 1) if n > len(before) or not np.array_equal(page, before[n - 1])
    )
    assert 1 < len(pgno) < len(after) or page_size == 65536
    change = Header(page_size, len(after), 2, 3, TIME + 1000, wal_offset=32, wal_size=4120, salt1=1)
    put(replica, 1, 2, 3, encode_file(change, pgno, after[pgno - np.uint32(1)], spelling=spelling))
    restore(replica, output)
    assert output.read_bytes() == path.read_bytes()


class File:
    """A file on disk as a source."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")

    def fill(self, view: memoryview, /) -> int:
        return self._file.readinto(view)

    def close(self) -> None:
        self._file.close()


@pytest.mark.soak  # tests/restore and tests/interop read such files in every run
def test_it_restores_a_database_with_a_lock_page(tmp_path: Path) -> None:
    page_size, commit = 65536, 16390
    lock = lock_page(page_size)
    replica, output = tmp_path / "replica", tmp_path / "out"
    path = replica / names.file_key(9, 1, 5)
    path.parent.mkdir(parents=True)
    every = np.arange(1, commit + 1, dtype=np.uint32)
    kept = every[every != lock]
    pages = np.zeros((256, page_size), dtype=np.uint8)
    marked = {1, 2, lock - 1, lock + 1, commit}
    writer = LtxWriter(Header(page_size, commit, 1, 5, TIME))
    with path.open("wb") as file:
        file.write(writer.begin())
        for at in range(0, len(kept), 256):
            pgno = kept[at : at + 256]
            pages[:, :4] = 0
            pages[: len(pgno), 0] = np.isin(pgno, list(marked))
            file.write(writer.add(pgno, pages[: len(pgno)]))
        file.write(writer.end())

    source = File(path)
    with closing(source):
        read = [int(n) for chunk in LtxReader(source).chunks() for n in chunk.pgno[chunk.pages[:, 0] != 0]]
    assert read == sorted(marked)
    restore(replica, output)
    restored = np.memmap(output, dtype=np.uint8, mode="r").reshape(-1, page_size)
    assert len(restored) == commit
    assert set((np.flatnonzero(restored[:, 0]) + 1).tolist()) == marked
    assert not restored[lock - 1].any()
    del restored
    output.unlink()
