"""From a live database to a replica: Litestream 0.3.13 restores what was followed, commit for commit."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from sqlite_recovery_tui.config import ReplicaConfig
from sqlite_recovery_tui.replicate.follow import Follower
from sqlite_recovery_tui.replicate.followed import FollowOptions
from sqlite_recovery_tui.replicate.ladder import Limits
from sqlite_recovery_tui.replicate.ship import Shipper
from sqlite_recovery_tui.replicate.spool import Spool
from sqlite_recovery_tui.storage.files import FileStore
from tests.support.followed import App, copy_of
from tests.support.hostile import load
from tests.support.litestream import litestream

OPTIONS = FollowOptions(
    limits=Limits(min_frames=50, max_frames=200, truncate_frames=400, again_seconds=0.05), retry_seconds=0.0
)


def test_litestream_restores_what_was_followed(database: Path, tmp_path: Path) -> None:
    """Snapshots within a WAL and readers that never end make WALs that begin in the middle of SQLite's."""
    with App(database) as app:
        app.do("PRAGMA journal_mode=wal", "CREATE TABLE t(a INTEGER PRIMARY KEY, b)")
    spool = Spool(tmp_path / "spool", ["file"])
    replica = ReplicaConfig(name="file", type="file", path=str(tmp_path / "replica"))
    shipper = Shipper(spool, FileStore(tmp_path / "replica"), replica)
    follower = Follower(database, spool, options=OPTIONS)
    try:
        assert follower.start().how == "began"
        for number in range(2):
            with load(database, 0.5, ("app", "host", "reader")) as processes:
                while any(process.poll() is None for process in processes):
                    follower.poll()
                    follower.tend()
                    time.sleep(0.002)
            assert follower.snapshot()
            follower.poll()
            assert follower.poll().state == "following"
            assert shipper.flush(), shipper.status
            target = tmp_path / f"{number}.db"
            url = f"file://{tmp_path / 'replica'}"
            subprocess.run(
                [str(litestream("0.3.13")), "restore", "-o", str(target), url],
                check=True,
                capture_output=True,
            )
            assert target.read_bytes() == copy_of(database)
    finally:
        follower.stop(1)
        spool.close()
