"""What Litestream's own retention leaves behind is whole: expired states are not called damage."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import ltx_oracle as oracle
from tests.support.ltx_cli import refused, restored, sqlrecover
from tests.support.ltx_peer import LtxPeer, on_files


@pytest.fixture(scope="module")
def replica(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LtxPeer]:
    """A replica whose highest level holds nothing but its first file, from before what has expired."""
    folder = tmp_path_factory.mktemp("retention")
    settings = {"l0-retention": "10ms", "snapshot": {"interval": "100ms", "retention": "24h"}}
    levels = ("100ms", "100ms", "1h")
    with LtxPeer(folder, on_files(folder / "replica"), levels=levels, settings=settings) as peer:
        peer.commit("CREATE TABLE t(id INTEGER PRIMARY KEY, word)")
        peer.sync()
        with peer.running() as daemon:
            daemon.wait_for("level 2", 1)
        with peer.running() as daemon:
            for number in range(5):
                before = peer.txid
                peer.commit(f"INSERT INTO t(word) VALUES ({number})")
                daemon.wait_for("level 2", before + 1)
                daemon.wait_for("level 9", before + 1)
                peer.record("")
        peer.config.write_text(peer.config.read_text().replace("retention: 24h", "retention: 1ms"))
        peer.commit("INSERT INTO t(word) VALUES ('new')")
        peer.store(snapshot=True, enforce_retention=True)
        peer.record("kept")
        peer.commit("INSERT INTO t(word) VALUES ('newer')")
        peer.sync("last")
        yield peer


def test_the_newest_states_restore_and_the_replica_is_whole(replica: LtxPeer, tmp_path: Path) -> None:
    where = [replica.place.url]
    for moment in replica.moments[-2:]:
        asked = "-txid", f"{moment.txid:016x}"
        assert restored(tmp_path / "out.db", where, *asked)[0] == moment.content
    assert restored(tmp_path / "out.db", where)[0] == replica.moments[-1].content
    answer = sqlrecover("verify", *where)
    assert answer.code == 0, answer.document


def test_an_expired_state_is_outside_what_is_covered(replica: LtxPeer, tmp_path: Path) -> None:
    there = oracle.restorable(oracle.stored(replica.database.parent / "replica"))
    expired = [moment for moment in replica.moments if moment.txid not in there]
    assert expired
    for moment in expired:
        for asked in (("-txid", f"{moment.txid:016x}"), ("-timestamp", moment.timestamp)):
            answer = refused(tmp_path / "out.db", [replica.place.url], *asked)
            assert answer.code == 3, answer.document
            assert answer.error["nearest_after"]["position"]["txid"] > f"{moment.txid:016x}"
