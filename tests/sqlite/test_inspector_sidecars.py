"""A database with changes still in its -wal or -journal is looked at in a copy; the originals stay."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from sqlite_recovery_tui import words
from sqlite_recovery_tui.errors import Cancelled, RefusedError
from sqlite_recovery_tui.progress import CancelToken, Progress

from .conftest import Inspect, Make

MAGIC = bytes.fromhex("d9d505f920a163d7")


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", os.fspath(place))
    return place


@pytest.fixture
def left_behind(make: Make, tmp_path: Path) -> Path:
    """A database whose last rows are only in the WAL, as a crash leaves it: no -shm."""
    path = make("CREATE TABLE t(a); INSERT INTO t VALUES (1)")
    target = tmp_path / "crashed"
    target.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("INSERT INTO t VALUES (2), (3)")
        connection.commit()
        for suffix in ("", "-wal"):
            shutil.copyfile(f"{path}{suffix}", target / f"app.db{suffix}")
    return target / "app.db"


@pytest.fixture
def hot(make: Make, tmp_path: Path) -> Path:
    """A database in the middle of a transaction that has reached the file, with its journal."""
    path = make("CREATE TABLE t(a); INSERT INTO t VALUES (1); CREATE TABLE big(a);")
    target = tmp_path / "crashed"
    target.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA cache_size = 5")
        connection.execute("INSERT INTO t VALUES (2)")
        connection.execute(
            "INSERT INTO big WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 200)"
            " SELECT randomblob(2000) FROM n"
        )
        for suffix in ("", "-journal"):
            shutil.copyfile(f"{path}{suffix}", target / f"app.db{suffix}")
        connection.rollback()
    return target / "app.db"


def state(path: Path) -> dict[str, tuple[str, int]]:
    """Every file beside `path`, with its content and time of change."""
    return {
        each.name: (hashlib.sha256(each.read_bytes()).hexdigest(), each.stat().st_mtime_ns)
        for each in path.parent.iterdir()
        if each.is_file()
    }


def test_rows_in_the_wal_are_seen_and_nothing_changes(
    left_behind: Path, inspect: Inspect, temporary: Path
) -> None:
    before = state(left_behind)
    inspector = inspect(left_behind)
    assert inspector.count("t") == 3
    report = inspector.check("full")
    assert (report.verdict, report.notice) == ("ok", "looked at in a copy, with its -wal applied")
    assert inspector.summary().notice == report.notice
    (copy,) = temporary.iterdir()
    assert copy.stat().st_mode & 0o777 == 0o700
    assert {each.stat().st_mode & 0o777 for each in copy.iterdir()} == {0o600}
    inspector.close()
    assert list(temporary.iterdir()) == []
    assert state(left_behind) == before


def test_a_half_written_transaction_is_rolled_back_in_the_copy(
    hot: Path, inspect: Inspect, temporary: Path
) -> None:
    before = state(hot)
    inspector = inspect(hot)
    assert inspector.count("t") == 1
    assert inspector.count("big") == 0
    assert inspector.check("full").verdict == "ok"
    inspector.close()
    assert list(temporary.iterdir()) == []
    assert state(hot) == before


def test_a_journal_that_names_another_file_is_not_followed(
    hot: Path, inspect: Inspect, tmp_path: Path
) -> None:
    """Rolling back such a journal deletes the file it names when nothing says that it is still needed."""
    victim = tmp_path / "victim"
    victim.write_text("no-such-journal\0")
    name = os.fsencode(victim)
    checksum = sum(name) & 0xFFFFFFFF
    lock_page = (1 << 30) // 4096 + 1
    with hot.with_name("app.db-journal").open("ab") as journal:
        journal.write(lock_page.to_bytes(4, "big") + name + len(name).to_bytes(4, "big"))
        journal.write(checksum.to_bytes(4, "big") + MAGIC)
    with pytest.raises(RefusedError, match="transaction over several databases"):
        inspect(hot).check("quick")
    assert victim.exists()


@pytest.mark.parametrize("suffix", ["-wal", "-journal"])
@pytest.mark.parametrize("content", [b"", bytes(512)])
def test_leftovers_without_content_are_no_obstacle(
    make: Make, inspect: Inspect, suffix: str, content: bytes
) -> None:
    path = make("CREATE TABLE t(a); INSERT INTO t VALUES (1)")
    path.with_name(path.name + suffix).write_bytes(content)
    inspector = inspect(path)
    assert inspector.check("full").ok
    assert inspector.count("t") == 1


def test_a_wal_of_nonsense_is_ignored(make: Make, inspect: Inspect) -> None:
    path = make("CREATE TABLE t(a); PRAGMA journal_mode = WAL; INSERT INTO t VALUES (1)")
    path.with_name("app.db-wal").write_bytes(os.urandom(50_000))
    before = state(path)
    assert inspect(path).check("full").ok
    assert state(path) == before


def test_a_live_database_is_read_and_left_to_its_owner(make: Make, inspect: Inspect) -> None:
    path = make("CREATE TABLE t(a); PRAGMA journal_mode = WAL")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO t VALUES (1)")
        connection.commit()
        before = state(path)
        inspector = inspect(path)
        assert inspector.count("t") == 1
        assert state(path) == before
        connection.execute("INSERT INTO t VALUES (2)")
        connection.commit()
        assert inspector.count("t") == 2
        connection.execute("BEGIN IMMEDIATE")
        connection.rollback()


def test_a_copy_that_does_not_fit_is_refused_before_it_is_made(
    left_behind: Path, inspect: Inspect, temporary: Path
) -> None:
    try:
        os.truncate(left_behind, 1 << 43)
    except OSError:
        pytest.skip("this file system has no large sparse files")
    with pytest.raises(RefusedError, match=r"needs .* where .* are free") as caught:
        inspect(left_behind).check("quick")
    assert f"needs {words.size((1 << 43) + (16 << 20))}" in caught.value.message
    assert "TMPDIR" in caught.value.hint
    assert list(temporary.iterdir()) == []


def test_copying_can_be_cancelled(left_behind: Path, inspect: Inspect, temporary: Path) -> None:
    os.truncate(left_behind, 200 << 20)
    token = CancelToken()

    def cancel(report: Progress) -> None:
        if report.phase == "copying":
            token.cancel()

    with pytest.raises(Cancelled):
        inspect(left_behind).check("full", progress=cancel, cancel=token)
    assert list(temporary.iterdir()) == []


def test_a_database_that_is_written_all_the_time_is_refused(
    left_behind: Path, inspect: Inspect, temporary: Path
) -> None:
    os.truncate(left_behind, 200 << 20)

    def write(report: Progress) -> None:
        if report.phase == "copying":
            os.utime(left_behind)

    with pytest.raises(RefusedError, match="another program is writing the database"):
        inspect(left_behind).check("full", progress=write)
    assert list(temporary.iterdir()) == []
