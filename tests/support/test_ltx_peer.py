"""The peer's replicas hold what it says: each moment comes back from Litestream and from the slow reading."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import ltx_oracle as oracle
from tests.support.litestream import Version
from tests.support.ltx_life import live
from tests.support.ltx_peer import litestream_restores, on_files, on_s3
from tests.support.servers import moto_s3

ENCODINGS: dict[Version, int] = {"0.5.8": 0, "0.5.17": 1}


@pytest.mark.parametrize("version", ENCODINGS)
def test_every_moment_is_in_the_replica(version: Version, tmp_path: Path) -> None:
    place = on_files(tmp_path / "replica")
    peer = live(tmp_path, place, version=version, page_size=512)
    files = oracle.stored(tmp_path / "replica")
    assert {0, 1, 2, 9} == {each.level for each in files}
    assert {ENCODINGS[version]} == {encoding for each in files for encoding in each.ltx.encodings}
    assert [moment.txid for moment in peer.moments] == list(range(1, len(peer.moments) + 1))
    for moment in peer.moments:
        assert oracle.restore(tmp_path / "replica", txid=moment.txid) == moment.content
        assert oracle.restore(tmp_path / "replica", before=moment.time) == moment.content
        asked = "-timestamp", moment.timestamp
        theirs = litestream_restores(tmp_path / "out.db", *asked, "-config", peer.config, peer.database)
        assert theirs == moment.content, moment.label


def test_expired_level_0_files_are_gone(tmp_path: Path) -> None:
    peer = live(tmp_path, on_files(tmp_path / "replica"), expiring=True)
    kept = oracle.restorable(oracle.stored(tmp_path / "replica"))
    assert peer.moments[0].txid not in kept
    assert peer.moments[-1].txid in kept


def test_objects_take_the_same_moments(tmp_path: Path) -> None:
    with moto_s3() as server:
        place = on_s3(server, "bucket", "some/path")
        peer = live(tmp_path, place)
        for moment in peer.moments:
            asked = "-timestamp", moment.timestamp
            theirs = litestream_restores(
                tmp_path / "out.db", *asked, "-config", peer.config, peer.database, environ=place.environ
            )
            assert theirs == moment.content, moment.label
