"""The time before an upgrade: Litestream 0.3.13 writes the replica that a later one goes on with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import yaml

from tests.support.litestream import litestream
from tests.support.ltx_daemon import running
from tests.support.ltx_peer import LtxPeer, Moment, let_pass

_WRITTEN = re.compile(r'msg="wal segment written".* position=[0-9a-f]{16}/[0-9a-f]{8}:(\d+) .*sz=(\d+)')
_STALLED = 2.0


def store_as_v03(peer: LtxPeer, transactions: Sequence[Sequence[str]]) -> list[Moment]:
    """Have 0.3.13 store each transaction at the peer's place; return the moment after each of them.

    The moments carry no TXID. Their states are restored by any time from theirs up to the next one's.
    """
    config = peer.config.with_name("v03.yml")
    config.write_text(_configuration(peer))
    moments: list[Moment] = []
    while len(moments) < len(transactions):
        _store(peer, config, transactions, moments)
    return moments


def _store(peer: LtxPeer, config: Path, transactions: Sequence[Sequence[str]], moments: list[Moment]) -> None:
    """Go on with the transactions; return early when 0.3.13 had to be stopped to make it store one.

    It sometimes misses a change until there is another one; when it ends it stores what there is.
    """
    wal = peer.database.with_name(f"{peer.database.name}-wal")
    with running([litestream("0.3.13"), "replicate", "-config", config], peer.environ, _progress) as daemon:
        for statements in transactions[len(moments) :]:
            peer.commit(*statements)
            if not daemon.reaches("wal", wal.stat().st_size, seconds=_STALLED):
                break
            moments.append(_moment(peer, len(moments)))
        else:
            return
    daemon.wait_for("wal", wal.stat().st_size)
    moments.append(_moment(peer, len(moments)))


def _moment(peer: LtxPeer, number: int) -> Moment:
    moment = Moment(f"v03 {number}", 0, datetime.now(UTC), peer.content())
    let_pass(moment.time, peer.config.parent)
    return moment


def _configuration(peer: LtxPeer) -> str:
    database = {
        "path": str(peer.database),
        "monitor-interval": "10ms",
        "min-checkpoint-page-count": 1_000_000,
        "checkpoint-interval": "24h",
        "replicas": [{**peer.place.settings, "sync-interval": "10ms"}],
    }
    return yaml.safe_dump({"dbs": [database]}, sort_keys=False)


def _progress(line: str) -> tuple[str, int] | None:
    """Read from a line of the daemon's log how far the WAL is stored."""
    match = _WRITTEN.search(line)
    return ("wal", int(match[1]) + int(match[2])) if match else None
