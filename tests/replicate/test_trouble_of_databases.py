"""Whatever happens to a database's files is noticed, told, and followed by what can be proven again."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sqlite_recovery_tui.replicate.followed import FollowOptions, Polled
from sqlite_recovery_tui.replicate.reading import WalFile
from tests.support.followed import App, Followed, rows

Follow = Callable[..., Followed]


def settled(followed: Followed) -> Polled:
    """Look until it is followed again with nothing left to hand on."""
    for _ in range(200):
        found = followed.poll()
        if found.state == "following" and not found.moved and not found.behind_bytes:
            return found
        time.sleep(0.01)
    raise AssertionError(followed.events)


def test_a_missing_database_is_waited_for(database: Path, follow: Follow) -> None:
    followed = follow()
    assert followed.follower.start().how == "waiting"
    for _ in range(3):
        assert followed.poll().state == "waiting"
    assert followed.told == ["missing"]  # once
    with App(database) as app:
        app.do("CREATE TABLE t(a)")
        assert "not in WAL mode" in followed.poll().detail
        app.do("PRAGMA journal_mode=wal", "INSERT INTO t VALUES(1)")
        settled(followed)
        assert followed.equals_live()
    assert followed.told == ["missing", "not-wal", "began"]


def test_what_is_no_database_is_told(database: Path, follow: Follow) -> None:
    database.write_bytes(b"no database, nor anything like it" * 10)
    followed = follow()
    followed.follower.start()
    assert followed.told == ["unreadable"]


def test_an_application_that_excludes_others_is_told(database: Path, follow: Follow) -> None:
    with App(database) as app:
        app.do("PRAGMA journal_mode=wal", "CREATE TABLE t(a)")
        app.do("PRAGMA locking_mode=EXCLUSIVE", "INSERT INTO t VALUES(1)")
        followed = follow()
        assert followed.follower.start().how == "waiting"
        assert followed.told == ["exclusive"]
    settled(followed)
    assert followed.equals_live()


def test_an_application_cannot_leave_wal_mode_meanwhile(app: App, follow: Follow) -> None:
    followed = follow()
    followed.follower.start()
    assert "locked" in app.error("PRAGMA journal_mode=delete")
    app.do("INSERT INTO t VALUES(1, 1)")
    followed.poll()
    assert followed.equals_live()


def test_another_page_size_begins_anew(app: App, follow: Follow, database: Path) -> None:
    first = follow()
    first.follower.start()
    first.follower.stop(1)
    app.do("PRAGMA journal_mode=delete", "PRAGMA page_size=1024", "VACUUM", "PRAGMA journal_mode=wal")
    app.do("INSERT INTO t VALUES(1, 1)")
    second = follow(sink=first.sink)
    second.follower.start()
    assert second.sink.reasons == ["new", "page-size"]
    assert "page-size" in second.told
    assert second.equals_live()


def test_a_replaced_database_begins_anew(app: App, follow: Follow, database: Path, tmp_path: Path) -> None:
    followed = follow()
    followed.follower.start()
    app.do("INSERT INTO t VALUES('old', 1)")
    app.kill()
    for suffix in ("", "-wal", "-shm"):
        Path(f"{database}{suffix}").unlink()
    with App(database) as other:
        other.do("PRAGMA journal_mode=wal", "CREATE TABLE u(a)", "INSERT INTO u VALUES('new')")
        settled(followed)
        assert followed.equals_live()
    assert followed.sink.reasons == ["new", "replaced"]
    assert "replaced" in followed.told
    assert rows(bytes(followed.sink.generations[0].image), "SELECT a FROM t") == [("old",)]


def test_a_deleted_database_is_waited_for(app: App, follow: Follow, database: Path) -> None:
    followed = follow()
    followed.follower.start()
    app.kill()
    for suffix in ("", "-wal", "-shm"):
        Path(f"{database}{suffix}").unlink()
    assert followed.poll().state == "waiting"
    assert followed.poll().state == "waiting"
    assert followed.told.count("missing") <= 2


def test_commits_go_on_into_a_log_that_was_deleted(app: App, follow: Follow, database: Path) -> None:
    followed = follow()
    followed.follower.start()
    app.do("INSERT INTO t VALUES(1, 1)")
    Path(f"{database}-wal").unlink()
    followed.poll()
    assert "wal-gone" in followed.told
    app.do("INSERT INTO t VALUES(2, 2)")
    followed.poll()
    assert rows(followed.sink.image, "SELECT a FROM t") == [(1,), (2,)]
    assert followed.follower.checkpoint(0.1).outcome == "skipped"
    app.kill()
    settled(followed)
    assert followed.sink.reasons == ["new", "replaced"]
    assert followed.equals_live()


def test_nothing_is_folded_in_once_the_index_was_deleted(app: App, follow: Follow, database: Path) -> None:
    followed = follow()
    followed.follower.start()
    app.do("INSERT INTO t VALUES(1, 1)")
    Path(f"{database}-shm").unlink()
    followed.poll()
    assert "index-gone" in followed.told
    assert followed.follower.checkpoint(0.1).outcome == "skipped"
    app.do("INSERT INTO t VALUES(2, 2)")
    followed.poll()
    assert rows(followed.sink.image, "SELECT a FROM t") == [(1,), (2,)]
    app.kill()
    settled(followed)
    assert followed.sink.reasons == ["new", "replaced"]
    assert followed.equals_live()


def test_a_file_that_is_written_to_without_its_log_begins_anew(
    app: App, follow: Follow, database: Path, tmp_path: Path
) -> None:
    app.do("INSERT INTO t VALUES('one', randomblob(5000))")
    followed = follow()
    followed.follower.start()
    assert followed.follower.checkpoint(0.5).outcome == "complete"
    followed.poll()
    other = tmp_path / "other.db"
    with App(other) as process:
        process.do("CREATE TABLE t(a, b)", "INSERT INTO t VALUES('two', 2)", "PRAGMA journal_mode=wal")
    subprocess.run(["cp", str(other), str(database)], check=True)
    for _ in range(3):
        followed.poll()
    assert "written-past" in followed.told
    assert followed.sink.reasons == ["new", "replaced"]
    assert rows(followed.sink.image, "SELECT a FROM t") == [("two",)]


def test_a_log_cut_short_by_others_is_not_gone_on_with(app: App, follow: Follow, database: Path) -> None:
    """Nobody may do this; a copy of an old log over the new one is how it happens."""
    followed = follow()
    followed.follower.start()
    for number in range(5):
        app.do(f"INSERT INTO t VALUES({number}, randomblob(9000))")
    wal = Path(f"{database}-wal")
    size = wal.stat().st_size
    os.truncate(wal, size - 8000)
    found = followed.poll()
    assert found.state != "following"
    assert "chain-break" in followed.told


def test_a_full_sink_loses_nothing(app: App, follow: Follow) -> None:
    followed = follow()
    followed.follower.start()
    app.do("INSERT INTO t VALUES(0, randomblob(9000))")
    followed.poll()
    followed.sink.full = True
    for number in range(1, 6):
        app.do(f"INSERT INTO t VALUES({number}, randomblob(9000))")
        found = followed.poll()
        assert "No space left" in found.detail
        assert found.behind_bytes > number * 9000
        assert followed.follower.checkpoint(0.1).outcome == "skipped"
        assert followed.follower.freeze() is None
    app.rows("PRAGMA wal_checkpoint(TRUNCATE)")  # is held off: what is not kept yet stays
    assert followed.told.count("sink-failed") == 1
    followed.sink.full = False
    followed.poll()
    assert followed.told[-1] == "sink-recovered"
    assert followed.equals_live()
    assert followed.sink.reasons == ["new"]
    assert followed.poll().detail == ""


def test_a_sink_that_is_full_at_the_beginning_is_tried_again(app: App, follow: Follow) -> None:
    followed = follow()
    followed.sink.full = True
    assert followed.follower.start().how == "waiting"
    app.do("INSERT INTO t VALUES(0, randomblob(9000))")
    assert not followed.poll().moved
    assert followed.follower.checkpoint(0.1).outcome == "skipped"
    assert followed.follower.freeze() is None
    assert followed.follower.tend() is None
    followed.sink.full = False
    settled(followed)
    assert followed.equals_live()
    assert followed.sink.reasons == ["new"]


def test_who_keeps_the_log_is_named(app: App, follow: Follow, database: Path) -> None:
    followed = follow()
    followed.follower.start()
    app.do("INSERT INTO t VALUES(1, 1)")
    with App(database) as reader:
        reader.do("BEGIN", "SELECT count(*) FROM t")
        app.do("INSERT INTO t VALUES(2, 2)")
        done = followed.follower.checkpoint(0.02)
        assert done.outcome == "partial"
        assert done.blocker is not None
        assert done.blocker.pid == reader.pid
        assert "python" in done.blocker.program
        assert done.lock_seconds == 0  # writers were not held for what could not be done
        assert f"pid {reader.pid}" in followed.events[-1].detail
        followed.follower.checkpoint(0.02)
        assert followed.told.count("blocked") == 1
        app.do("INSERT INTO t VALUES(3, 3)")
        followed.poll()
        assert followed.equals_live()
    assert followed.follower.checkpoint(0.5).outcome == "complete"


def test_a_writer_that_does_not_end_is_told(app: App, follow: Follow) -> None:
    followed = follow(options=FollowOptions(lock_seconds=0.05, long_wait_seconds=0.04))
    followed.follower.start()
    app.do("INSERT INTO t VALUES(1, 1)")
    app.do("BEGIN IMMEDIATE", "INSERT INTO t VALUES(2, 2)")
    done = followed.follower.checkpoint(0.02)
    assert (done.outcome, done.blocker and done.blocker.pid) == ("skipped", app.pid)
    assert "long-wait" in followed.told
    app.do("COMMIT")
    followed.poll()
    assert followed.equals_live()


READ_ONLY = """
import sys
from pathlib import Path
from sqlite_recovery_tui.replicate.follow import Follower
from tests.support.wal_sink import MemorySink
told = []
follower = Follower(Path(sys.argv[1]), MemorySink(), events=told.append)
print(follower.start().how, [event.kind for event in told])
"""


def test_a_read_only_file_system_is_told(app: App, database: Path) -> None:
    app.kill()
    folder = database.parent
    mounted = f"mount --bind {folder} {folder} && mount -o remount,bind,ro {folder}"
    if subprocess.run(["unshare", "-rm", "sh", "-c", mounted], check=False, capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    run = f'{mounted} && exec "$@"'
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", run, "sh", sys.executable, "-c", READ_ONLY, str(database)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "waiting ['read-only']\n", done.stderr


def test_a_database_that_cannot_grow_is_told_and_still_followed(app: App, follow: Follow) -> None:
    followed = follow()
    followed.follower.start()
    app.do("INSERT INTO t VALUES(1, randomblob(2000000))")
    followed.poll()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, hard))  # of this process alone
    try:
        for _ in range(2):
            assert followed.follower.checkpoint(0.1).outcome == "skipped"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert followed.told.count("fold-failed") == 1
    app.do("INSERT INTO t VALUES(2, 2)")
    assert followed.poll().detail == ""
    assert followed.equals_live()
    assert followed.follower.checkpoint(0.5).outcome == "complete"
    app.do("INSERT INTO t VALUES(3, 3)")
    followed.poll()
    assert followed.equals_live()
    assert followed.sink.reasons == ["new"]


def test_a_log_that_cannot_be_read_is_tried_again(app: App, follow: Follow, tmp_path: Path) -> None:
    followed = follow()
    followed.follower.start()
    app.do("INSERT INTO t VALUES(1, 1)")
    session = followed.follower._session
    assert session is not None
    real, folder = session.wal, os.open(tmp_path, os.O_RDONLY)
    session.wal = WalFile(folder)  # reading it fails, as on a bad disk
    try:
        assert "cannot be read" in followed.poll().detail
        assert followed.poll().behind_bytes > 0
    finally:
        session.wal = real
        os.close(folder)
    assert followed.told == ["began", "unreadable"]
    assert followed.poll().moved
    assert followed.equals_live()


def test_a_link_that_leads_elsewhere_begins_anew(
    app: App, follow: Follow, database: Path, tmp_path: Path
) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(database)
    followed = Followed(link, options=FollowOptions(retry_seconds=0))
    try:
        followed.follower.start()
        app.do("INSERT INTO t VALUES(1, 1)")
        followed.poll()
        assert followed.equals_live()
        other = tmp_path / "other.db"
        with App(other) as process:
            process.do("PRAGMA journal_mode=wal", "CREATE TABLE u(a)")
            link.unlink()
            link.symlink_to(other)
            settled(followed)
            assert followed.equals_live()
            assert followed.sink.reasons == ["new", "replaced"]
    finally:
        followed.close()


def test_a_sink_that_lost_what_it_kept_begins_anew(app: App, follow: Follow) -> None:
    followed = follow()
    followed.follower.start()
    app.do("INSERT INTO t VALUES(1, 1)")

    def lost(*_: object) -> None:
        raise ValueError("the spool lacks what came before")

    followed.sink.append = lost  # type: ignore[method-assign]
    followed.poll()
    del followed.sink.append
    settled(followed)
    assert followed.sink.reasons == ["new", "lost"]
    assert followed.equals_live()


def test_an_index_that_a_killed_writer_left_torn_is_made_anew(
    app: App, follow: Follow, database: Path
) -> None:
    followed = follow()
    followed.follower.start()
    app.do("INSERT INTO t VALUES(1, 1)")
    app.kill()
    tear = "import os, sys; os.pwrite(os.open(sys.argv[1], os.O_RDWR), bytes(8), 12)"
    subprocess.run([sys.executable, "-S", "-c", tear, f"{database}-shm"], check=True)
    assert "not whole" in followed.poll().detail
    settled(followed)
    assert followed.equals_live()
    assert rows(followed.sink.image, "SELECT a FROM t") == [(1,)]
    assert followed.sink.reasons == ["new"]
    assert followed.told == ["began", "unreadable"]
