"""A database that moves is reported, one that rests costs nothing; without the system's help that is said."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sqlite_recovery_tui.replicate.watch import Watch
from tests.support.sql_process import SqlProcess

SECONDS = 10.0


@pytest.fixture
def watch() -> Iterator[Watch]:
    made = Watch()
    yield made
    made.close()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Path]:
    with SqlProcess(tmp_path / "app.db", "rwc") as application:
        application.rows("PRAGMA journal_mode=WAL")
        application.rows("CREATE TABLE t (a)")
        yield tmp_path / "app.db"


def test_a_commit_is_reported_once_until_armed_again(watch: Watch, database: Path) -> None:
    assert watch.add(database)
    assert watch.arm(database)
    assert watch.wait(0) == set()
    with SqlProcess(database) as application:
        application.rows("INSERT INTO t VALUES (1)")
        assert watch.wait(SECONDS) == {database}
        while watch.wait(0):  # what the system had noted before it stopped
            pass
        application.rows("INSERT INTO t VALUES (2)")
        assert watch.wait(0.05) == set(), "an unarmed log is not looked at"
        assert watch.arm(database)
        application.rows("INSERT INTO t VALUES (3)")
        assert watch.wait(SECONDS) == {database}


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm"])
def test_a_file_that_is_exchanged_or_removed_is_reported(watch: Watch, database: Path, suffix: str) -> None:
    assert watch.add(database)
    (database.parent / "other").touch()
    assert watch.wait(0.05) == set()
    other = database.parent / "new"
    other.write_bytes(b"x")
    other.replace(f"{database}{suffix}")
    assert watch.wait(SECONDS) == {database}
    os.unlink(f"{database}{suffix}")
    assert watch.wait(SECONDS) == {database}


def test_a_database_that_appears_is_reported(watch: Watch, tmp_path: Path) -> None:
    assert watch.add(tmp_path / "new.db")
    assert not watch.arm(tmp_path / "new.db"), "there is no log to look at"
    (tmp_path / "new.db").touch()
    assert watch.wait(SECONDS) == {tmp_path / "new.db"}


def test_a_folder_that_goes_is_reported_and_can_be_watched_again(watch: Watch, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    assert watch.add(folder / "app.db")
    folder.rmdir()
    assert watch.wait(SECONDS) == {folder / "app.db"}
    assert not watch.add(folder / "app.db")
    folder.mkdir()
    assert watch.add(folder / "app.db")
    (folder / "app.db").touch()
    assert watch.wait(SECONDS) == {folder / "app.db"}


def test_without_notification_the_caller_is_told_to_look(database: Path) -> None:
    watch = Watch(notify=False)
    assert not watch.add(database)
    assert not watch.arm(database)
    assert watch.wait(0) == set()
    watch.close()


@pytest.mark.parametrize("notify", [True, False])
def test_waiting_can_be_ended_from_another_thread(notify: bool) -> None:
    watch = Watch(notify=notify)
    threading.Timer(0.05, watch.wake).start()
    assert watch.wait(SECONDS) == set()
    watch.close()
    watch.wake()
