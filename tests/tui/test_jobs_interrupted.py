"""A restore whose process was killed is offered at the next start: resumed by the same plan, or discarded."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.demo import DemoIncident
from sqlite_recovery_tui.restore.unfinished import find
from sqlite_recovery_tui.restore.work import WorkDir
from sqlite_recovery_tui.tui.screens.plan import PlanScreen
from tests.support.victims import Victims
from tests.tui.support import LARGE, SMALL, Gate, make_console, opened, picture, press, screen, toasts, view

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "rescued" / "shop.db"


@pytest.fixture
def killed(mortal: Victims, incident: DemoIncident, output: Path, settings: Settings) -> Settings:
    """A restore that a real process began and that `kill -9` ended."""
    output.parent.mkdir()
    assert mortal.run(incident.replicas[0].as_uri(), str(output), "writing to disk", 0) == "killed"
    assert not output.exists()
    return settings


async def test_the_next_start_offers_to_go_on_and_finishes_it(killed: Settings, output: Path) -> None:
    console = make_console(killed)
    async with opened(console, SMALL) as pilot:
        assert view(pilot) == "InterruptedDialog"
        shown = picture(pilot)
        assert "1 restore was interrupted" in shown
        assert "% fetched" in shown
        await press(pilot, "r")
        assert view(pilot) == "workbench", [job.error for job in console.jobs.all]
        assert output.exists()
        assert [job.status.label for job in console.jobs.all] == ["✓ restored"]
    assert find() == []

    async with opened(make_console(killed), SMALL) as pilot:
        assert view(pilot) == "fleet", "and that was that"


async def test_one_over_a_database_is_carried_on_by_the_command_alone(
    mortal: Victims, incident: DemoIncident, output: Path, settings: Settings
) -> None:
    output.parent.mkdir()
    output.write_bytes(b"production")
    assert mortal.run(incident.replicas[0].as_uri(), str(output), "writing to disk", 0, True) == "killed"
    console = make_console(settings)
    async with opened(console, SMALL) as pilot:
        assert view(pilot) == "fleet", "nobody typed its name here"
        assert any(f"carry it on with sqlrecover resume {output}" in message for message in toasts(pilot))
        assert console.jobs.all == []
    assert output.read_bytes() == b"production"


async def test_it_waits_among_the_jobs_until_somebody_decides(killed: Settings, output: Path) -> None:
    console = make_console(killed)
    async with opened(console, LARGE) as pilot:
        await press(pilot, "escape")
        assert view(pilot) == "fleet"
        await press(pilot, "2")
        assert "‖ interrupted" in picture(pilot)
        assert f"sqlrecover resume -config {killed.file}" in picture(pilot)
        await press(pilot, "enter")
        assert view(pilot) == "job"
        assert str(output) in picture(pilot)
        await press(pilot, "p")
        plan = screen(pilot)
        assert isinstance(plan, PlanScreen)
        assert plan.draft is not None
        await press(pilot, "escape", "d")
        assert view(pilot) == "Confirm"
        await press(pilot, "enter")
        assert find(), "enter is the safe answer"
        await press(pilot, "d", "y")
        assert find() == []
        assert any("Discarded" in message for message in toasts(pilot))
        assert list(output.parent.iterdir()) == []


async def test_discarding_at_the_start_has_to_be_said_twice(killed: Settings, output: Path) -> None:
    async with opened(make_console(killed), SMALL) as pilot:
        await press(pilot, "d")
        assert find()
        assert "Press d again" in picture(pilot)
        await press(pilot, "d")
        assert view(pilot) == "fleet"
        assert find() == []
        assert list(output.parent.iterdir()) == []


async def test_one_that_still_runs_elsewhere_is_not_offered(killed: Settings, output: Path) -> None:
    runs = WorkDir(output)
    async with opened(make_console(killed), SMALL) as pilot:
        assert view(pilot) == "fleet"
    runs.close()


async def test_a_replica_that_is_gone_keeps_what_was_fetched_and_says_why(
    killed: Settings, output: Path
) -> None:
    shop = killed.databases[0]
    lost = dataclasses.replace(shop.replicas[0], path=f"{shop.replicas[0].path}-moved")
    moved = dataclasses.replace(shop, replicas=(lost, *shop.replicas[1:]))
    console = make_console(dataclasses.replace(killed, databases=(moved, *killed.databases[1:])))
    async with opened(console, SMALL) as pilot:
        found = find()[0]
        folder = Path(shop.replicas[0].path)
        away = folder.rename(folder.with_name("away"))
        try:
            await press(pilot, "r")
        finally:
            away.rename(folder)
        assert view(pilot) == "job"
        assert "✗ failed" in picture(pilot)
        assert find() == [dataclasses.replace(found, touched=find()[0].touched)]
        await press(pilot, "r")
        assert view(pilot) == "workbench", "and once it is back, the same key goes on"
    assert output.exists()


async def test_a_console_that_is_left_in_the_middle_leaves_what_it_has_for_the_next_start(
    settings: Settings, gate_stores: Callable[..., Gate]
) -> None:
    console = make_console(settings)
    async with opened(console, SMALL) as pilot:
        gate = gate_stores("get")
        await press(pilot, "R")
        await pilot.press("enter")
        assert await asyncio.to_thread(gate.waiting.wait, 30)
        assert "the next start offers to go on" in console.jobs.parting[1]
        await pilot.press("ctrl+q")
        assert view(pilot) == "Confirm"
        await pilot.press("y")
        await pilot.pause()
    gate.open()
    assert console.engine.close(10)
    async with opened(make_console(settings), SMALL) as pilot:
        assert view(pilot) == "InterruptedDialog"
        await press(pilot, "r")
        assert view(pilot) == "workbench"
