"""What a replica gets, how often it is asked, and what happens when it, the spool or somebody else fails."""

from __future__ import annotations

import os
import resource
import signal
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyrage
import pytest

from sqlite_recovery_tui.errors import (
    AccessDenied,
    BucketNotFound,
    ObjectNotFound,
    RefusedError,
    StorageError,
)
from sqlite_recovery_tui.formats import generations as names
from sqlite_recovery_tui.replicate.spool import Spool
from sqlite_recovery_tui.replicate.stretch import Break
from sqlite_recovery_tui.storage.base import ObjectInfo
from sqlite_recovery_tui.storage.memory import MemoryStore
from tests.support.shelf import content_of
from tests.support.shipping import REPLICA, Faulty, ground


def test_what_is_committed_within_an_interval_is_one_object(tmp_path: Path) -> None:
    with ground(tmp_path) as made:
        made.turn()
        for _ in range(5):
            made.source.grow()
        assert made.shipper.status.behind_commits == 5
        assert made.shipper.step() == 10.0  # not due yet
        made.turn()
        assert len(made.segments()) == 1
        assert made.restored() == made.source.state()
        assert made.shipper.status.behind_commits == 0
        assert made.shipper.status.state == "live"


def test_what_can_grow_no_more_is_sent_before_its_time_and_makes_no_more_objects(tmp_path: Path) -> None:
    with ground(tmp_path) as made:
        made.turn()
        for _ in range(2):
            made.source.grow(5000, 1000)
            assert made.shipper.step() == 10.0
        assert len(made.segments()) == 1  # the second may be joined with what comes next
        made.source.grow()
        made.turn()
        assert len(made.segments()) == 2
        assert made.restored() == made.source.state()


def test_an_interval_is_from_the_beginning_of_a_sync_to_that_of_the_next(tmp_path: Path) -> None:
    with ground(tmp_path) as made:
        made.turn()
        for takes, left in ((4.0, 6.0), (25.0, 0.0)):
            made.source.grow()
            made.clock.sleep(10)
            made.store.seconds = takes
            assert made.shipper.step() == left


def test_an_idle_database_costs_no_requests(tmp_path: Path) -> None:
    with ground(tmp_path) as made:
        made.source.grow()
        for _ in range(60):  # two days, in which the retention is looked at until nothing is left to do
            made.turn(3600)
        before = dict(made.shipper.status.requests), len(made.store.calls)
        for _ in range(100):
            assert made.shipper.step() is None
            made.turn(3600)
        assert (dict(made.shipper.status.requests), len(made.store.calls)) == before
        made.begin_again()
        for _ in range(10):
            made.turn(1800)
        looked = dict(made.shipper.status.requests)
        assert sum(looked.values()) < 10  # the retention, once, with a lease
        for _ in range(100):
            made.turn(3600)
        assert made.shipper.status.requests == looked


def test_each_replica_keeps_its_own_pace(tmp_path: Path) -> None:
    slow = replace(REPLICA, name="slow", sync_interval=timedelta(seconds=60))
    with ground(tmp_path, REPLICA, slow) as made:
        made.turn()
        for _ in range(5):
            made.source.grow()
            made.turn()
        assert len(made.segments(0)) == 5
        assert len(made.segments(1)) == 0
        made.turn(60)
        assert len(made.segments(1)) == 1  # joined from what was cut for the other one
        assert made.restored(0) == made.restored(1) == made.source.state()


def test_what_was_begun_in_one_way_is_not_sent_in_another(tmp_path: Path) -> None:
    slow = replace(REPLICA, name="slow", sync_interval=timedelta(seconds=60))
    with ground(tmp_path, REPLICA, slow) as made:
        made.turn()
        made.stores[1].refused = "/wal/"
        for _ in range(4):
            made.source.grow()
            made.turn()
        made.turn(60)  # it tries to send them joined, and fails
        made.begin_again()
        made.stores[1].inner.put(made.segments(0)[0], b"what was sent before the process ended")
        made.source.grow()
        made.stores[1].refused = "nothing"
        made.turn(60)
        assert made.segments(1)[0] == made.segments(0)[0]
        assert len(made.segments(1)) == 2
        assert made.restored(1) == made.source.state()


def test_a_replica_that_does_not_answer_is_left_in_peace_for_longer_and_longer(tmp_path: Path) -> None:
    with ground(tmp_path) as made:
        made.turn()
        made.store.refused = "/wal/"
        made.source.grow()
        waits = []
        made.clock.sleep(10)
        for _ in range(8):
            waits.append(made.shipper.step())
            made.source.grow()
            made.clock.sleep(waits[-1] or 0)
        made.store.refused = "nothing"
        made.turn(0)
        assert waits == [1, 2, 4, 8, 16, 30, 30, 30]
        assert made.shipper.status.state == "live"
        assert len(made.segments()) == 2  # what was tried, and in one all that waited meanwhile
        assert made.restored() == made.source.state()


@pytest.mark.parametrize(
    "error",
    [
        AccessDenied("cannot write", hint="allow s3:PutObject"),
        BucketNotFound("no such bucket", hint="create it"),
    ],
)
def test_what_the_operator_has_to_put_right_is_tried_seldom(tmp_path: Path, error: StorageError) -> None:
    with ground(tmp_path) as made:
        made.turn()
        made.store.refused, made.store.error = "/wal/", error
        made.source.grow()
        made.clock.sleep(10)
        assert [made.shipper.step(), made.shipper.step()] == [60, 60]
        trouble = made.shipper.status.trouble
        assert trouble is not None
        assert (str(trouble.error), trouble.error.hint) == (str(error), error.hint)
        made.store.refused = "nothing"
        made.turn(60)
        assert made.shipper.status.state == "live"


def test_an_upload_counts_when_all_of_it_is_there(tmp_path: Path) -> None:
    class Short(MemoryStore):
        short = True

        def put(self, key: str, data: bytes) -> ObjectInfo:
            return super().put(key, data[:-1] if self.short and "/wal/" in key else data)

    with ground(tmp_path) as made:
        made.store.inner = store = Short("short", clock=made.clock)
        made.source.grow()
        made.turn()
        assert made.shipper.status.state == "failing"
        assert made.shipper.status.behind_commits == 1
        store.short = False
        made.turn()
        assert made.restored() == made.source.state()


def test_beyond_the_cap_the_backlog_of_the_last_goes_and_it_begins_anew(tmp_path: Path) -> None:
    other = replace(REPLICA, name="other")
    with ground(tmp_path, REPLICA, other, cap_bytes=200_000) as made:
        made.turn()
        made.stores[1].refused = "/"
        for _ in range(40):
            made.source.grow(10, 2000)
            made.turn()
        spooled = sum(path.stat().st_size for path in (tmp_path / "spool").rglob("*") if path.is_file())
        assert spooled < 400_000
        status = made.shippers[1].status
        assert status.state == "anew"
        assert "backlog grew beyond" in status.given_up
        assert made.shippers[0].status.state == "live"
        made.stores[1].refused = "nothing"
        made.turn(60)
        wanted = made.spool.wanted
        assert isinstance(wanted, Break)
        assert "replica other: its backlog grew" in wanted.detail
        made.source.begin(wanted)
        assert made.spool.wanted is None
        made.source.grow()
        made.turn(60)
        assert made.shippers[1].status.given_up == ""
        assert made.restored(0) == made.restored(1) == made.source.state()


def test_a_new_replica_begins_with_a_snapshot_and_disturbs_no_other(tmp_path: Path) -> None:
    with ground(tmp_path) as made:
        made.source.grow()
        made.turn()
        made.source.grow()
        made.turn()
        generation = made.spool.generation
        made.replicas = (REPLICA, replace(REPLICA, name="new"))
        made.stores.append(Faulty(MemoryStore("new", clock=made.clock)))
        made.shippers[0].flush()
        made.begin_again()
        for _ in range(3):
            made.source.grow()
            made.turn()
        if made.spool.wanted:
            assert made.spool.wanted == "snapshot"
            made.source.snapshot()
        made.source.grow()
        made.turn()
        made.turn()
        assert made.spool.generation == generation
        assert made.restored(0) == made.restored(1) == made.source.state()


def test_a_second_daemon_is_told_who_has_the_database(tmp_path: Path) -> None:
    with ground(tmp_path), pytest.raises(RefusedError, match=f"process {os.getpid()} replicates"):
        Spool(tmp_path / "spool", ["r"])


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    with ground(tmp_path) as made:
        made.source.grow()
        made.turn()
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        made.source.run("INSERT INTO t(body) SELECT randomblob(4000) FROM generate_series(1, 30)")
        stretch, mark = made.source.read()
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
            for _ in range(3):
                with pytest.raises(OSError, match="too large"):
                    made.spool.append(stretch, mark)
            made.turn()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            signal.signal(signal.SIGXFSZ, ignored)
        made.spool.append(stretch, mark)
        made.source.took(mark)
        made.turn()
        assert made.restored() == made.source.state()


def test_what_rots_in_the_spool_is_not_sent(tmp_path: Path) -> None:
    with ground(tmp_path) as made:
        made.turn()
        made.source.grow()
        made.spool.cut()
        (path,) = (tmp_path / "spool").rglob("*.wal.lz4")
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        made.turn()
        assert made.segments() == []
        assert "in the spool" in made.shipper.status.given_up
        made.turn()
        assert isinstance(made.spool.wanted, Break)
        made.source.begin(made.spool.wanted)
        made.turn()
        assert made.restored() == made.source.state()


def test_age_recipients_alone_can_read_it(tmp_path: Path) -> None:
    identity = pyrage.x25519.Identity.generate()
    secret = replace(REPLICA, age_recipients=(str(identity.to_public()),))
    with ground(tmp_path, secret) as made:
        made.source.grow()
        made.turn()
        assert all(
            made.store.inner.get(key).startswith(b"age-encryption.org/v1\n")
            for key in made.objects()
            if names.parse_key(key)
        )
        assert made.restored(age_identities=(str(identity),)) == made.source.state()


def test_retention_keeps_what_it_promises_and_snapshots_come_in_time(tmp_path: Path) -> None:
    daily = replace(REPLICA, retention=timedelta(hours=24), snapshot_interval=timedelta(hours=6))
    with ground(tmp_path, daily) as made:
        states = []
        for _ in range(72):
            made.source.grow()
            made.turn(1800)
            states.append((made.clock.now(), made.source.state()))
            if made.spool.wanted == "snapshot":
                made.source.snapshot()
            made.turn(1800)
            uploading = made.shipper._uploading
            if uploading:
                uploading.join()
        now = made.clock.now()
        snapshots = [info.time for key, info in made.objects().items() if "/snapshots/" in key]
        assert 5 <= len(snapshots) <= 7
        assert now - timedelta(hours=32) < min(snapshots) <= now - timedelta(hours=24)
        for time, state in states:
            if time >= now - timedelta(hours=24):
                assert content_of(made.store.inner, time) == state
        sidecars = [key for key in made.objects() if key.startswith("sqlrecover/0") or "json" in key]
        assert len(sidecars) < 10
        with pytest.raises(ObjectNotFound):
            made.store.inner.get(names.snapshot_key(made.spool.generation, 0))


def test_a_large_snapshot_holds_no_commit_up(tmp_path: Path) -> None:
    daily = replace(REPLICA, snapshot_interval=timedelta(hours=6))
    with ground(tmp_path, daily) as made:
        made.source.grow()
        made.turn()
        made.clock.sleep(7 * 3600)
        made.source.grow()
        made.turn()
        assert made.spool.wanted == "snapshot"
        made.source.snapshot()
        snapshot = names.snapshot_key(made.spool.generation, 1)
        gate = made.store.gate("put", key=snapshot)
        made.turn()
        assert gate.entered.wait(30)
        made.source.grow()
        assert made.shipper.flush()
        assert made.restored() == made.source.state()
        assert snapshot not in made.objects()
        uploading = made.shipper._uploading
        gate.open()
        assert uploading is not None
        uploading.join()
        assert snapshot in made.objects()
        assert made.restored() == made.source.state()
        made.turn()
        assert made.spool.wanted is None


def test_a_clock_that_is_set_takes_nothing_away(tmp_path: Path) -> None:
    with ground(tmp_path) as made:
        for _ in range(3):
            made.source.grow()
            made.turn()
            made.source.snapshot()
        there = made.objects()
        keeper = made.shipper._pruner
        begun = keeper._begun
        keeper._begun = begun[0] - timedelta(days=400), begun[1]
        plan = keeper.plan(made.spool.generation)
        assert plan.removals == ()
        assert "the clock was set by" in plan.withheld
        assert made.objects() == there


def test_unreachable_for_hours_the_history_waits_compressed(tmp_path: Path) -> None:
    with ground(tmp_path) as made:
        made.turn()
        made.store.refused = "/"
        for _ in range(50):
            made.source.run("INSERT INTO t(body) SELECT zeroblob(3000) FROM generate_series(1, 30)")
            made.source.hand_over()
            made.turn(60)
        commits, size = made.spool.backlog("r")
        assert commits == 50
        assert size < 400_000  # 6 MB of WAL
        made.store.refused = "nothing"
        made.turn(60)
        assert made.restored() == made.source.state()
