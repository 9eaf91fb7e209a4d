"""LTX files that we write are read by Litestream 0.5.17, and by the slow reading, as what was meant."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from sqlite_recovery_tui.formats.ltx.frames import FRAMED, SIZED, Spelling
from sqlite_recovery_tui.formats.ltx.header import Header
from sqlite_recovery_tui.formats.ltx.names import file_key
from sqlite_recovery_tui.formats.ltx.write import encode_file
from tests.support import ltx_oracle as oracle
from tests.support.ltx_peer import litestream_restores

START = datetime(2026, 3, 26, 10, 0, tzinfo=UTC)
SPELLINGS = {"sized": SIZED, "framed": FRAMED}


def _states(folder: Path, page_size: int) -> list[bytes]:
    """Return a database as it stands after each of some commits: it grows, changes and shrinks."""
    states = []
    with closing(sqlite3.connect(folder / "app.db", isolation_level=None)) as connection:
        for statement in (
            f"PRAGMA page_size={page_size}",
            "CREATE TABLE words(id INTEGER PRIMARY KEY, word)",
            f"INSERT INTO words(word) VALUES (randomblob({5 * page_size}))",
            f"INSERT INTO words(word) VALUES (zeroblob({3 * page_size}))",
            "UPDATE words SET word = 'short' WHERE id = 1",
            "VACUUM",
        ):
            connection.execute(statement)
            if not statement.startswith("PRAGMA"):
                states.append(connection.serialize())
    return states


def _pages(state: bytes, page_size: int) -> dict[int, bytes]:
    return {at // page_size + 1: state[at : at + page_size] for at in range(0, len(state), page_size)}


def _write(
    folder: Path, level: int, span: tuple[int, int], pages: dict[int, bytes], commit: int, spelling: Spelling
) -> None:
    """Store one file, dated a second later for each TXID."""
    time = int(START.timestamp() * 1000) + span[1] * 1000
    size = len(next(iter(pages.values())))
    header = Header(size, commit, *span, timestamp_ms=time)
    images = np.frombuffer(b"".join(pages.values()), dtype=np.uint8).reshape(-1, size)
    data = encode_file(header, np.array(list(pages), dtype=np.uint32), images, spelling=spelling)
    path = folder / file_key(level, *span)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, ns=(time * 10**6, time * 10**6))


def _store(folder: Path, states: list[bytes], page_size: int, spelling: Spelling) -> None:
    """Store what each state changes at level 0, states 3 and 4 at level 1 as well, 2 as a snapshot."""
    held = [{}, *(_pages(state, page_size) for state in states)]
    for txid in range(1, len(held)):
        changed = {n: page for n, page in held[txid].items() if held[txid - 1].get(n) != page}
        if txid != 3:
            _write(folder, 0, (txid, txid), changed, len(held[txid]), spelling)
        if txid == 4:
            both = {n: page for n, page in held[4].items() if held[2].get(n) != page}
            _write(folder, 1, (3, 4), both, len(held[4]), spelling)
    _write(folder, 9, (1, 2), held[2], len(held[2]), spelling)


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("page_size", [512, 4096, 65536])
def test_litestream_restores_what_we_write(page_size: int, spelling: str, tmp_path: Path) -> None:
    states = _states(tmp_path, page_size)
    replica = tmp_path / "replica"
    _store(replica, states, page_size, SPELLINGS[spelling])
    for txid, state in enumerate(states, start=1):
        asked = "-txid", f"{txid:016x}"
        theirs = litestream_restores(tmp_path / "out.db", *asked, replica.as_uri())
        if txid == 3:
            assert theirs is None
            continue
        assert theirs == state, txid
        assert oracle.restore(replica, txid=txid) == state
    assert litestream_restores(tmp_path / "out.db", replica.as_uri()) == states[-1]
    (encoding,) = {each.ltx.encodings for each in oracle.stored(replica)}
    assert encoding == {SPELLINGS[spelling].flags}
