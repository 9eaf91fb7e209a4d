"""Commits are counted by SQLite's own counters, without writing; what they mean is said plainly."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from sqlite_recovery_tui.clock import FixedClock
from sqlite_recovery_tui.doctor import rate
from sqlite_recovery_tui.doctor.rate import Rate
from tests.support.sql_process import SqlProcess


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_commits_are_counted(tmp_path: Path, mode: str) -> None:
    path, clock = tmp_path / "app.db", FixedClock(datetime(2026, 3, 26, tzinfo=UTC))
    path.touch()
    with SqlProcess(path) as writer:
        writer.rows(f"PRAGMA journal_mode={mode}")
        writer.rows("CREATE TABLE t(a)")
        before = rate.sample(path, clock)
        for _ in range(20):
            writer.rows("INSERT INTO t VALUES (1)")
        writer.rows("SELECT count(*) FROM t")
        clock.sleep(4)
        measured = rate.between(before, rate.sample(path, clock))
    assert measured is not None
    assert (measured.commits, measured.seconds) == (5.0, 4.0)
    assert measured.bytes == (20 * 4096 / 4 if mode == "WAL" else 0)


def test_a_database_that_nobody_uses_gives_no_rate(tmp_path: Path) -> None:
    path, clock = tmp_path / "app.db", FixedClock(datetime(2026, 3, 26, tzinfo=UTC))
    path.touch()
    with SqlProcess(path) as writer:
        writer.rows("PRAGMA journal_mode=WAL")
        writer.rows("CREATE TABLE t(a)")
    before = rate.sample(path, clock)
    clock.sleep(1)
    assert rate.judge(rate.between(before, rate.sample(path, clock))).status == "ok"


def test_an_index_that_was_built_anew_gives_no_rate() -> None:
    before, after = rate.Sample(0, "log", 500), rate.Sample(1, "log", 3)
    assert rate.between(before, after) is None
    assert rate.between(before, rate.Sample(1, "header", 600)) is None


def test_a_log_that_was_begun_anew_counts_from_its_start() -> None:
    before = rate.Sample(0, "log", 10, b"a", 900, 4096)
    measured = rate.between(before, rate.Sample(2, "log", 14, b"b", 100, 4096))
    assert measured == Rate(2.0, 100 * 4096 / 2, 2)


def test_more_than_one_writer_sustains_is_said_with_the_figure() -> None:
    check = rate.judge(Rate(14_200, 60 << 20, 2.0))
    assert check.status == "fail"
    assert check.message.startswith("14,200 commits/s, 60.0 MiB/s of log, measured over 2.0 s: more than")
    assert "database server" in check.hint
    assert rate.judge(Rate(10, 300 << 20, 2.0)).status == "fail"
    assert rate.judge(Rate(6_000, 1 << 20, 2.0)).status == "warn"
    assert rate.judge(Rate(4_000, 1 << 20, 2.0)).status == "ok"
