"""A replica begun by Litestream 0.3.13 and gone on with by 0.5.17 gives the right state at every moment.

Until its first level-9 snapshot 0.5.17 itself answers times after the upgrade with the end of the old
history.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.ltx_cli import restored, sqlrecover
from tests.support.ltx_peer import LtxPeer, Moment, Place, litestream_restores, on_files, on_s3
from tests.support.ltx_upgrade import store_as_v03
from tests.support.servers import moto_s3, rclone_s3

OLD = (
    ["CREATE TABLE t(id INTEGER PRIMARY KEY, word)"],
    *([f"INSERT INTO t VALUES ({n}, 'old')"] for n in range(4)),
)


@contextmanager
def _place(kind: str, folder: Path) -> Iterator[Place]:
    if kind == "files":
        yield on_files(folder / "replica")
        return
    (folder / "served").mkdir()
    with moto_s3() if kind == "moto" else rclone_s3(folder / "served") as server:
        yield on_s3(server, "bucket", "app")


@pytest.fixture(params=["files", "moto", "rclone"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with _place(request.param, tmp_path) as place:
        for name, value in place.environ.items():
            monkeypatch.setenv(name, value)
        yield place


def _add(peer: LtxPeer, count: int) -> None:
    for _ in range(count):
        peer.commit("INSERT INTO t(word) VALUES ('new')")
        peer.sync()


def test_every_moment_before_and_after_the_upgrade(place: Place, tmp_path: Path) -> None:
    with LtxPeer(tmp_path, place) as peer:
        old = store_as_v03(peer, OLD)
        _check(peer, old, tmp_path)
        _add(peer, 3)
        moments = [*old, *peer.moments]
        _check(peer, moments, tmp_path)
        _check_the_time_between(peer, old[-1], tmp_path)
        assert _peer_is_never_better(peer, moments, tmp_path)
        peer.commit("UPDATE t SET word = 'kept'")
        peer.sync(snapshot=True)
        _add(peer, 1)
        _check(peer, [*old, *peer.moments], tmp_path)


def test_the_listing_shows_both_histories_and_the_answer_says_which(tmp_path: Path) -> None:
    with LtxPeer(tmp_path, on_files(tmp_path / "replica")) as peer:
        old = store_as_v03(peer, OLD)
        _add(peer, 2)
    url = peer.place.url
    content, answer = restored(tmp_path / "out.db", [url], "-timestamp", old[1].timestamp)
    assert content == old[1].content
    assert answer.document["format"] == "v0.3"
    assert any("v0.5" in note for note in answer.document["notes"])
    _, answer = restored(tmp_path / "out.db", [url])
    assert answer.document["format"] == "v0.5"
    assert any("v0.3" in note for note in answer.document["notes"])
    assert len(sqlrecover("generations", url).document["generations"]) == 1
    assert sqlrecover("ltx", "-level", "all", url).code == 0
    assert sqlrecover("verify", url).code == 0


def _check(peer: LtxPeer, moments: Sequence[Moment], tmp_path: Path) -> None:
    """Restore each moment by its time, and the latest state, from the URL."""
    where = [peer.place.url]
    for moment in moments[:-1]:
        content, answer = restored(tmp_path / "out.db", where, "-timestamp", moment.timestamp)
        assert content == moment.content, moment.label
        assert answer.document["format"] == ("v0.5" if moment.txid else "v0.3")
    assert restored(tmp_path / "out.db", where)[0] == moments[-1].content
    if peer.moments:
        for moment in peer.moments:
            asked = "-txid", f"{moment.txid:016x}"
            assert restored(tmp_path / "out.db", where, *asked)[0] == moment.content, moment.label


def _check_the_time_between(peer: LtxPeer, last: Moment, tmp_path: Path) -> None:
    """Between the last v0.3 object and the first LTX file the state is the last one of v0.3."""
    between = last.time + (peer.moments[0].time - last.time) / 100
    asked = between.isoformat(timespec="microseconds").replace("+00:00", "Z")
    assert restored(tmp_path / "out.db", [peer.place.url], "-timestamp", asked)[0] == last.content


def _peer_is_never_better(peer: LtxPeer, moments: Sequence[Moment], tmp_path: Path) -> bool:
    """Ask 0.5.17 for each moment: it gives the same state, or an older one."""
    states = [moment.content for moment in moments]
    for number, moment in enumerate(moments):
        asked = "-timestamp", moment.timestamp, "-config", peer.config, peer.database
        theirs = litestream_restores(tmp_path / "theirs.db", *asked, environ=peer.place.environ)
        if theirs is not None and states.index(theirs) > number:
            return False
    return True
