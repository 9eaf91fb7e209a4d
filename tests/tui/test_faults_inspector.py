"""The process that looks into a database is killed in the middle of it: that place alone says so."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from textual.pilot import Pilot

from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.sqlite.inspector_process import InspectorProcess
from sqlite_recovery_tui.tui.app import Console
from sqlite_recovery_tui.tui.widgets.problem import Problem
from tests.tui.support import inspectors, make_console, opened, picture, press, type_text, view

Killing = Callable[..., list[int]]


@pytest.fixture
def killing(monkeypatch: pytest.MonkeyPatch) -> Killing:
    """Kill the process while it works on an operation, so many times; it has heard of it but says nothing."""

    def begin(operation: str, times: int = 1) -> list[int]:
        killed: list[int] = []
        doomed: set[int] = set()
        request, line = InspectorProcess._request, InspectorProcess.line

        def stopping(self: InspectorProcess, asked: str, *rest: Any) -> bytes:
            if asked == operation and len(killed) + len(doomed) < times:
                os.kill(self.pid, signal.SIGSTOP)
                doomed.add(self.pid)
            return request(self, asked, *rest)

        def ending(self: InspectorProcess, wait_seconds: float) -> dict[str, Any] | None:
            if self.pid in doomed:
                doomed.remove(self.pid)
                killed.append(self.pid)
                os.kill(self.pid, signal.SIGKILL)
            return line(self, wait_seconds)

        monkeypatch.setattr(InspectorProcess, "_request", stopping)
        monkeypatch.setattr(InspectorProcess, "line", ending)
        return killed

    return begin


@pytest.fixture
def console(settings: Settings) -> Iterator[Console]:
    made = make_console(settings)
    yield made
    assert made.engine.close(10)
    assert not inspectors(), "no process is left"


async def restored(pilot: Pilot[None]) -> None:
    """Restore the newest state; its workbench opens."""
    await press(pilot, "R")
    await press(pilot, "enter")
    assert view(pilot) == "workbench"


async def test_while_reading_the_schema(console: Console, killing: Killing) -> None:
    killed = killing("tables")
    async with opened(console, (120, 36)) as pilot:
        await restored(pilot)
        assert len(killed) == 1
        shown = picture(pilot)
        assert "was killed by signal" in problem(pilot)
        assert "every check passed" in shown, "the checks have a process of their own"
        await press(pilot, "r")
        shown = picture(pilot)
        assert problem(pilot) == ""
        assert "692" in line_of("orders", shown)


async def test_while_counting(console: Console, killing: Killing) -> None:
    killed = killing("count")
    async with opened(console, (120, 36)) as pilot:
        await restored(pilot)
        assert len(killed) == 1
        shown = picture(pilot)
        assert "every check passed" in shown
        assert "✗" in line_of("migrations", shown), "this count is missing"
        assert "1,511" in line_of("customers", shown), "the others are there"


async def test_while_fetching_rows(console: Console, killing: Killing) -> None:
    killed = killing("rows")
    async with opened(console, (120, 36)) as pilot:
        await restored(pilot)
        assert len(killed) == 1
        assert "was killed by signal" in problem(pilot)
        await press(pilot, "r")
        assert problem(pilot) == ""
        assert "0001_first_tables" in picture(pilot)


@pytest.mark.parametrize(("operation", "name"), [("check", "quick check"), ("foreign_keys", "foreign keys")])
async def test_while_checking(console: Console, killing: Killing, operation: str, name: str) -> None:
    killed = killing(operation)
    async with opened(console, (120, 36)) as pilot:
        await restored(pilot)
        assert len(killed) == 1
        shown = picture(pilot)
        assert "not fully checked" in shown
        assert "not checkable" in line_of(name, shown)
        assert "ok" in line_of("full check", shown), "the other checks have run"
        await press(pilot, "c")
        assert "every check passed" in picture(pilot)


async def test_while_asking_in_sql(console: Console, killing: Killing) -> None:
    killed = killing("query")
    async with opened(console, (120, 36)) as pilot:
        await restored(pilot)
        await press(pilot, "s")
        await type_text(pilot, "select count(*) * 3 as n from orders")
        await press(pilot, "enter")
        assert len(killed) == 1
        assert "was killed by signal" in problem(pilot)
        await press(pilot, "r")
        assert problem(pilot) == ""
        assert "2076" in picture(pilot)


def problem(pilot: Pilot[None]) -> str:
    """Return what is said where something failed, whatever the width of its place."""
    return pilot.app.screen.query_one(Problem).shown


def line_of(words: str, shown: str) -> str:
    """Return the part of the line where `words` stand, up to the next column."""
    line = next(line for line in shown.splitlines() if words in line)
    return line[line.index(words) :].partition("│")[0]
