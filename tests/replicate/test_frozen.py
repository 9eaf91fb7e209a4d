"""A snapshot is the database as of one commit, whoever writes and reads meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from sqlite_recovery_tui.formats import wal
from sqlite_recovery_tui.replicate.followed import FollowOptions
from sqlite_recovery_tui.replicate.guard import OpenedLive
from sqlite_recovery_tui.replicate.stretch import Break
from tests.support.followed import App, Followed, rows
from tests.support.wal_sink import MemorySink

Follow = Callable[..., Followed]


def test_a_snapshot_is_exact_while_writers_write(app: App, follow: Follow) -> None:
    app.do("INSERT INTO t VALUES(0, randomblob(300000))")
    followed = follow()
    followed.follower.start()
    app.do("INSERT INTO t VALUES(1, randomblob(300000))")
    frozen = followed.follower.freeze()
    assert frozen is not None
    before = followed.sink.image
    app.do("UPDATE t SET b=randomblob(300000)", "PRAGMA wal_checkpoint(TRUNCATE)")
    followed.poll()
    assert followed.equals_live()
    assert followed.follower.checkpoint(0.1).outcome == "skipped"
    assert frozen.read(0, frozen.size) == before != followed.sink.image
    for offset, length in ((0, 1), (4095, 2), (4096, 4096), (frozen.size - 3, 10), (5000, 30_000)):
        assert frozen.read(offset, length) == before[offset : offset + length]
    followed.follower.thaw()
    with pytest.raises(OSError, match="no longer held"):
        frozen.read(0, 1)
    assert followed.follower.checkpoint(0.5).outcome == "complete"


def test_a_snapshot_needs_no_reader_to_end(app: App, follow: Follow, database: Path) -> None:
    followed = follow()
    followed.follower.start()
    app.do("INSERT INTO t VALUES(1, 1)")
    with App(database) as reader:
        reader.do("BEGIN", "SELECT count(*) FROM t")
        app.do("INSERT INTO t VALUES(2, 2)")
        assert followed.follower.snapshot(0.01)  # the sink compares it with what it was given
        app.do("INSERT INTO t VALUES(3, 3)")
        followed.poll()
        assert followed.equals_live()
        assert sorted(followed.sink.last.snapshots) == [0, 1]
        assert followed.sink.last.at[0] == 1
        followed.follower.stop(1)
        late = follow()
        late.follower.start()
        assert late.equals_live()
        late.follower.stop(0)


def test_threads_read_a_snapshot_beside_polls(app: App, follow: Follow) -> None:
    app.do("INSERT INTO t VALUES(0, randomblob(2000000))")
    followed = follow(sink=MemorySink(step=4096))
    followed.follower.start()
    app.do("UPDATE t SET b=randomblob(2000000)")
    frozen = followed.follower.freeze()
    assert frozen is not None
    before = followed.sink.image
    read: list[bytes] = []
    thread = threading.Thread(target=lambda: read.append(followed.sink._read(frozen)))
    thread.start()
    for number in range(10):
        app.do(f"INSERT INTO t VALUES({number}, randomblob(50000))")
        followed.poll()
    thread.join()
    followed.follower.thaw()
    assert read == [before]
    assert followed.equals_live()


def test_a_sink_that_is_full_gets_the_snapshot_later(app: App, follow: Follow) -> None:
    followed = follow()
    followed.follower.start()
    app.do("INSERT INTO t VALUES(1, 1)")
    followed.poll()
    followed.follower.checkpoint(0.5)
    followed.sink.full = True
    assert not followed.follower.snapshot()
    followed.sink.full = False
    assert followed.follower.snapshot()
    app.do("INSERT INTO t VALUES(2, 2)")
    followed.poll()
    assert followed.equals_live()


def test_stretches_are_bounded_and_end_at_commits(app: App, follow: Follow) -> None:
    sizes: list[int] = []

    class Watching(MemorySink):
        def append(self, stretch, mark):  # type: ignore[no-untyped-def]
            sizes.append(len(stretch.data))
            super().append(stretch, mark)

    followed = follow(sink=Watching(), options=FollowOptions(stretch_bytes=100_000, retry_seconds=0))
    followed.follower.start()
    for number in range(40):
        app.do(f"INSERT INTO t VALUES({number}, randomblob(9000))")
    followed.poll()
    assert len(sizes) > 5
    assert max(sizes) <= 100_000 + wal.HEADER_SIZE
    app.do("INSERT INTO t VALUES('big', randomblob(900000))")  # one transaction is never divided
    followed.poll()
    assert 900_000 < sizes[-1] < 1_000_000
    assert followed.equals_live()


def test_a_log_at_its_limit_is_cut_to_nothing(app: App, follow: Follow, database: Path) -> None:
    followed = follow()
    followed.follower.start()
    app.do("INSERT INTO t VALUES(1, randomblob(900000))")
    done = followed.follower.checkpoint(0.5, truncate=True)
    assert (done.outcome, done.truncated) == ("complete", True)
    assert 0 < done.lock_seconds < 10
    assert Path(f"{database}-wal").stat().st_size == 0
    assert "truncated" in followed.told
    followed.poll()
    app.do("INSERT INTO t VALUES(2, 2)")
    followed.poll()
    assert followed.equals_live()
    assert followed.sink.reasons == ["new"]


def test_others_may_cut_and_restart_the_log_as_they_like(app: App, follow: Follow) -> None:
    followed = follow()
    followed.follower.start()
    for mode in ("PASSIVE", "FULL", "RESTART", "TRUNCATE") * 3:
        app.do(f"INSERT INTO t VALUES('{mode}', randomblob(5000))", f"PRAGMA wal_checkpoint({mode})")
        app.do("INSERT INTO t VALUES(1, 1)")
        followed.poll()
        followed.follower.checkpoint(0.5)
        app.do(f"PRAGMA wal_checkpoint({mode})")
        followed.poll()
    assert followed.equals_live()
    assert followed.sink.reasons == ["new"]


def test_nobody_in_this_process_can_open_what_is_followed(app: App, follow: Follow, database: Path) -> None:
    followed = follow()
    followed.follower.start()
    for path in (database, Path(f"{database}-shm")):
        with pytest.raises(OpenedLive):
            path.read_bytes()
    Path(f"{database}-wal").read_bytes()
    twice = follow()
    assert "already" in twice.follower.start().detail
    followed.follower.stop(1)
    assert len(database.read_bytes()) > 0


def test_it_resumes_within_a_wal_that_began_in_the_middle_of_sqlites(app: App, follow: Follow) -> None:
    first = follow()
    first.follower.start()
    app.do("INSERT INTO t VALUES(1, 1)")
    first.follower.snapshot()
    app.do("INSERT INTO t VALUES(2, 2)")
    assert first.poll().moved
    assert first.sink.mark is not None
    first.follower.stop(1)
    for number in range(3, 6):
        app.do(f"INSERT INTO t VALUES({number}, 1)")
        again = follow(sink=first.sink)
        assert again.follower.start().how == "resumed"
        assert again.equals_live()
        again.follower.stop(1)
    assert rows(first.sink.image, "SELECT count(*) FROM t") == [(5,)]
    assert first.sink.reasons == ["new"]


def test_a_new_generation_can_be_asked_for_and_ends_what_is_being_read(app: App, follow: Follow) -> None:
    followed = follow()
    followed.follower.start()
    app.do("INSERT INTO t VALUES(1, 1)")
    frozen = followed.follower.freeze()
    assert frozen is not None
    followed.follower.renew(Break("asked", "somebody wants one"))
    app.do("INSERT INTO t VALUES(2, 2)")
    followed.poll()
    assert followed.sink.reasons == ["new", "asked"]
    with pytest.raises(OSError, match="no longer held"):
        frozen.read(0, 1)
    app.do("INSERT INTO t VALUES(3, 3)")
    followed.poll()
    assert followed.equals_live()
