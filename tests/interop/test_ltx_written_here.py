"""Replicas that real Litestream writes during the test, old and new page encoding, restore identically."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import ltx_oracle as oracle
from tests.support.litestream import Version
from tests.support.ltx_cli import refused, restored, sqlrecover
from tests.support.ltx_life import PAGE_SIZES, live
from tests.support.ltx_peer import LtxPeer, Place, litestream_restores, on_files, on_s3
from tests.support.servers import S3Server, moto_s3, rclone_s3
from tests.support.soak import usually

VERSIONS: tuple[Version, ...] = ("0.5.8", "0.5.17")
EVERY = [(version, size) for version in VERSIONS for size in PAGE_SIZES]
FILES = usually([("0.5.8", 512), ("0.5.8", 65536), ("0.5.17", 512), ("0.5.17", 4096)], EVERY)
"""Each version with and without expiring, and pages of the least, the usual and the greatest size."""
PATHS = usually(
    [("0.5.8", ""), ("0.5.17", "deep/path"), ("0.5.17", "slashed/")],
    [(version, path) for version in VERSIONS for path in ("deep/path", "", "slashed/")],
)


def _expires(version: Version, page_size: int) -> bool:
    """Every other replica loses its level-0 files once they are compacted."""
    return bool((PAGE_SIZES.index(page_size) + VERSIONS.index(version)) % 2)


@pytest.mark.parametrize(("version", "page_size"), FILES)
def test_every_state_is_restored_as_litestream_restores_it(
    version: Version, page_size: int, tmp_path: Path
) -> None:
    place = on_files(tmp_path / "replica")
    expiring = _expires(version, page_size)
    peer = live(tmp_path, place, version=version, page_size=page_size, expiring=expiring)
    files = oracle.stored(tmp_path / "replica")
    _check_txids(peer, tmp_path, oracle.restorable(files))
    _check_moments(peer, [place.url], tmp_path, files)
    answer = sqlrecover("verify", "-config", peer.config, peer.database)
    assert answer.code == 0, answer.document


def _check_txids(peer: LtxPeer, tmp_path: Path, there: list[int]) -> None:
    """Restore each TXID that a moment was noted of, and have those refused that are not there."""
    where = ["-config", peer.config, peer.database]
    for txid, state in peer.states.items():
        asked = "-txid", f"{txid:016x}"
        theirs = litestream_restores(tmp_path / "theirs.db", *asked, *where)
        if txid not in there:
            assert theirs is None
            assert refused(tmp_path / "out.db", where, *asked).code == 3
            continue
        content, answer = restored(tmp_path / "out.db", where, *asked)
        assert content == state, txid
        assert content == theirs, txid
        assert answer.txid == txid
        assert answer.document["page_size"] == peer.page_size
        assert answer.document["continuity"] == "proven"


@pytest.fixture(scope="module")
def moto() -> Iterator[S3Server]:
    with moto_s3(whole_seconds=True) as server:
        yield server


@pytest.fixture(scope="module")
def rclone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with rclone_s3(tmp_path_factory.mktemp("served")) as server:
        yield server


def _on_s3(
    place: Place, version: Version, *, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[LtxPeer, list[list[str | Path]]]:
    """Write a replica in a bucket; return the peer, and how the command line may name the replica."""
    for name, value in place.environ.items():
        monkeypatch.setenv(name, value)
    peer = live(tmp_path, place, version=version)
    return peer, [["-config", peer.config, peer.database], [place.url]]


@pytest.mark.parametrize(("version", "path"), PATHS)
def test_objects_of_moto_restore_from_any_path(
    version: Version, path: str, moto: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Litestream takes the path of a configuration to the letter, and tidies that of a URL."""
    place = on_s3(moto, f"b{VERSIONS.index(version)}-{len(path)}", path)
    peer, (where, url) = _on_s3(place, version, tmp_path=tmp_path, monkeypatch=monkeypatch)
    _check_moments(peer, where, tmp_path)
    theirs = litestream_restores(tmp_path / "theirs.db", *where, environ=place.environ)
    assert theirs == peer.moments[-1].content
    if not path.endswith("/"):
        _check_moments(peer, url, tmp_path)


@pytest.mark.parametrize("version", usually(VERSIONS[:1], VERSIONS))
def test_objects_of_rclone_restore(
    version: Version, rclone: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = on_s3(rclone, f"by-{version}", "path")
    peer, (where, url) = _on_s3(place, version, tmp_path=tmp_path, monkeypatch=monkeypatch)
    _check_moments(peer, where, tmp_path)
    _check_moments(peer, url, tmp_path)


@pytest.mark.parametrize("version", usually(VERSIONS[1:], VERSIONS))
def test_times_of_objects_are_those_of_their_content(
    version: Version, moto: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Level-0 objects are gone; those of level 1 are listed as written later than what they hold."""
    place = on_s3(moto, f"expiring-{VERSIONS.index(version)}", "path")
    for name, value in place.environ.items():
        monkeypatch.setenv(name, value)
    peer = live(tmp_path, place, version=version, expiring=True)
    where = ["-config", peer.config, peer.database]
    restorable = 0
    for moment in usually(peer.moments[:-1:3], peer.moments[:-1]):
        asked = "-timestamp", moment.timestamp
        theirs = litestream_restores(tmp_path / "theirs.db", *asked, *where, environ=place.environ)
        if theirs is None:
            assert refused(tmp_path / "out.db", where, *asked).code == 3
            continue
        restorable += 1
        content, answer = restored(tmp_path / "out.db", where, *asked)
        assert content == theirs, moment.label
        assert content == peer.states[answer.txid]
    assert restorable > usually(1, 3)


def _check_moments(
    peer: LtxPeer, where: list[str | Path], tmp_path: Path, files: list[oracle.Stored] | None = None
) -> None:
    """Restore each moment; where the files are known, some may only be there as an earlier state."""
    for moment in peer.moments[:-1]:
        expected: bytes | None = moment.content
        if files is not None:
            reached = _reached(files, moment.time)
            expected = peer.states[reached] if reached else None
        asked = "-timestamp", moment.timestamp
        if expected is None:
            assert refused(tmp_path / "out.db", where, *asked).code == 3
        else:
            assert restored(tmp_path / "out.db", where, *asked)[0] == expected, moment.label
    content, answer = restored(tmp_path / "out.db", where)
    assert content == peer.moments[-1].content
    assert answer.txid == peer.moments[-1].txid


def _reached(files: list[oracle.Stored], time: object) -> int | None:
    try:
        return oracle.plan(files, before=time)[-1].max_txid  # type: ignore[arg-type]
    except oracle.NoPlan:
        return None
