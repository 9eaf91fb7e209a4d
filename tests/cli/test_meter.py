"""Progress says phase, amount, rate and time left: a bar for a person, a line now and then for a log."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest

from sqlite_recovery_tui.cli.diagnostics import Diagnostics
from sqlite_recovery_tui.cli.meter import Meter, describe
from sqlite_recovery_tui.clock import FixedClock
from sqlite_recovery_tui.progress import Progress
from tests.cli.conftest import Terminal


@pytest.mark.parametrize(
    ("progress", "seconds", "done", "line"),
    [
        (Progress("listing", 1200, None, "objects"), 0, 1200, "listing: 1,200 objects"),
        (
            Progress("fetching", 30 << 20, 120 << 20),
            3,
            30 << 20,
            "fetching: 25%, 30.0 MiB of 120.0 MiB, 10.0 MiB/s, about 9 s left",
        ),
        (
            Progress("checking", 3, 3, "tables", "orders"),
            2,
            3,
            "checking: 100%, 3 of 3 tables, 1 tables/s, orders",
        ),
        (Progress("fetching", 0, 100), 60, 0, "fetching: 0%, 0 B of 100 B"),
    ],
)
def test_a_report_in_words(progress: Progress, seconds: float, done: int, line: str) -> None:
    assert describe(progress, seconds, done) == line


def test_quick_work_says_nothing_in_a_log() -> None:
    stream, clock = io.StringIO(), FixedClock(datetime(2026, 3, 26, tzinfo=UTC))
    with Meter(Diagnostics(stream=stream), clock=clock) as meter:
        meter(Progress("fetching", 1, 2))
        clock.sleep(4.9)
        meter(Progress("applying", 2, 2))
    assert stream.getvalue() == ""


def test_long_work_says_a_line_now_and_then() -> None:
    stream, clock = io.StringIO(), FixedClock(datetime(2026, 3, 26, tzinfo=UTC))
    with Meter(Diagnostics(stream=stream), clock=clock) as meter:
        for second in range(20):
            meter(Progress("fetching", second << 20, 40 << 20))
            clock.sleep(1)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 3
    assert lines[0] == "fetching: 12%, 5.0 MiB of 40.0 MiB, 1.0 MiB/s, about 35 s left"


def test_verbose_names_each_phase() -> None:
    stream, clock = io.StringIO(), FixedClock(datetime(2026, 3, 26, tzinfo=UTC))
    with Meter(Diagnostics(verbose=1, stream=stream), clock=clock) as meter:
        meter(Progress("fetching", 0, 2))
        meter(Progress("fetching", 1, 2))
        meter(Progress("applying", 0, 2))
    assert stream.getvalue().splitlines() == ["fetching …", "applying …", "done after 0 s"]


def test_a_terminal_gets_a_bar_that_is_gone_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    stream, clock = Terminal(), FixedClock(datetime(2026, 3, 26, tzinfo=UTC))
    with Meter(Diagnostics(stream=stream), clock=clock) as meter:
        meter(Progress("listing", 1))
        assert stream.getvalue() == ""
        clock.sleep(1)
        for done in range(0, 101, 10):
            meter(Progress("fetching", done << 20, 100 << 20, "bytes", "\x1b[2Jkey [bold]"))
        meter(Progress("checking", 1, 3, "tables"))
    shown = stream.getvalue()
    assert "fetching" in shown
    assert "of 100.0 MiB" in shown
    assert "1 of 3 tables" in shown
    assert "\\x1b[2Jkey [bold]" in shown
    assert "\x1b[2J" not in shown
    assert shown.rstrip("\n").endswith("\x1b[2K")


def test_nothing_to_do_draws_nothing() -> None:
    stream = Terminal()
    with Meter(Diagnostics(stream=stream)):
        pass
    assert stream.getvalue() == ""
