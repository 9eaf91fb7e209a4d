"""A database of more than 1 GiB restores as it was, with the page at 1 GiB that no file ever holds."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import ltx_oracle as oracle
from tests.support.ltx_big import make_big
from tests.support.ltx_cli import sqlrecover
from tests.support.ltx_peer import LtxPeer, on_files
from tests.support.shelf import folder

PAGE_SIZE = 65536


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder in memory: it is not the disk that is measured."""
    with folder() as made:
        yield made


def test_the_lock_page_is_zeros_and_all_others_are_theirs(place: Path) -> None:
    lock = oracle.lock_page(PAGE_SIZE)
    make_big(place / "app.db", PAGE_SIZE, pages_to_lock=4)
    with LtxPeer(place, on_files(place / "replica"), page_size=PAGE_SIZE) as peer:
        peer.store()
        peer.commit(f"INSERT INTO words(word) VALUES (randomblob({8 * PAGE_SIZE}))")
        peer.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    _store_growth(place / "replica", peer.database, lock)
    answer = sqlrecover("restore", "-o", place / "out.db", peer.place.url)
    assert answer.code == 0, answer.document
    assert answer.document["pages"] > lock
    subprocess.run(["cmp", place / "out.db", peer.database], check=True)


def _store_growth(replica: Path, database: Path, lock: int) -> None:
    """Store what grew the database over the lock page; Litestream would read all of it again for that."""
    commit = database.stat().st_size // PAGE_SIZE
    assert commit > lock
    changed = [1, 2, 3, *range(lock - 4, lock), *range(lock + 1, commit + 1)]
    with database.open("rb") as file:
        pages = {number: os.pread(file.fileno(), PAGE_SIZE, (number - 1) * PAGE_SIZE) for number in changed}
    (first,) = oracle.stored(replica)
    data = oracle.write(oracle.Ltx(PAGE_SIZE, commit, 2, 2, int(first.time.timestamp() * 1000) + 1, pages))
    first.path.with_name(f"{2:016x}-{2:016x}.ltx").write_bytes(data)
