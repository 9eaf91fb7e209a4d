"""A plan runs only as it is shown: on a listing that is not old, and with what there is room for in sight."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
from textual.pilot import Pilot

from sqlite_recovery_tui.clock import FixedClock
from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.demo import DemoIncident
from sqlite_recovery_tui.tui.app import Console
from sqlite_recovery_tui.tui.screens.plan import OLD, PlanScreen
from tests.tui.support import (
    LARGE,
    SMALL,
    make_console,
    opened,
    picture,
    press,
    screen,
    settings_for,
    toasts,
    type_text,
    view,
)


def age(console: Console, *, by: float) -> None:
    """Let time pass."""
    assert isinstance(console.clock, FixedClock)
    console.clock.sleep(by)


async def plan_of(pilot: Pilot[None]) -> PlanScreen:
    await press(pilot, "R")
    plan = screen(pilot)
    assert isinstance(plan, PlanScreen)
    assert plan.draft is not None
    return plan


async def test_an_old_listing_is_made_anew_before_the_plan_runs(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console, SMALL) as pilot:
        plan = await plan_of(pilot)
        before = plan.place.state
        age(console, by=OLD.total_seconds() + 1)
        await press(pilot, "enter")
        assert any("again first" in message for message in toasts(pilot))
        assert plan.place.state is not before
        assert view(pilot) == "workbench", "and as it leads to the same, it runs"


async def test_a_plan_that_comes_out_different_is_shown_and_not_run(
    incident: DemoIncident, tmp_path: Path
) -> None:
    replica = tmp_path / "replica"
    shutil.copytree(incident.replicas[0], replica)
    console = make_console(settings_for(replica.as_uri(), scratch=tmp_path / "scratch"))
    async with opened(console, LARGE) as pilot:
        plan = await plan_of(pilot)
        before = plan.draft
        assert before is not None
        (replica / before.plan.changes[-1].key).unlink()
        age(console, by=OLD.total_seconds() + 1)
        await press(pilot, "enter")
        assert view(pilot) == "plan"
        assert plan.draft is not None
        assert plan.draft.plan.changes == before.plan.changes[:-1]
        assert any("has changed meanwhile" in message for message in toasts(pilot))
        await press(pilot, "enter")
        assert view(pilot) == "workbench", "the plan as of now runs"


async def test_what_is_needed_and_free_is_in_sight(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Usage(NamedTuple):
        free: int

    async with opened(make_console(settings), SMALL) as pilot:
        await plan_of(pilot)
        assert "needed, there is plenty" in picture(pilot)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(4 << 20))
        await press(pilot, "o", "home", "ctrl+k")
        await type_text(pilot, str(tmp_path / "elsewhere.db"))
        await press(pilot, "enter")
        assert "4.0 MiB free" in picture(pilot)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1000))
        await press(pilot, "o", "enter")
        assert "✗ not enough" in picture(pilot)


async def test_the_command_is_in_sight_and_copied(settings: Settings) -> None:
    async with opened(make_console(settings), SMALL) as pilot:
        plan = await plan_of(pilot)
        assert "sqlrecover restore" in picture(pilot)
        assert plan.copyable() == plan.command
        assert plan.command is not None
        assert plan.command.startswith("sqlrecover restore ")


async def test_what_was_proven_of_the_replica_stands_beside_its_plan(settings: Settings) -> None:
    from sqlite_recovery_tui.tui.jobs import VerifyJob

    console = make_console(settings)
    async with opened(console, LARGE) as pilot:
        primary = next(place for place in console.listings.places if place.replica == "primary")
        console.jobs.start(VerifyJob(place=primary, config=settings.file))
        await press(pilot)
        console.history.refresh()
        await press(pilot, "R")
        assert "proven by " in picture(pilot)
        assert "it was proven; both hold the same commits" in " ".join(picture(pilot).split())
