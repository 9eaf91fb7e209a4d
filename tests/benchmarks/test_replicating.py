"""What the measurements of replication say of a replica is what is in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sqlite_recovery_tui.config import ReplicaConfig
from sqlite_recovery_tui.replicate.ship import Shipper
from sqlite_recovery_tui.replicate.spool import Spool
from sqlite_recovery_tui.storage.files import FileStore
from tests.benchmarks import daemons, replicating
from tests.benchmarks.arrivals import at_part, lags, most_behind, objects
from tests.benchmarks.ending import Ending, Endings
from tests.support.stretches import source


def test_lags_are_told_from_when_objects_came_and_what_they_hold(tmp_path: Path) -> None:
    replica = tmp_path / "replica"
    spool = Spool(tmp_path / "spool", ["file"])
    shipper = Shipper(spool, FileStore(replica), ReplicaConfig(name="file", type="file", path=str(replica)))
    with source(tmp_path / "app.db", spool) as database:
        for arrived in (12.5, 14.0):
            database.grow()
            database.grow()
            assert shipper.flush()
            for path in replica.rglob("*.wal.lz4"):
                if path.stat().st_mtime > 1000:
                    os.utime(path, (arrived, arrived))
    spool.close()
    times = [10.0, 11.0, 12.0, 13.0]
    assert list(lags(replica, times)) == [2.5, 1.5, 2.0, 1.0]
    assert most_behind(replica, times) == 3
    assert objects(replica) == len([path for path in replica.rglob("*") if path.is_file()])
    assert at_part([1.0, 2.0, 3.0, 4.0], 0.5) == 3.0


def test_a_daemon_is_measured_beside_a_writer(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = {"none": [], "sqlrecover": daemons.OURS}
    monkeypatch.setattr(replicating, "daemons", lambda: ours)
    monkeypatch.setattr(replicating, "START_SECONDS", 1.5)
    load = replicating.Load("a little", 50.0, 10)
    outcome = replicating.beside(load, daemons.Destination(), 1, 1.0)
    assert not outcome.failed, outcome.table()
    (run,) = outcome.runs["sqlrecover"]
    assert 0 < run.commits_per_second < 60
    assert run.lag_p99 is not None
    assert run.objects > 1
    assert run.behind_commits > 0
    assert run.beside_bytes > 0
    assert run.cpu_seconds > 0
    assert "commits behind" in outcome.table()


def test_what_is_missing_after_the_end_fails_for_ours_alone() -> None:
    found = Endings("end", {"sqlrecover": [Ending(1.0, 0, 10, 0)], "other": [Ending(2.0, 1, 10, 4)]})
    assert not found.failed
    assert "4 of 10 commits" in found.table()
    assert Endings("end", {"sqlrecover": [Ending(1.0, 0, 10, 1)]}).failed
    assert Endings("end", {"sqlrecover": [Ending(1.0, 6, 10, 0)]}).failed
