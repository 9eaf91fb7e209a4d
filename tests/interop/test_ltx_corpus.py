"""Every state of every real v0.5 replica comes back as from Litestream 0.5.17: files, and two S3 servers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.support import ltx_oracle as oracle
from tests.support.corpus import Case, case, cases, digest_of
from tests.support.ltx_cli import refused, restored
from tests.support.ltx_objects import put_replica
from tests.support.ltx_peer import litestream_restores
from tests.support.servers import S3Server, moto_s3, rclone_s3

BUCKET = "corpus"
PLACES = ("files", "moto", "rclone")


@dataclass(frozen=True)
class Known:
    """A replica, and what Litestream makes of each TXID that it can restore."""

    case: Case
    states: dict[int, bytes]


@dataclass(frozen=True)
class Servers:
    """The storage servers of this module by their kind."""

    by_kind: dict[str, S3Server]

    def url(self, place: str, known: Known, monkeypatch: pytest.MonkeyPatch) -> str:
        """Return where the replica lies in `place`."""
        if place == "files":
            return known.case.url
        server = self.by_kind[place]
        for variable, value in server.environ.items():
            monkeypatch.setenv(variable, value)
        return f"s3://{BUCKET}/{known.case.name}?endpoint={server.endpoint}&region={server.region}"


@pytest.fixture(scope="module", params=cases("v05"))
def known(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Known:
    replica = case(request.param, tmp_path_factory.mktemp("corpus"))
    out = replica.replica.with_name("out.db")
    states = {}
    for txid in oracle.restorable(oracle.stored(replica.replica)):
        state = litestream_restores(out, "-txid", f"{txid:016x}", replica.url)
        assert state is not None
        states[txid] = state
    return Known(replica, states)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with moto_s3() as moto, rclone_s3(tmp_path_factory.mktemp("served")) as rclone:
        for server in (moto, rclone):
            server.make_bucket(BUCKET)
            for name in cases("v05"):
                folder = case(name, tmp_path_factory.mktemp("put")).replica
                put_replica(server, BUCKET, name, folder, listed_as_now=server is moto)
        yield Servers({"moto": moto, "rclone": rclone})


@pytest.mark.parametrize("place", PLACES)
def test_every_moment_is_restored_as_it_was(
    place: str, known: Known, servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = servers.url(place, known, monkeypatch)
    for moment in known.case.moments:
        asked = ["-timestamp", moment.timestamp] if moment.timestamp else []
        content, answer = restored(tmp_path / "out.db", [url], *asked)
        assert sha256(content).hexdigest() == moment.file_sha256, moment.label
        assert content == known.states[answer.txid]
        assert answer.document["format"] == "v0.5"
        assert answer.document["continuity"] == "proven"
        assert answer.document["bytes_fetched"] > 0
        if moment.timestamp:
            assert _time(answer.document["time"]) < _time(moment.timestamp)
    (tmp_path / "last.db").write_bytes(content)
    assert digest_of(tmp_path / "last.db") == moment.digest


@pytest.mark.parametrize("place", PLACES)
def test_every_txid_is_restored_as_litestream_restores_it(
    place: str, known: Known, servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = servers.url(place, known, monkeypatch)
    for txid, state in known.states.items():
        content, answer = restored(tmp_path / "out.db", [url], "-txid", f"{txid:016x}")
        assert content == state, txid
        assert answer.txid == txid


def test_a_txid_that_was_compacted_away_is_refused_with_its_neighbours(known: Known, tmp_path: Path) -> None:
    there = sorted(known.states)
    missing = [txid for txid in range(1, there[-1] + 2) if txid not in known.states]
    assert missing
    for txid in missing:
        answer = refused(tmp_path / "out.db", [known.case.url], "-txid", f"{txid:016x}")
        assert answer.code == 3
        around = [max((each for each in there if each < txid), default=None)]
        around.append(min((each for each in there if each > txid), default=None))
        named = [answer.error.get(name) for name in ("nearest_before", "nearest_after")]
        assert [each and int(each["position"]["txid"], 16) for each in named] == around
        assert all(f"{each:016x}" in answer.error["hint"] for each in around if each)


def test_a_time_leaves_out_what_was_stored_at_that_very_moment(known: Known, tmp_path: Path) -> None:
    files = oracle.stored(known.case.replica)
    first, *others = sorted({each.time for each in files})
    for time in others:
        content, answer = restored(tmp_path / "out.db", [known.case.url], "-timestamp", _text(time))
        assert content == oracle.restore(known.case.replica, before=time), time
        assert _time(answer.document["time"]) < time
    answer = refused(tmp_path / "out.db", [known.case.url], "-timestamp", _text(first))
    assert answer.code == 3
    assert restored(
        tmp_path / "out.db", [known.case.url], "-timestamp", _text(first + timedelta(milliseconds=1))
    )


def _time(text: Any) -> datetime:
    return datetime.fromisoformat(text)


def _text(time: datetime) -> str:
    return time.isoformat(timespec="microseconds").replace("+00:00", "Z")
