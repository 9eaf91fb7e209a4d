"""Every action of the registry is carried out in a real situation of the sample incident, with its effect.

An action without a situation fails the last test of this file: whoever adds one tells here, or in the file
beside it, when it works.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.demo import DemoIncident
from sqlite_recovery_tui.tui import actions
from tests.tui.acts import DONE, Actor, missing, situation
from tests.tui.support import (
    LARGE,
    SMALL,
    Gate,
    make_console,
    opened,
    screen,
    settings_for,
    settle,
    table,
)

ROOT = Path(__file__).resolve().parents[2]
BEFORE_ALL, AFTER_ALL = "2026-03-26 12:00 utc", "2026-03-26 20:00 utc"
DAMAGED_OFFSITE = "2026-03-26 13:55 utc"


@situation(
    "filter.down",
    "filter.up",
    "fleet.filter",
    "fleet.interval",
    "fleet.latest",
    "fleet.mark",
    "fleet.mark-all",
    "fleet.open",
    "fleet.order",
    "fleet.pause",
    "fleet.place",
    "fleet.prove",
    "fleet.refresh",
    "fleet.sort",
    "fleet.time",
    "time.leave",
)
async def test_the_fleet(settings: Settings) -> None:
    async with opened(make_console(settings), LARGE) as pilot:
        actor = Actor(pilot)
        places = actor.console.listings.places
        await actor.do("fleet.mark", shows="1 marked")
        await actor.do("fleet.mark-all", shows="3 marked")
        await actor.do("fleet.mark-all", changes="looks")
        await actor.do("fleet.sort", changes=lambda: table(pilot).sort)
        await actor.do("fleet.order", changes=lambda: table(pilot).sort)
        await actor.do("fleet.refresh", changes=lambda: places[0].request)
        await actor.do("fleet.pause", changes="looks")
        await actor.do("fleet.interval", changes="looks")
        await actor.do("fleet.filter", changes="focus")
        await actor.do("filter.down", changes="cursor")
        await actor.do("filter.up", changes="cursor")
        await actor.go("escape")
        await actor.do("fleet.time", leads="TimeDialog")
        await actor.do("time.leave", leads="fleet")
        await actor.do("fleet.place", leads="welcome")
        await actor.go("escape")
        await actor.do("fleet.prove", changes=lambda: len(actor.console.jobs.all))
        await actor.go("1")
        await actor.do("fleet.latest", leads="plan")
        await actor.go("escape")
        await actor.do("fleet.open", leads="replica")


@situation(
    "app.back",
    "app.burst",
    "app.copy",
    "app.help",
    "app.jobs",
    "app.padlock",
    "app.palette",
    "app.quit",
    "app.theme",
    "app.times",
    "area.browse",
    "area.fleet",
    "area.history",
    "area.jobs",
    "area.scratches",
    "copy.leave",
    "copy.take",
    "help.down",
    "help.leave",
    "help.page-down",
    "help.page-up",
    "help.up",
    "question.no",
    "question.other",
    "question.yes",
)
async def test_what_works_everywhere(settings: Settings) -> None:
    async with opened(make_console(settings), SMALL) as pilot:
        actor = Actor(pilot)
        await actor.do("app.help", leads="HelpScreen")
        for way in ("page-down", "up", "down", "page-up"):
            await actor.do(f"help.{way}", changes="cursor")
        await actor.do("help.leave", leads="fleet")
        await actor.do("app.palette", leads="CommandPalette")
        await actor.go("escape")
        await actor.do("app.copy", leads="CopyMenu")
        await actor.do("copy.leave", leads="fleet")
        await actor.go("y")
        await actor.do("copy.take", copies="file://")
        await actor.do("app.times", says="local time")
        await actor.do("app.theme", changes=lambda: actor.console.theme)
        await actor.do("app.padlock", leads="Confirm")
        await actor.do("question.other", changes="focus")
        await actor.do("question.no", leads="fleet")
        await actor.go("K")
        await actor.do("question.yes", changes=lambda: actor.console.read_only)
        await actor.do("app.burst", leads="replica")
        await actor.do("app.back", leads="fleet")
        await actor.go("R", "enter")
        await actor.do("app.jobs", leads="job")
        for action in actions.own(actions.AREA):
            await actor.do(action.id, leads=action.verb)
        await actor.go("1")
        await actor.do("app.quit", changes=lambda: actor.console._exit)


@situation(
    "app.leave",
)
async def test_leaving_while_typing(settings: Settings) -> None:
    async with opened(make_console(settings), SMALL) as pilot:
        actor = Actor(pilot)
        await actor.go("slash")
        await actor.do("app.leave", changes=lambda: actor.console._exit)


@situation(
    "app.log",
    "log.copy",
    "log.copy-all",
    "log.filter",
    "log.leave",
    "log.level",
    "log.open",
    "reader.copy",
)
async def test_the_log(settings: Settings) -> None:
    async with opened(make_console(settings), SMALL) as pilot:
        actor = Actor(pilot)
        import logging

        logger = logging.getLogger("tests.every_action")
        logger.addHandler(actor.console.book)
        logger.warning("something slow")
        await actor.do("app.log", shows="something slow")
        await actor.do("log.level", shows="warnings and errors")
        await actor.do("log.copy", copies="something slow")
        await actor.do("log.copy-all", copies="WARNING something slow")
        await actor.do("log.open", leads="TextDialog")
        await actor.do("reader.copy", copies="something slow")
        await actor.go("escape")
        await actor.do("log.filter", changes="focus")
        await actor.go("escape")
        await actor.do("log.leave", changes="focus")


@situation(
    "welcome.demo",
    "welcome.open",
)
async def test_the_welcome(incident: DemoIncident, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with opened(make_console(None), SMALL) as pilot:
        actor = Actor(pilot)
        await actor.type(str(incident.config))
        await actor.do("welcome.open", leads="fleet")
        await actor.go("o")
        await actor.do("welcome.demo", leads="fleet")
        assert (tmp_path / "sqlrecover-demo").exists()


@situation(
    "plan.preview",
    "replica.latest",
    "replica.newer-commit",
    "replica.newer-mark",
    "replica.older-commit",
    "replica.older-mark",
    "replica.open",
    "replica.pan-left",
    "replica.pan-right",
    "replica.preview",
    "replica.refresh",
    "replica.restore",
    "replica.time",
    "replica.zoom-all",
    "replica.zoom-in",
    "replica.zoom-out",
    "time.show",
    "timeline.lane-down",
    "timeline.lane-up",
    "timeline.newer",
    "timeline.newest",
    "timeline.older",
    "timeline.oldest",
    "timeline.pan-left",
    "timeline.pan-right",
    "workbench.restore",
)
async def test_the_history_of_a_replica(settings: Settings) -> None:
    async with opened(make_console(settings), LARGE) as pilot:
        actor = Actor(pilot)
        place = actor.console.listings.places[0]
        await actor.go("enter")
        await actor.do("replica.older-mark", changes="cursor")
        await actor.do("replica.newer-mark", changes="cursor")
        await actor.go("j", "j", "j")
        await actor.do("replica.older-commit", changes="looks")
        await actor.do("replica.newer-commit", changes="looks")
        for verb in ("zoom-in", "pan-left", "pan-right", "zoom-out"):
            await actor.do(f"replica.{verb}", changes="looks")
        await actor.go("plus", "plus")
        await actor.do("replica.zoom-all", changes="looks")
        await actor.do("timeline.older", changes="cursor")
        await actor.do("timeline.newer", changes="cursor")
        screen(pilot).query_one("Timeline").focus()
        await actor.do("timeline.lane-down", changes="cursor")
        await actor.do("timeline.lane-up", changes="cursor")
        await actor.do("timeline.oldest", changes="cursor")
        await actor.do("timeline.newest", changes="cursor")
        await actor.go("plus", "plus", "plus")
        await actor.do("timeline.pan-left", changes="looks")
        await actor.do("timeline.pan-right", changes="looks")
        await actor.do("replica.refresh", changes=lambda: place.request)
        await actor.do("replica.time", leads="TimeDialog")
        await actor.type("13:50:00z")
        await actor.do("time.show", leads="replica", shows="13:49:5")
        await actor.do("replica.restore", leads="plan")
        await actor.go("escape")
        await actor.do("replica.latest", leads="plan")
        await actor.go("escape")
        await actor.do("replica.open", leads="object")
        await actor.go("1", "end", "enter")
        await actor.do("replica.preview", leads="workbench")
        await actor.do("workbench.restore", leads="plan")
        await actor.do("plan.preview", leads="workbench")


@situation(
    "object.filter",
    "object.frames",
    "object.next",
    "object.open",
    "object.order",
    "object.previous",
    "object.refresh",
    "object.sort",
    "page.cells",
    "page.next",
    "page.previous",
)
async def test_a_stored_object_and_its_pages(settings: Settings) -> None:
    async with opened(make_console(settings), LARGE) as pilot:
        actor = Actor(pilot)
        await actor.go("B", "i")
        await actor.do("object.sort", changes=lambda: table(pilot).sort)
        await actor.do("object.order", changes=lambda: table(pilot).sort)
        await actor.go("S", "S", "S", "S", "S", "S", "S", "S")
        await actor.do("object.filter", changes="focus")
        await actor.go("escape")
        await actor.do("object.next", changes=lambda: screen(pilot).crumb)
        await actor.do("object.previous", changes=lambda: screen(pilot).crumb)
        await actor.do("object.refresh", shows="transaction")
        await actor.do("object.frames", shows="frame")
        await actor.do("object.open", leads="page")
        await actor.do("page.next", changes=lambda: screen(pilot).crumb)
        await actor.do("page.previous", changes=lambda: screen(pilot).crumb)
        await actor.do("page.cells", changes="focus")


@situation(
    "plan.nearest-after",
    "plan.nearest-before",
    "plan.other",
    "plan.output",
    "plan.recipe",
    "plan.refresh",
    "plan.run",
    "plan.time",
    "reader.down",
    "reader.leave",
    "reader.page-down",
    "reader.page-up",
    "reader.up",
    "sheet.down",
    "sheet.first",
    "sheet.last",
    "sheet.page-down",
    "sheet.page-up",
    "sheet.up",
)
async def test_the_plan(settings: Settings, incident: DemoIncident) -> None:
    async with opened(make_console(settings), (80, 14)) as pilot:
        actor = Actor(pilot)
        await actor.go("R")
        sheet = screen(pilot).query_one("#sheet")
        await actor.do("plan.other", changes=lambda: screen(pilot).crumb + actor.looks[0])
        await actor.do("plan.refresh", changes=lambda: id(actor.console.listings.places[0].state))
        for verb in ("down", "up", "page-down", "page-up", "last", "first"):
            await actor.do(f"sheet.{verb}", changes=lambda: sheet.scroll_y)
        await actor.do("plan.output", changes="focus")
        await actor.go("escape")
        await actor.do("plan.recipe", leads="TextDialog")
        for verb in ("down", "up", "page-down", "page-up"):
            await actor.do(f"reader.{verb}", changes="looks")
        await actor.do("reader.leave", leads="plan")
        await actor.do("plan.time", leads="TimeDialog")
        await actor.type(BEFORE_ALL)
        await actor.go("enter")
        await actor.do("plan.nearest-after", changes="looks")
        await actor.go("g")
        await actor.type(AFTER_ALL)
        await actor.go("enter")
        await actor.do("plan.nearest-before", changes="looks")
        await actor.do("plan.run", leads="workbench")


@situation(
    "plan.last-good",
    "plan.next-good",
)
async def test_damage_that_the_plan_sees(incident: DemoIncident, tmp_path: Path) -> None:
    replica = tmp_path / "torn"
    shutil.copytree(incident.replicas[0], replica)
    generation = max(replica.glob("generations/*"), key=lambda each: len(list(each.glob("wal/*"))))
    indexes = sorted({each.name.partition("_")[0] for each in generation.glob("wal/*")})
    lost = sorted(generation.glob(f"wal/{indexes[1]}_*"))
    hidden = datetime.fromtimestamp(lost[-1].stat().st_mtime, UTC) + timedelta(seconds=1)
    for each in lost:
        each.unlink()
    settings = settings_for(replica.as_uri(), scratch=tmp_path / "scratch")
    async with opened(make_console(settings), LARGE) as pilot:
        actor = Actor(pilot)
        for verb in ("last-good", "next-good"):
            await actor.go("g")
            await actor.type(f"{hidden:%Y-%m-%d %H:%M:%S} utc")
            await actor.go("enter")
            await actor.do(f"plan.{verb}", changes="looks")
            await actor.go("escape")


@situation(
    "job.last-good",
    "job.next-good",
    "job.open",
    "job.other",
    "job.plan",
    "job.retry",
    "jobs.open",
    "jobs.retry",
)
async def test_a_restore_that_meets_damage(settings: Settings) -> None:
    async with opened(make_console(settings), LARGE) as pilot:
        actor = Actor(pilot)
        jobs = actor.console.jobs
        await actor.go("down", "enter", "g")
        await actor.type(DAMAGED_OFFSITE)
        await actor.go("enter", "enter")
        await actor.do("job.retry", changes=lambda: len(jobs.all))
        for verb in ("plan", "last-good", "next-good", "other"):
            await actor.do(f"job.{verb}", leads="plan")
            await actor.go("2", "end")
            await actor.do("jobs.open", leads="job")
        await actor.go("2")
        await actor.do("jobs.retry", changes=lambda: len(jobs.all))
        await actor.go("1", "R", "enter", "2", "home", "enter")
        await actor.do("job.open", leads="workbench")


@situation(
    "job.cancel",
    "jobs.cancel",
)
async def test_a_restore_that_is_cancelled(
    settings: Settings, gate_stores: Callable[..., Gate], tmp_path: Path
) -> None:
    async with opened(make_console(settings), SMALL) as pilot:
        actor = Actor(pilot)
        await actor.go("R")
        gate = gate_stores("get")
        await pilot.press("enter")
        await pilot.pause()
        assert gate.waiting.wait(30)
        for action_id, back in (("job.cancel", "n"), ("jobs.cancel", "y")):
            before = len(pilot.app.screen_stack)
            await pilot.press(actions.BY_ID[action_id].keys)
            await pilot.pause()
            assert len(pilot.app.screen_stack) == before + 1
            await pilot.press(back)
            await pilot.pause()
            await pilot.press("2")
            await pilot.pause()
        assert actor.console.jobs.all[0].state == "cancelling"
        gate.open()
        await settle(pilot)
        assert actor.console.jobs.all[0].state == "cancelled"
    DONE.update(("job.cancel", "jobs.cancel"))


@pytest.fixture
def killed(incident: DemoIncident, tmp_path: Path, settings: Settings) -> Settings:
    """A restore that `kill -9` ended half-way."""
    output = tmp_path / "rescued" / "shop.db"
    output.parent.mkdir()
    words = [incident.replicas[0].as_uri(), str(output), "writing to disk", "0"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.killed", *words], cwd=ROOT, check=False, timeout=60
    )
    assert done.returncode == -signal.SIGKILL
    return settings


@situation(
    "interrupted.later",
    "interrupted.other",
    "interrupted.resume",
    "job.discard",
)
async def test_what_a_killed_restore_left(killed: Settings) -> None:
    async with opened(make_console(killed), SMALL) as pilot:
        actor = Actor(pilot)
        await actor.do("interrupted.other", changes="focus")
        await actor.do("interrupted.later", leads="fleet")
        await actor.go("2", "enter")
        await actor.do("job.discard", leads="Confirm")
        await actor.go("n")
    async with opened(make_console(killed), SMALL) as pilot:
        await Actor(pilot).do("interrupted.resume", leads="workbench")


@situation(
    "interrupted.discard",
)
async def test_what_a_killed_restore_left_is_discarded(killed: Settings) -> None:
    async with opened(make_console(killed), SMALL) as pilot:
        actor = Actor(pilot)
        await actor.do("interrupted.discard", changes="looks")


@situation(
    "history.export",
    "history.filter",
    "history.mark",
    "history.open",
    "history.order",
    "history.refresh",
    "history.sort",
    "report.leave",
)
async def test_the_history_of_acts(settings: Settings, tmp_path: Path) -> None:
    async with opened(make_console(settings), LARGE) as pilot:
        actor = Actor(pilot)
        await actor.go("R", "enter", "1", "R", "enter", "4")
        await actor.do("history.mark", changes="looks")
        await actor.do("history.sort", changes=lambda: table(pilot).sort)
        await actor.do("history.order", changes=lambda: table(pilot).sort)
        await actor.do("history.filter", changes="focus")
        await actor.go("escape")
        await actor.do("history.export", leads="ReportDialog")
        await actor.do("report.leave", leads="history")
        await actor.do("history.open", leads="ActDialog")
        await actor.go("escape")
        await actor.do("history.refresh", shows="restore")


def test_every_action_of_the_registry_has_a_situation() -> None:
    from tests.tui import test_assertions, test_every_action_inside, test_story, test_travel

    modules = (test_assertions, test_every_action_inside, test_story, test_travel)
    assert all(module.situation is situation for module in modules)
    assert missing() == []
