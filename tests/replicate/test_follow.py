"""A database is followed commit by commit, and nothing of the follower is ever in it."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from sqlite_recovery_tui.replicate.stretch import Mark, Stretch
from tests.support.followed import App, Followed, WritingClock, rows
from tests.support.wal_sink import MemorySink

Follow = Callable[..., Followed]


def test_every_commit_is_kept_as_it_is_in_the_database(app: App, follow: Follow) -> None:
    followed = follow()
    started = followed.follower.start()
    assert (started.how, started.why and started.why.kind) == ("began", "new")
    assert followed.equals_live()
    for number in range(20):
        app.do(f"INSERT INTO t VALUES({number}, randomblob({number * 500}))")
        assert followed.poll().moved
        assert followed.equals_live()
        assert not followed.poll().moved
    assert followed.sink.reasons == ["new"]
    assert len(followed.sink.last.commits) == 20
    assert followed.poll().behind_bytes == 0


def test_a_checkpoint_ends_one_wal_and_the_next_goes_on(app: App, follow: Follow) -> None:
    followed = follow()
    followed.follower.start()
    for number in range(12):
        app.do(f"INSERT INTO t VALUES({number}, randomblob(9000))")
        followed.poll()
        if number % 3 == 2:
            done = followed.follower.checkpoint(0.5)
            assert done.outcome == "complete", done
    app.do("INSERT INTO t VALUES('last', 1)")
    followed.poll()
    assert followed.equals_live()
    assert followed.sink.reasons == ["new"]
    assert followed.sink.last.at[0] == 4
    assert Path(f"{followed.database}-wal").stat().st_size < 100_000  # it began anew each time


def test_it_goes_on_after_a_pause_where_it_was(app: App, follow: Follow) -> None:
    first = follow()
    first.follower.start()
    app.do("INSERT INTO t VALUES(1, 1)")
    first.poll()
    first.follower.stop(1)
    app.do("INSERT INTO t VALUES(2, 2)")
    second = follow(sink=first.sink)
    assert second.follower.start().how == "resumed"
    assert second.equals_live()
    assert second.sink.reasons == ["new"]
    assert rows(second.sink.image, "SELECT count(*) FROM t") == [(2,)]


def test_the_wal_stays_when_the_last_to_leave_is_the_follower(
    app: App, follow: Follow, database: Path
) -> None:
    first = follow()
    first.follower.start()
    app.do("INSERT INTO t VALUES(1, 1)")
    app.kill()
    first.poll()
    size = Path(f"{database}-wal").stat().st_size
    first.follower.stop(1)
    assert Path(f"{database}-wal").stat().st_size == size > 0
    second = follow(sink=first.sink)
    assert second.follower.start().how == "resumed"


def test_nothing_of_it_is_in_the_database(app: App, follow: Follow) -> None:
    schema = app.rows("SELECT * FROM sqlite_schema")
    count = app.value("PRAGMA data_version")
    followed = follow()
    followed.follower.start()
    before = followed.live()
    wal = Path(f"{followed.database}-wal").read_bytes()
    for _ in range(3):
        followed.poll()
    assert Path(f"{followed.database}-wal").read_bytes() == wal
    assert followed.follower.checkpoint(0.5).outcome == "complete"
    followed.follower.snapshot()
    followed.follower.stop(1)
    assert app.rows("SELECT * FROM sqlite_schema") == schema
    assert app.value("PRAGMA data_version") == count
    assert followed.live() == before
    assert sorted(path.name for path in followed.database.parent.iterdir()) == [
        "app.db",
        "app.db-shm",
        "app.db-wal",
    ]


@pytest.mark.parametrize("page_size", [512, 4096, 65536])
def test_pages_of_any_size(database: Path, follow: Follow, page_size: int) -> None:
    with App(database) as app:
        app.do(f"PRAGMA page_size={page_size}", "PRAGMA journal_mode=wal", "CREATE TABLE t(a, b)")
        followed = follow()
        followed.follower.start()
        app.do("BEGIN", "INSERT INTO t VALUES(1, randomblob(100000))", "COMMIT", "DELETE FROM t", "VACUUM")
        followed.poll()
        assert followed.equals_live()
        assert followed.follower.checkpoint(0.5).outcome == "complete"
        app.do("INSERT INTO t VALUES(2, 2)")
        followed.poll()
        assert followed.equals_live()
        assert followed.sink.reasons == ["new"]


@pytest.mark.parametrize("later", [0, 5])
def test_what_is_ahead_of_a_database_after_a_power_cut_is_left(
    app: App, follow: Follow, database: Path, later: int
) -> None:
    """An application that does not sync loses its last commits; they are kept, and another history begins."""
    app.do("INSERT INTO t VALUES(1, 1)")
    files = {Path(f"{database}{suffix}") for suffix in ("", "-wal")}
    durable = {path: path.read_bytes() for path in files}
    first = follow()
    first.follower.start()
    app.do("INSERT INTO t VALUES(2, 2)")
    first.poll()
    first.follower.stop(1)
    app.kill()
    for path, content in durable.items():
        path.write_bytes(content)
    Path(f"{database}-shm").unlink()
    with App(database) as again:
        again.do("PRAGMA wal_autocheckpoint=0", *["INSERT INTO t VALUES('other', 1)"] * later)
        second = follow(sink=first.sink)
        started = second.follower.start()
    assert (started.how, started.why and started.why.kind) == ("began", "down")
    assert second.equals_live()
    counts = [rows(bytes(each.image), "SELECT count(*) FROM t")[0][0] for each in first.sink.generations]
    assert counts == [2, 1 + later]


def test_what_was_folded_in_during_a_pause_is_kept_before_the_log_begins_anew(
    app: App, follow: Follow
) -> None:
    """A reader that begins then holds no log in place: the next writer restarts it at once."""
    first = follow()
    first.follower.start()
    app.do("INSERT INTO t VALUES(1, 1)")
    first.follower.stop(1)
    app.do("INSERT INTO t VALUES(2, 2)", "PRAGMA wal_checkpoint(PASSIVE)")
    second = follow(sink=first.sink)
    assert second.follower.start().how == "resumed"
    app.do("INSERT INTO t VALUES(3, 3)")
    second.poll()
    assert second.equals_live()
    assert second.sink.reasons == ["new"]
    assert second.sink.last.at[0] == 1


def test_what_is_written_between_any_two_steps_of_a_checkpoint_is_kept(app: App, follow: Follow) -> None:
    clock = WritingClock(app)
    followed = follow(clock=clock)
    followed.follower.start()
    for _ in range(10):
        written = clock.written
        assert followed.follower.checkpoint(0.5).outcome == "complete"
        assert clock.written > written
        followed.poll()
    clock.app = None
    assert clock.refused > 0  # it was held for a moment
    followed.poll()
    assert followed.equals_live()
    assert followed.sink.reasons == ["new"]
    assert followed.sink.last.at[0] >= 9


def test_a_full_sink_at_a_resume_loses_nothing_silently(app: App, follow: Follow) -> None:
    """What was folded in meanwhile is not kept when the log begins anew: a new generation has it."""
    first = follow()
    first.follower.start()
    app.do("INSERT INTO t VALUES(1, 1)")
    first.poll()
    with App(app.path) as reader:
        reader.do("BEGIN", "SELECT * FROM t")  # so that the log goes on instead of beginning anew
        assert first.follower.checkpoint(0.5).outcome == "complete"  # what is kept ends with a WAL
        first.follower.stop(1)
        app.do("INSERT INTO t VALUES(2, randomblob(50000))")
    app.do("PRAGMA wal_checkpoint(PASSIVE)")

    class Full(MemorySink):
        def append(self, stretch: Stretch, mark: Mark) -> None:
            if self.full:
                raise OSError(errno.ENOSPC, "No space left on device")
            super().append(stretch, mark)

        def _fail_when_full(self) -> None:
            pass

    sink = Full(first.sink.generations, first.sink.mark)
    sink.full = True
    second = follow(sink=sink)
    second.follower.start()
    app.do("INSERT INTO t VALUES(3, 3)")  # begins the log anew
    second.poll()
    sink.full = False
    for _ in range(3):
        second.poll()
    assert second.equals_live()
    assert rows(sink.image, "SELECT count(*) FROM t") == [(3,)]
