"""Planning over every replica of a database: the best by itself, the others in sight and a key away."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.demo import DemoIncident
from sqlite_recovery_tui.tui.screens.job import JobScreen
from sqlite_recovery_tui.tui.screens.plan import PlanScreen
from sqlite_recovery_tui.tui.screens.workbench import WorkbenchScreen
from tests.tui.support import (
    SIZES,
    SMALL,
    Gate,
    make_console,
    opened,
    picture,
    press,
    screen,
    settings_for,
    settle,
    toasts,
    type_text,
)

DAMAGED_OFFSITE = "2026-03-26 13:55 utc"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("row", [0, 1])
async def test_home_plans_from_the_replica_that_reaches_furthest(
    settings: Settings, size: tuple[int, int], row: int
) -> None:
    console = make_console(settings)
    async with opened(console, size) as pilot:
        await press(pilot, *["down"] * row, "R")
        plan = screen(pilot)
        assert isinstance(plan, PlanScreen)
        assert plan.place.replica == "offsite"
        shown = " ".join(picture(pilot).replace("█", "").split())
        assert "newer than any other" in shown
        assert "other replica primary" in shown


async def test_home_goes_to_a_time_by_the_replica_that_comes_closest(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console) as pilot:
        await press(pilot, "g")
        await type_text(pilot, DAMAGED_OFFSITE)
        assert "in offsite" in picture(pilot)
        await press(pilot, "enter")
        plan = screen(pilot)
        assert isinstance(plan, PlanScreen)
        assert plan.place.replica == "offsite"
        assert plan.command is not None
        assert "-replica offsite" in plan.command


async def test_a_replica_that_was_chosen_is_planned_from_and_another_is_one_key_away(
    settings: Settings,
) -> None:
    console = make_console(settings)
    async with opened(console) as pilot:
        await press(pilot, "enter", "R")
        plan = screen(pilot)
        assert isinstance(plan, PlanScreen)
        assert plan.place.replica == "primary"
        await press(pilot, "w")
        assert plan.place.replica == "offsite"
        await press(pilot, "w")
        assert plan.place.replica == "primary"
        await press(pilot, "enter")
        bench = screen(pilot)
        assert isinstance(bench, WorkbenchScreen)
        assert bench.subject.result is not None
        assert bench.subject.result.plan.replica == "primary"


async def test_an_exact_line_is_of_its_own_replica_alone(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console) as pilot:
        await press(pilot, "enter", "enter", "w")
        plan = screen(pilot)
        assert isinstance(plan, PlanScreen)
        assert plan.place.replica == "primary"
        assert "other replica" not in picture(pilot).splitlines()[10]
        assert any("No other replica" in message for message in toasts(pilot))


async def test_damage_in_one_replica_leads_to_the_other(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console) as pilot:
        await press(pilot, "down", "enter", "g")
        await type_text(pilot, DAMAGED_OFFSITE)
        await press(pilot, "enter")
        await press(pilot, "enter")
        job = screen(pilot)
        assert isinstance(job, JobScreen)
        assert "plan from primary instead: 2026-03-26 13:54:5" in picture(pilot)
        await press(pilot, "w")
        plan = screen(pilot)
        assert isinstance(plan, PlanScreen)
        assert plan.place.replica == "primary"
        assert not plan.aim.to_last_good
        await press(pilot, "enter")
        bench = screen(pilot)
        assert isinstance(bench, WorkbenchScreen)
        assert bench.proof.status.word == "every check passed"


async def test_a_replica_that_cannot_serve_is_named_and_never_led_to(
    incident: DemoIncident, settings: Settings
) -> None:
    console = make_console(
        settings_for(incident.replicas[0].as_uri(), "file:///no/such/place", scratch=settings.scratch_dir)
    )
    async with opened(console) as pilot:
        await press(pilot, "R")
        plan = screen(pilot)
        assert isinstance(plan, PlanScreen)
        assert plan.place.replica == "copy"
        assert "copy1  ✗" in picture(pilot)
        await press(pilot, "w")
        assert plan.place.replica == "copy"


async def test_nothing_is_planned_on_half_a_listing(
    settings: Settings, gate_stores: Callable[..., Gate]
) -> None:
    gate = gate_stores("list")
    console = make_console(settings)
    async with console.run_test(size=SMALL) as pilot:
        await pilot.pause()
        console.open_plan(console.listings.places[0], _latest(), best=True)
        await pilot.pause()
        plan = screen(pilot)
        assert isinstance(plan, PlanScreen)
        assert "◌ listing primary, offsite…" in picture(pilot)
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(screen(pilot), PlanScreen), "nothing runs without a plan"
        gate.open()
        await settle(pilot)
        assert plan.draft is not None
        assert plan.place.replica == "offsite"


def _latest() -> object:
    from sqlite_recovery_tui.tui.aim import LATEST

    return LATEST
