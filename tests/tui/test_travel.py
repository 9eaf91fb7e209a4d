"""Through time: the commit that changed an answer, and a workbench that steps from commit to commit."""

from __future__ import annotations

import shutil
from pathlib import Path

from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.demo import DemoIncident
from sqlite_recovery_tui.restore.scratches import scratches
from sqlite_recovery_tui.tui.app import Console
from sqlite_recovery_tui.tui.screens.job_bisect import BisectJobScreen
from sqlite_recovery_tui.tui.screens.replica import ReplicaScreen
from sqlite_recovery_tui.tui.screens.workbench import Subject, WorkbenchScreen
from tests.tui.acts import Actor, situation
from tests.tui.support import (
    SMALL,
    make_console,
    opened,
    picture,
    press,
    screen,
    settle,
    toasts,
    type_text,
    view,
)

QUERY = "SELECT count(*) > 5000 FROM orders"


@situation("replica.bisect", "bisect.other", "bisect.leave")
async def test_the_commit_that_removed_the_orders(settings: Settings, incident: DemoIncident) -> None:
    async with opened(make_console(settings), SMALL) as pilot:
        actor = Actor(pilot)
        await actor.go("enter")
        await actor.do("replica.bisect", leads="BisectDialog")
        await press(pilot, "enter")
        assert "a query first" in picture(pilot)
        await actor.do("bisect.other", changes="focus")
        await actor.do("bisect.leave", leads="replica")
        await press(pilot, "b")
        await type_text(pilot, QUERY)
        await press(pilot, "enter")
        shown = screen(pilot)
        assert isinstance(shown, BisectJobScreen)
        found = shown.job.result
        assert found is not None, shown.job.error
        assert (found.before.answer.text, found.after.answer.text) == ("1", "0")
        assert found.before.stop.time <= incident.last_good_time <= found.after.stop.time
        assert "orders: 5,059 rows removed" in picture(pilot)
        assert not list(settings.scratch_dir.glob("*"))
        await press(pilot, "escape")
        below = screen(pilot)
        assert isinstance(below, ReplicaScreen)
        assert below.spot is not None
        assert below.spot.label == found.after.place.label
        await press(pilot, "J", "enter", "p")
        assert view(pilot) == "plan"
        assert found.before.place.label in picture(pilot)


async def test_a_question_that_nothing_changes(settings: Settings) -> None:
    async with opened(make_console(settings), SMALL) as pilot:
        await press(pilot, "enter", "b")
        await type_text(pilot, "SELECT [/b] FROM nowhere")
        await press(pilot, "enter")
        assert "does not differ" in " ".join(picture(pilot).split())
        assert "correct the statement" in picture(pilot)
        assert toasts(pilot) is not None


async def test_a_search_ends_where_it_is_told_to(settings: Settings) -> None:
    async with opened(make_console(settings), SMALL) as pilot:
        await press(pilot, "enter", "b")
        await type_text(pilot, QUERY)
        await press(pilot, "tab", "tab")
        await type_text(pilot, "yesteryear")
        await press(pilot, "enter")
        assert "yesteryear" in picture(pilot)
        assert view(pilot) == "BisectDialog", "and what is wrong has the focus"
        await press(pilot, "ctrl+a", "ctrl+k")
        await type_text(pilot, "2026-03-26 13:40 utc")
        await press(pilot, "tab")
        await type_text(pilot, "2026-03-26 13:50 utc")
        await press(pilot, "enter")
        shown = screen(pilot)
        assert isinstance(shown, BisectJobScreen)
        assert "does not differ" in " ".join(picture(pilot).split()), "what changed it came later"
        assert "-from 2026-03-26T13:40:00Z -to 2026-03-26T13:50:00Z" in shown.job.command


@situation("workbench.earlier", "workbench.later")
async def test_the_workbench_goes_through_time(settings: Settings) -> None:
    async with opened(make_console(settings), SMALL) as pilot:
        actor = Actor(pilot)
        await actor.go("B", "enter", "enter")
        bench = screen(pilot)
        assert isinstance(bench, WorkbenchScreen)
        await actor.go("end")
        begin = bench.subject.result
        assert begin is not None
        table, before = bench.shown, dict(bench.counts)
        assert table is not None
        await actor.do("workbench.later", changes=lambda: bench.subject.time)
        behind = bench.subject.result
        assert behind is not None
        assert behind.position > begin.position  # type: ignore[operator]
        assert bench.shown is not None
        assert bench.shown.name == table.name
        assert bench.counts["orders"].rows != before["orders"].rows
        assert "position" in picture(pilot)
        assert bench.proof.status.role == "ok"
        await actor.do("workbench.earlier", changes=lambda: bench.subject.time)
        assert bench.subject.result is not None
        assert bench.subject.result.position == begin.position
        assert bench.counts["orders"].rows == before["orders"].rows
        await pilot.press("comma", "comma", "comma")
        await settle(pilot)
        assert bench.subject.result.position < begin.position  # type: ignore[operator]
        [walked] = [each for each in bench.console.history.ledger.entries() if each.kind == "scratch-move"]
        assert walked.outcome == "ok"
        assert walked.position == str(bench.subject.result.position)
        assert walked.results["from"] == str(begin.position)
        assert walked.results["steps"] == 5
        [kept] = scratches(settings.scratch_dir)
        assert kept.position == str(bench.subject.result.position)
        assert kept.verdict == "checked"


async def test_a_file_that_is_no_scratch_stays_where_it_is(settings: Settings, tmp_path: Path) -> None:
    async with opened(make_console(settings), SMALL) as pilot:
        copy = tmp_path / "copy.db"
        shutil.copy(settings.databases[0].path, copy)
        assert isinstance(pilot.app, Console)
        pilot.app.open_workbench(Subject(copy, "shop.db"))
        await settle(pilot)
        await press(pilot, "comma")
        assert any("Only a scratch" in said for said in toasts(pilot))
