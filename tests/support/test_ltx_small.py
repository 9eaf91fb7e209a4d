"""Tiny replicas hold the states that they say, for Litestream and for the slow reading."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import ltx_oracle as oracle
from tests.support.ltx_peer import litestream_restores
from tests.support.ltx_small import small

EVERYTHING = {0: "1 2 3 4 5 6", 1: "1-2 3-4", 2: "1-4", 9: "1-5"}


@pytest.mark.parametrize("encoding", [0, 1])
def test_every_state_is_there(encoding: int, tmp_path: Path) -> None:
    replica = small(tmp_path, EVERYTHING, encoding=encoding)
    for txid in range(1, replica.last + 1):
        assert oracle.restore(replica.folder, txid=txid) == replica.states[txid]
        assert oracle.restore(replica.folder, before=replica.time(txid + 1)) == replica.states[txid]
        theirs = litestream_restores(tmp_path / "out.db", "-txid", f"{txid:016x}", replica.url)
        assert theirs == replica.states[txid]


def test_the_files_are_tiny(tmp_path: Path) -> None:
    replica = small(tmp_path, {0: "1 2 3"}, count=3)
    assert sum(path.stat().st_size for path in replica.paths) < 1500
