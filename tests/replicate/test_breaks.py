"""The holes of a history are counted for as long as a replica keeps what lies before them."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path

import pytest

from sqlite_recovery_tui.clock import FixedClock
from sqlite_recovery_tui.config import DaemonConfig, DatabaseConfig, replica_from_url
from sqlite_recovery_tui.replicate.breaks import Breaks
from sqlite_recovery_tui.replicate.stretch import Break
from sqlite_recovery_tui.replicate.supervisor import Supervisor
from tests.support.copies import fixed_clock
from tests.support.daemon import wait_until
from tests.support.sql_process import SqlProcess


def test_breaks_are_remembered_until_the_retention_has_passed(tmp_path: Path) -> None:
    clock: FixedClock = fixed_clock()
    breaks = Breaks(tmp_path / "breaks", clock)
    assert breaks.within(None) == 0
    breaks.add("the log was overwritten")
    clock.sleep(3 * 3600)
    breaks.add("the log was overwritten again")
    for each in (breaks, Breaks(tmp_path / "breaks", clock)):
        assert each.within(None) == 2
        assert each.within(timedelta(hours=2)) == 1
    clock.sleep(23 * 3600)
    assert (breaks.within(None), breaks.within(timedelta(0)), breaks.within(timedelta(hours=1))) == (1, 2, 0)


def test_a_file_that_says_nothing_or_cannot_be_written_stops_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "breaks"
    file.write_bytes(b'{"at": "2026-03-26T10:00:00+00:00"}\n{"at": "2026-03-26T10:00:00"}\n[]\n{"at": 1}\n{')
    assert Breaks(file, fixed_clock()).within(timedelta(0)) == 1
    lost = Breaks(tmp_path / "none" / "breaks", fixed_clock())
    with caplog.at_level(logging.WARNING):
        lost.add("the log was overwritten")
    assert lost.within(None) == 1
    assert "could not be noted" in caplog.text


def gaps(supervisor: Supervisor) -> list[int]:
    """Return what is said of each replica that is protected."""
    (one,) = supervisor.status().databases
    return [replica.gaps for replica in one.replicas if one.health == "protected"]


def test_a_daemon_that_begins_again_still_counts_them(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    database = DatabaseConfig(path, path.name, (replica_from_url((tmp_path / "replica").as_uri()),))
    with SqlProcess(path, "rwc") as application:
        application.rows("PRAGMA journal_mode = wal")
        application.rows("CREATE TABLE t (a)")
        first = Supervisor((database,), DaemonConfig())
        first.start()
        wait_until(lambda: gaps(first) == [0], "it is never protected")
        first.minders[0].renew(Break("replaced", "another database was put in its place"))
        wait_until(lambda: gaps(first) == [1], "the break is not counted")
        application.rows("INSERT INTO t VALUES (1)")
        assert first.stop(10) == ""
        first.close()
        second = Supervisor((database,), DaemonConfig())
        second.start()
        wait_until(lambda: gaps(second) == [1], "the break is forgotten")
        assert second.stop(10) == ""
        second.close()
