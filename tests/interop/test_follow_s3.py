"""Following on S3: the layout there, what a poll costs in requests, and a server that stops answering."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from sqlite_recovery_tui.clock import FixedClock
from sqlite_recovery_tui.config import replica_from_url
from sqlite_recovery_tui.domain import Txid
from sqlite_recovery_tui.restore.following.look import FULL_SECONDS
from sqlite_recovery_tui.storage.open import open_store
from sqlite_recovery_tui.storage.timeouts import PATIENT
from tests.support.copies import same
from tests.support.fault_proxy import ALWAYS, Fault, FaultProxy, fault_proxy
from tests.support.follower import Follower
from tests.support.following import Generations, Pursuit
from tests.support.ltx_peer import LtxPeer, on_s3
from tests.support.servers import S3Server, moto_s3
from tests.support.shelf import START

TURNS = int(FULL_SECONDS) - 5


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with moto_s3() as running:
        yield running


@pytest.fixture
def proxy(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultProxy]:
    for name, value in server.environ.items():
        monkeypatch.setenv(name, value)
    with fault_proxy(server.endpoint) as running:
        yield running


def _url(proxy: FaultProxy, path: str) -> str:
    return f"s3://bucket/{path}?endpoint={proxy.endpoint}&region=us-east-1&forcePathStyle=true"


def _counts(proxy: FaultProxy) -> Counter[str]:
    """Count listings, and other requests by their method."""
    kinds = (
        "LIST" if "list-type=2" in urlsplit(item.target).query else item.method for item in proxy.requests
    )
    return Counter(kinds)


@pytest.fixture
def peer(server: S3Server, tmp_path: Path) -> Iterator[LtxPeer]:
    (tmp_path / "primary").mkdir()
    with LtxPeer(tmp_path / "primary", on_s3(server, "bucket", "ltx-app")) as made:
        made.commit("CREATE TABLE t(id INTEGER PRIMARY KEY, body)")
        made.sync()
        yield made


def test_ltx_files_cost_two_heads_a_poll(proxy: FaultProxy, peer: LtxPeer, tmp_path: Path) -> None:
    def add() -> None:
        peer.commit("INSERT INTO t(body) VALUES (randomblob(9000))")
        peer.sync()

    add()
    add()
    with closing(open_store(replica_from_url(_url(proxy, "ltx-app")))) as store:
        clock = FixedClock(datetime.now(UTC))
        with Pursuit(store, tmp_path, clock) as pursuit:
            pursuit.turns(2)
            proxy.clear()
            pursuit.turns(TURNS)
            assert _counts(proxy) == {"HEAD": 2 * TURNS}
            proxy.clear()
            add()
            pursuit.turns(1)
            assert _counts(proxy) == {"HEAD": 3, "GET": 1}
            assert pursuit.copy.mark.place == Txid(peer.txid)
            assert same(pursuit.content, peer.content())
            peer.compact(["INSERT INTO t(body) VALUES (randomblob(99000))"], ["DELETE FROM t WHERE id = 1"])
            add()
            pursuit.turns(5)
            assert same(pursuit.content, peer.content())


def test_generations_cost_two_heads_a_poll(proxy: FaultProxy, server: S3Server, tmp_path: Path) -> None:
    server.make_bucket("bucket")
    replica = Generations(FixedClock(START), tmp_path)

    def upload() -> None:
        for page in replica.store.list(""):
            for item in page:
                key, data = f"wal-app/{item.key}", replica.store.get(item.key)
                server.put("bucket", key, data, mtime=item.time.timestamp())

    replica.clock.sleep(10)
    replica.grow()
    upload()
    store = open_store(replica_from_url(_url(proxy, "wal-app")))
    with closing(store), Pursuit(store, tmp_path, replica.clock) as pursuit:
        pursuit.turns(2)
        proxy.clear()
        pursuit.turns(TURNS)
        counts = _counts(proxy)
        assert counts == {"HEAD": 2 * TURNS, "LIST": counts["LIST"]}
        assert counts["LIST"] <= TURNS // 5
        proxy.clear()
        replica.grow()
        upload()
        pursuit.turns(1)
        assert _counts(proxy) == {"HEAD": 3, "GET": 1}
        assert replica.holds(pursuit)
    replica.close()


def test_a_signal_does_not_wait_for_a_server_that_does_not_answer(
    proxy: FaultProxy, peer: LtxPeer, tmp_path: Path
) -> None:
    with Follower(tmp_path / "copy.db", _url(proxy, "ltx-app")) as follower:
        follower.wait_for(lambda said: said["event"] == "state")
        proxy.add(Fault("hang", times=ALWAYS))
        proxy.requests.clear()
        while not proxy.requests:
            time.sleep(0.01)
        began = time.monotonic()
        assert follower.end(signal.SIGTERM) == (0, "")
        assert time.monotonic() - began < 0.75 * PATIENT.read_seconds, "an answer is waited for longer"
    assert follower.said[-1]["event"] == "stopped"


def test_a_server_that_fails_for_a_while_is_waited_out(
    proxy: FaultProxy, peer: LtxPeer, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    with Follower(copy, _url(proxy, "ltx-app")) as follower:
        follower.wait_for(lambda said: said["event"] == "state")
        proxy.add(Fault("answer", status=403, times=4))
        peer.commit("INSERT INTO t(body) VALUES ('x')")
        peer.sync()
        follower.wait_for(lambda said: said.get("problems"))
        follower.wait_for(lambda said: said["position"] == {"txid": f"{peer.txid:016x}"})
        assert follower.end()[0] == 0
    assert same(copy.read_bytes(), peer.content())
