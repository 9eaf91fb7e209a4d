"""A log that we write is one that our reader and SQLite take over."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlite_recovery_tui.formats import wal, wal_write


@given(st.integers(1, 9), st.sampled_from([512, 4096, 65536]), st.integers(0, 2**32 - 1), st.data())
def test_frames_continue_the_chain_however_they_are_cut(
    count: int, page_size: int, salt: int, data: st.DataObject
) -> None:
    pages = np.frombuffer(np.random.default_rng(salt).bytes(count * page_size), dtype=np.uint8)
    pages = pages.reshape(count, page_size)
    header, first = wal_write.new_header(page_size, salt, 7)
    assert wal.parse_header(first) == header
    cut = data.draw(st.integers(1, count))
    rows, checksum = wal_write.frames(
        header, 1, pages[:cut], header.checksum, commit=count if cut == count else 0
    )
    written = rows.tobytes()
    if cut < count:
        more, checksum = wal_write.frames(header, cut + 1, pages[cut:], checksum, commit=count)
        written += more.tobytes()
    frames = wal.split_frames(written, page_size)
    verified = wal.verify_frames(header, frames, header.checksum)
    assert (verified.count, verified.checksum) == (count, checksum)
    assert frames.pgno.tolist() == list(range(1, count + 1))
    assert frames.commit.tolist() == [0] * (count - 1) + [count]


@pytest.mark.parametrize("page_size", [512, 4096, 65536])
def test_sqlite_recovers_it(page_size: int, tmp_path: Path) -> None:
    source, target = tmp_path / "source.db", tmp_path / "target.db"
    for path, word in ((source, "new"), (target, "old")):
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(f"PRAGMA page_size = {page_size}")
            connection.execute("PRAGMA journal_mode = wal")
            connection.execute("CREATE TABLE t (x)")
            connection.executemany("INSERT INTO t VALUES (?)", [(word * 50,)] * 500)
            connection.commit()
    pages = np.frombuffer(source.read_bytes(), dtype=np.uint8).reshape(-1, page_size)
    header, first = wal_write.new_header(page_size, 1, 2)
    rows, _ = wal_write.frames(header, 1, pages, header.checksum, commit=len(pages))
    Path(f"{target}-wal").write_bytes(first + rows.tobytes())
    with closing(sqlite3.connect(target)) as connection:
        assert connection.execute("SELECT DISTINCT x FROM t").fetchall() == [("new" * 50,)]
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
