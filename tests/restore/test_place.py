"""The finished file gets its name whole or not at all, and whatever had the name before can be had back."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import apsw
import pytest

from sqlite_recovery_tui.errors import RecoverError, RefusedError
from sqlite_recovery_tui.restore import place as placing
from sqlite_recovery_tui.restore.place import NoSpaceError, check_space, check_target, open_by, place

NOW = datetime(2026, 3, 26, 10, 30, tzinfo=UTC)
NEW = b"the restored database"


@pytest.fixture
def output(tmp_path: Path) -> Path:
    (tmp_path / "target").mkdir()
    return tmp_path / "target" / "app.db"


@pytest.fixture
def finished(output: Path) -> Path:
    """A finished file in a work directory beside the target."""
    work = output.parent / ".work"
    work.mkdir(mode=0o700)
    (work / "database").touch(mode=0o600)
    (work / "database").write_bytes(NEW)
    return work / "database"


@contextmanager
def umask(value: int) -> Iterator[None]:
    before = os.umask(value)
    try:
        yield
    finally:
        os.umask(before)


def beside(output: Path) -> list[str]:
    """Names in the target's directory, the work directory left out."""
    return sorted(path.name for path in output.parent.iterdir() if path.name != ".work")


def a_database(path: Path, rows: int = 3) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE t(a)")
        connection.executemany("INSERT INTO t VALUES (?)", [(number,) for number in range(rows)])
        connection.commit()


def left_by_a_crash(path: Path, rows: int = 3) -> None:
    """A database of which every row is still in the log, as a killed application leaves it."""
    live = path.with_name("live")
    with closing(sqlite3.connect(live)) as connection:
        connection.executescript("PRAGMA journal_mode=WAL; CREATE TABLE t(a);")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        connection.executemany("INSERT INTO t VALUES (?)", [(number,) for number in range(rows)])
        connection.commit()
        shutil.copy(live, path)
        shutil.copy(f"{live}-wal", f"{path}-wal")
    live.unlink()


def count(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM t").fetchone()[0])


@contextmanager
def held_open(path: Path, how: str = "open(sys.argv[1], 'rb')") -> Iterator[int]:
    """Another process that has `path` open; yields its pid."""
    script = f"import sys, sqlite3; held = {how}; print('ready', flush=True); sys.stdin.read()"
    process = subprocess.Popen(
        [sys.executable, "-c", script, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield process.pid


# --- before anything is fetched -------------------------------------------------------------------------


def test_a_free_name_and_an_empty_file_are_targets(output: Path) -> None:
    check_target(output, force=False)
    output.touch()
    check_target(output, force=False)


def test_what_exists_is_refused_unless_forced(output: Path) -> None:
    output.write_bytes(b"x")
    with pytest.raises(RefusedError, match=r"app\.db exists") as caught:
        check_target(output, force=False)
    assert "--force" in caught.value.hint
    check_target(output, force=True)


@pytest.mark.parametrize("suffix", ["-wal", "-shm", "-journal"])
@pytest.mark.parametrize("kind", ["file", "link", "dangling link"])
@pytest.mark.parametrize("empty", [False, True])
def test_a_log_left_behind_is_refused_unless_forced(
    suffix: str, kind: str, empty: bool, output: Path
) -> None:
    sidecar = Path(f"{output}{suffix}")
    if kind == "file":
        sidecar.write_bytes(b"old")
    else:
        sidecar.symlink_to(output.parent / ("nowhere" if kind == "dangling link" else "."))
    if empty:
        output.touch()
    with pytest.raises(RefusedError, match="would be replayed"):
        check_target(output, force=False)
    check_target(output, force=True)


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("kind", ["link", "dangling link", "directory", "fifo"])
def test_only_regular_files_are_targets(kind: str, force: bool, output: Path) -> None:
    if kind == "directory":
        output.mkdir()
    elif kind == "fifo":
        os.mkfifo(output)
    else:
        if kind == "link":
            (output.parent / "victim").write_bytes(b"")
        output.symlink_to(output.parent / "victim")
    with pytest.raises(RefusedError, match="not a regular file"):
        check_target(output, force=force)


def test_a_directory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="does not exist"):
        check_target(tmp_path / "no" / "app.db", force=True)


@pytest.mark.parametrize("force", [False, True])
def test_a_name_the_file_system_does_not_take_is_refused(force: bool, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="File name too long"):
        check_target(tmp_path / ("x" * 300), force=force)


@pytest.mark.parametrize("which", ["", "-wal", "-shm"])
def test_a_target_in_use_is_refused_naming_who(which: str, output: Path) -> None:
    output.write_bytes(b"x")
    held = Path(f"{output}{which}")
    held.touch()
    with held_open(held) as pid:
        with pytest.raises(RefusedError, match=rf"is open in \S+ \(pid {pid}\)"):
            check_target(output, force=True)
        assert [holder for holder, _ in open_by(output)] == [pid]
    check_target(output, force=True)
    assert open_by(output) == []


def test_the_file_itself_counts_not_its_name(output: Path) -> None:
    output.write_bytes(b"x")
    os.link(output, output.parent / "other name")
    with held_open(output.parent / "other name") as pid:
        assert [holder for holder, _ in open_by(output)] == [pid]


def test_room_is_looked_for(tmp_path: Path) -> None:
    check_space(tmp_path, 0)
    free = shutil.disk_usage(tmp_path).free
    with pytest.raises(NoSpaceError, match=r"bytes needed, [\d,]+ available") as caught:
        check_space(tmp_path, free + (1 << 40))
    assert caught.value.code == 1
    assert str(tmp_path) in caught.value.message


# --- a new file -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("mask", [0, 0o022, 0o077])
def test_a_new_file_is_for_its_owner_alone(mask: int, force: bool, output: Path, finished: Path) -> None:
    finished.chmod(0o644)
    with umask(mask):
        assert place(finished, output, force=force, now=NOW) is None
    assert output.read_bytes() == NEW
    assert output.stat().st_mode & 0o7777 == 0o600
    assert output.stat().st_nlink == 1
    assert not finished.exists()
    assert beside(output) == ["app.db"]


def test_an_empty_file_is_filled_and_keeps_its_mode(output: Path, finished: Path) -> None:
    output.touch()
    output.chmod(0o640)
    assert place(finished, output, force=False, now=NOW) is None
    assert output.read_bytes() == NEW
    assert output.stat().st_mode & 0o7777 == 0o640


def appear(output: Path, kind: str) -> None:
    victim = output.parent.parent / "victim"
    victim.write_bytes(b"")
    if kind == "file":
        output.write_bytes(b"somebody's")
    elif kind == "link":
        output.symlink_to(victim)
    elif kind == "directory":
        output.mkdir()
    elif kind == "fifo":
        os.mkfifo(output)
    else:
        Path(f"{output}{kind}").write_bytes(b"somebody's")


def _stamp(path: Path) -> tuple[int, ...]:
    """Return what changes when a file is touched; that it was looked at is no change."""
    status = path.lstat()
    return status.st_ino, status.st_mode, status.st_nlink, status.st_size, status.st_mtime_ns


@pytest.mark.parametrize("kind", ["file", "link", "directory", "fifo", "-wal", "-journal"])
@pytest.mark.parametrize("links", [True, False])
def test_what_appeared_meanwhile_is_not_touched(
    kind: str, links: bool, output: Path, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_target(output, force=False)
    appear(output, kind)
    before = {path: _stamp(path) for path in output.parent.rglob("*") if path != finished}
    if not links:
        monkeypatch.setattr(os, "link", _no_links)
    with pytest.raises(RefusedError, match="appeared while"):
        place(finished, output, force=False, now=NOW)
    assert {path: _stamp(path) for path in before} == before
    assert (output.parent.parent / "victim").read_bytes() == b""
    assert finished.read_bytes() == NEW


def _no_links(*_: object, **__: object) -> None:
    raise OSError(errno.EPERM, "Operation not permitted")


def test_a_file_system_without_links_will_do(
    output: Path, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", _no_links)
    assert place(finished, output, force=False, now=NOW) is None
    assert output.read_bytes() == NEW
    assert output.stat().st_mode & 0o777 == 0o600


# --- replacing ------------------------------------------------------------------------------------------


def test_what_was_there_is_kept_whole_with_its_log_folded_in(output: Path, finished: Path) -> None:
    left_by_a_crash(output, rows=5)
    with closing(sqlite3.connect(f"file:{output}?immutable=1", uri=True)) as connection:
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,), "all rows are in the log"
    undo = place(finished, output, force=True, now=NOW)
    assert undo is not None
    assert undo.name == f"app.db.undo-20260326T103000Z-{os.getpid()}"
    assert undo.stat().st_mode & 0o777 == 0o700
    assert output.read_bytes() == NEW
    assert beside(output) == ["app.db", undo.name]
    assert [path.name for path in undo.iterdir()] == ["app.db"]
    assert count(undo / "app.db") == 5


def test_a_broken_database_is_kept_with_its_log_as_they_are(output: Path, finished: Path) -> None:
    output.write_bytes(b"this is no database" * 100)
    Path(f"{output}-wal").write_bytes(b"nor is this a log")
    Path(f"{output}-journal").write_bytes(b"nor this")
    undo = place(finished, output, force=True, now=NOW)
    assert undo is not None
    assert {path.name: path.read_bytes() for path in undo.iterdir()} == {
        "app.db": b"this is no database" * 100,
        "app.db-wal": b"nor is this a log",
        "app.db-journal": b"nor this",
    }
    assert beside(output) == ["app.db", undo.name]


def test_an_interrupted_transaction_is_rolled_back_by_whoever_opens_the_undo_point(
    output: Path, finished: Path
) -> None:
    live = output.with_name("live")
    with closing(sqlite3.connect(live, isolation_level=None)) as connection:
        connection.executescript("PRAGMA cache_size=2; CREATE TABLE t(a);")
        connection.executemany("INSERT INTO t VALUES (?)", [(number,) for number in range(4)])
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO t VALUES (zeroblob(3000))", [()] * 50)
        shutil.copy(live, output)
        shutil.copy(f"{live}-journal", f"{output}-journal")
        connection.execute("ROLLBACK")
    live.unlink()
    undo = place(finished, output, force=True, now=NOW)
    assert undo is not None
    assert count(undo / "app.db") == 4
    assert beside(output) == ["app.db", undo.name]


def test_logs_alone_are_kept_and_gone_from_the_new_file(output: Path, finished: Path) -> None:
    finished.chmod(0o644)
    Path(f"{output}-wal").write_bytes(b"old log")
    Path(f"{output}-shm").symlink_to("nowhere")
    Path(f"{output}-journal").symlink_to("nowhere")
    undo = place(finished, output, force=True, now=NOW)
    assert undo is not None
    assert (undo / "app.db-wal").read_bytes() == b"old log"
    assert sorted(path.name for path in undo.iterdir()) == ["app.db-journal", "app.db-wal"]
    assert (undo / "app.db-journal").is_symlink()
    assert beside(output) == ["app.db", undo.name]
    assert output.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o444, 0o2660])
def test_mode_and_owner_go_on_to_the_new_file(mode: int, output: Path, finished: Path) -> None:
    a_database(output)
    if os.geteuid() == 0:
        os.chown(output, 1234, 2345)
    output.chmod(mode)
    before = output.stat()
    with umask(0o077):
        undo = place(finished, output, force=True, now=NOW)
    assert undo is not None
    after = output.stat()
    assert (stat.S_IMODE(after.st_mode), after.st_uid, after.st_gid) == (mode, before.st_uid, before.st_gid)
    kept = (undo / "app.db").stat()
    assert (stat.S_IMODE(kept.st_mode), kept.st_uid, kept.st_ino) == (mode, before.st_uid, before.st_ino)


def test_an_owner_that_cannot_be_given_is_refused(
    output: Path, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_database(output)

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "chown", refuse)
    real = output.stat()
    theirs = os.stat_result(
        (real.st_mode, real.st_ino, real.st_dev, 1, real.st_uid + 1, real.st_gid, 0, 0, 0, 0)
    )
    stat_of = Path.stat
    monkeypatch.setattr(Path, "stat", lambda path, **how: theirs if path == output else stat_of(path, **how))
    with pytest.raises(RefusedError, match="cannot give the restored file the owner"):
        place(finished, output, force=True, now=NOW)
    monkeypatch.undo()
    assert count(output) == 3
    assert beside(output) == ["app.db"]


def test_two_undo_points_of_one_second_do_not_meet(output: Path, finished: Path) -> None:
    output.write_bytes(b"first")
    first = place(finished, output, force=True, now=NOW)
    finished.write_bytes(b"third")
    second = place(finished, output, force=True, now=NOW)
    assert first is not None
    assert second is not None
    assert (first / "app.db").read_bytes() == b"first"
    assert (second / "app.db").read_bytes() == NEW
    assert output.read_bytes() == b"third"


def test_without_links_what_was_there_is_copied(
    output: Path, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left_by_a_crash(output)
    monkeypatch.setattr(os, "link", _no_links)
    undo = place(finished, output, force=True, now=NOW)
    assert undo is not None
    assert count(undo / "app.db") == 3
    assert output.read_bytes() == NEW
    assert beside(output) == ["app.db", undo.name]


# --- refused or failed: everything as it was ------------------------------------------------------------


def test_a_target_that_came_into_use_meanwhile_is_refused(output: Path, finished: Path) -> None:
    a_database(output)
    with held_open(output, "sqlite3.connect(sys.argv[1]); held.execute('SELECT * FROM t').fetchall()") as pid:
        with pytest.raises(RefusedError, match=f"pid {pid}"):
            place(finished, output, force=True, now=NOW)
        assert not any("undo" in name for name in beside(output))
    assert count(output) == 3
    assert finished.read_bytes() == NEW


@pytest.mark.parametrize("statement", ["BEGIN; SELECT * FROM t", "BEGIN IMMEDIATE"])
def test_a_user_that_cannot_be_seen_is_noticed_by_its_lock(
    statement: str, output: Path, finished: Path
) -> None:
    """A connection of this very process stands for one of a container or of another user."""
    a_database(output)
    with closing(apsw.Connection(str(output))) as user, closing(apsw.Connection(str(output))) as writer:
        writer.execute("INSERT INTO t VALUES (9)")
        user.execute(statement).fetchall()
        writer.set_busy_timeout(0)
        if "SELECT" in statement:
            writer.execute("INSERT INTO t VALUES (10)")
        with pytest.raises(RefusedError, match="is in use"):
            place(finished, output, force=True, now=NOW)
        assert not any("undo" in name for name in beside(output))
        assert os.path.samefile(output, str(output))
    assert count(output) >= 4


@pytest.mark.parametrize("kind", ["link", "directory"])
def test_a_target_that_became_something_else_is_refused(kind: str, output: Path, finished: Path) -> None:
    a_database(output)
    check_target(output, force=True)
    victim = output.parent.parent / "victim"
    left_by_a_crash(victim, rows=2)
    before = victim.read_bytes()
    output.unlink()
    if kind == "link":
        output.symlink_to(victim)
    else:
        output.mkdir()
    with pytest.raises(RefusedError, match="not a regular file"):
        place(finished, output, force=True, now=NOW)
    assert victim.read_bytes() == before
    assert beside(output) == ["app.db"]


@pytest.mark.parametrize("step", ["link", "fsync_folder", "replace"])
def test_a_failure_on_the_way_leaves_the_target_and_no_half_undo_point(
    step: str, output: Path, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left_by_a_crash(output)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    owner = {"link": os, "fsync_folder": placing, "replace": Path}[step]
    monkeypatch.setattr(owner, step, full)
    with pytest.raises(OSError, match="No space"):
        place(finished, output, force=True, now=NOW)
    monkeypatch.undo()
    assert count(output) == 3
    undone = [name for name in beside(output) if "undo" in name]
    if step == "replace":
        assert count(output.parent / undone[0] / "app.db") == 3
    else:
        assert undone == []


def test_folders_are_made_durable_before_the_old_logs_go(
    output: Path, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output.write_bytes(b"no database")
    Path(f"{output}-wal").write_bytes(b"old log")
    seen: list[tuple[str, bool, bytes]] = []
    monkeypatch.setattr(
        placing,
        "fsync_folder",
        lambda folder: seen.append((folder.name, Path(f"{output}-wal").exists(), output.read_bytes())),
    )
    undo = place(finished, output, force=True, now=NOW)
    assert undo is not None
    assert seen == [
        (undo.name, True, b"no database"),
        ("target", True, b"no database"),
        ("target", False, NEW),
    ]


def test_only_known_trouble_with_links_is_worked_around(
    output: Path, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "link", broken)
    with pytest.raises(OSError, match="Input/output"):
        place(finished, output, force=False, now=NOW)
    assert beside(output) == []
    with pytest.raises(RecoverError):
        check_target(output.parent, force=True)
