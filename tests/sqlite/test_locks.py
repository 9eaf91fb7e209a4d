"""The locks of a writer, against SQLite in other processes and in this one."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from sqlite_recovery_tui.sqlite import locks
from sqlite_recovery_tui.sqlite.locks import FileLocks
from tests.support.sql_process import SqlProcess

LOCKED = "database is locked"
COUNT = "SELECT count(*) FROM t"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    database = tmp_path / "a.db"
    connection = sqlite3.connect(database)
    connection.execute("CREATE TABLE t(a)")
    connection.close()
    return database


@pytest.fixture(params=["of the open file", "of the process"])
def ours(request: pytest.FixtureRequest, path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileLocks]:
    if request.param == "of the process":
        monkeypatch.setattr(locks, "_OFD_SETLK", None)
    elif locks._OFD_SETLK is None:
        pytest.skip("locks of the open file are not to be had here")
    fd = os.open(path, os.O_RDWR)
    yield FileLocks(fd)
    os.close(fd)


@pytest.fixture
def other(path: Path) -> Iterator[SqlProcess]:
    with SqlProcess(path) as process:
        yield process


def test_a_reader_keeps_us_from_being_alone(ours: FileLocks, other: SqlProcess) -> None:
    other.rows("BEGIN")
    other.rows(COUNT)
    assert ours.share()
    assert ours.reserve()
    assert ours.hold_off()
    assert not ours.exclude()
    other.rows("COMMIT")
    assert ours.exclude()
    assert other.error(COUNT) == LOCKED
    ours.release()
    assert other.value(COUNT) == 0


def test_readers_go_on_while_a_write_is_prepared(ours: FileLocks, other: SqlProcess) -> None:
    assert ours.share()
    assert ours.reserve()
    assert other.value(COUNT) == 0
    assert other.error("BEGIN IMMEDIATE") == LOCKED


def test_held_off_readers_may_finish_but_none_come_in(ours: FileLocks, other: SqlProcess, path: Path) -> None:
    other.rows("BEGIN")
    other.rows(COUNT)
    assert ours.share()
    assert ours.reserve()
    assert ours.hold_off()
    with SqlProcess(path) as late:
        assert late.error(COUNT) == LOCKED
        assert other.value(COUNT) == 0
        ours.let_in()
        assert late.value(COUNT) == 0


def test_a_writer_keeps_us_out(ours: FileLocks, other: SqlProcess) -> None:
    other.rows("BEGIN IMMEDIATE")
    assert ours.share()
    assert not ours.reserve()
    ours.release()
    other.rows("ROLLBACK")
    other.rows("BEGIN EXCLUSIVE")
    assert not ours.share()
    other.rows("ROLLBACK")
    assert ours.share()


def test_a_journal_is_not_hot_while_we_write(ours: FileLocks, other: SqlProcess, path: Path) -> None:
    assert ours.share()
    assert ours.reserve()
    Path(f"{path}-journal").write_bytes(b"\xd9 what we are about to do")
    assert other.value(COUNT) == 0
    assert Path(f"{path}-journal").exists()


@pytest.mark.parametrize("ours", ["of the open file"], indirect=True)
def test_nobody_in_this_process_can_drop_our_locks(ours: FileLocks, other: SqlProcess, path: Path) -> None:
    assert ours.share()
    assert ours.reserve()
    assert ours.hold_off()
    assert ours.exclude()
    path.read_bytes()
    here = sqlite3.connect(path, timeout=0)
    with pytest.raises(sqlite3.OperationalError, match=LOCKED):
        here.execute(COUNT)
    here.close()
    assert other.error(COUNT) == LOCKED
