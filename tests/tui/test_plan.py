"""Planning over every replica of a database: the best by itself, the others in sight and a key away."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.demo import DemoIncident
from sqlite_recovery_tui.domain import Txid
from sqlite_recovery_tui.errors import Unreachable
from sqlite_recovery_tui.replica import fleet
from sqlite_recovery_tui.storage import open as opening
from sqlite_recovery_tui.storage.memory import MemoryStore
from sqlite_recovery_tui.tui.aim import LATEST
from sqlite_recovery_tui.tui.screens.job import JobScreen
from sqlite_recovery_tui.tui.screens.plan import PlanScreen
from sqlite_recovery_tui.tui.screens.workbench import WorkbenchScreen
from tests.support.faults import FaultyStore
from tests.support.ltx_small import small
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
WAL_WITHOUT_NOTES = "2026-03-26 14:02:45 utc"
"""Only when its segments were stored is known of the newest WAL."""


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
        await type_text(pilot, WAL_WITHOUT_NOTES)
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


async def test_another_replica_is_asked_for_everything_also_after_the_last_good_of_a_damaged_one(
    settings: Settings,
) -> None:
    console = make_console(settings)
    async with opened(console) as pilot:
        await press(pilot, "down", "enter", "g")
        await type_text(pilot, DAMAGED_OFFSITE)
        await press(pilot, "enter")
        await press(pilot, "enter")
        await press(pilot, "l")
        plan = screen(pilot)
        assert isinstance(plan, PlanScreen)
        assert plan.aim.to_last_good
        await press(pilot, "w")
        assert plan.place.replica == "primary"
        assert not plan.aim.to_last_good
        assert "lost" not in picture(pilot)


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


async def test_nothing_is_planned_on_half_a_listing(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console, SMALL) as pilot:
        place = console.listings.places[0]
        assert place.state is not None
        whole, place.state = place.state, dataclasses.replace(place.state, complete=False)
        console.open_plan(place, LATEST)
        await settle(pilot)
        plan = screen(pilot)
        assert isinstance(plan, PlanScreen)
        assert "◌ listing primary…" in picture(pilot)
        assert plan.draft is None
        place.state = whole
        plan.place_changed(place)
        await settle(pilot)
        assert plan.draft is not None


async def test_the_best_replica_is_chosen_only_when_all_are_listed(
    settings: Settings, gate_stores: Callable[..., Gate]
) -> None:
    gate = gate_stores("list")
    console = make_console(settings)
    async with console.run_test(size=SMALL) as pilot:
        await pilot.pause()
        console.open_plan(console.listings.places[0], LATEST, best=True)
        await pilot.pause()
        plan = screen(pilot)
        assert isinstance(plan, PlanScreen)
        assert "◌ listing primary, offsite…" in picture(pilot)
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(screen(pilot), PlanScreen), "nothing runs without a plan"
        assert any("Nothing runs yet" in said and "primary, offsite" in said for said in toasts(pilot))
        gate.open()
        await settle(pilot)
        assert plan.draft is not None
        assert plan.place.replica == "offsite"


# a service that lists when objects arrived


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FaultyStore:
    """Six syncs a second apart, each of which arrived a minute and a half after it was written."""
    replica = small(tmp_path, {0: "1 2 3 4 5 6"})
    store = MemoryStore(lists_written_times=False)
    for txid in range(1, 7):
        path = replica.path(0, txid)
        key = path.relative_to(replica.folder).as_posix()
        store.put(key, path.read_bytes())
        store.set_time(key, replica.time(txid) + timedelta(seconds=90))
        store.set_written_time(key, replica.time(txid))
    front = FaultyStore(store, is_local=False)
    for module in (opening, fleet):
        monkeypatch.setattr(module, "open_store", lambda *_args, **_more: front)
    return front


async def test_planning_for_a_time_asks_when_objects_were_written(
    bucket: FaultyStore, settings: Settings
) -> None:
    console = make_console(settings_for("s3://bucket/app", scratch=settings.scratch_dir))
    async with opened(console) as pilot:
        await press(pilot, "g")
        await type_text(pilot, "2026-03-26 10:00:04.5 utc")
        assert "✗ nothing that old here" in picture(pilot)
        await press(pilot, "home", "ctrl+k")
        await type_text(pilot, "2026-03-26 10:01:34.5 utc")
        assert "by when objects arrived there" in picture(pilot)
        await press(pilot, "home", "ctrl+k")
        await type_text(pilot, "2026-03-26 10:00:04.5 utc")
        await press(pilot, "enter")
        plan = screen(pilot)
        assert isinstance(plan, PlanScreen)
        assert plan.draft is not None, plan.error
        assert plan.draft.plan.reached == Txid(4)
        assert "2026-03-26 10:00:04Z" in picture(pilot)
        asked = len(bucket.calls)
        await press(pilot, "escape", "g")
        await type_text(pilot, "2026-03-26 10:00:04.5 utc")
        await press(pilot, "enter")
        assert len(bucket.calls) == asked, "what is known is not asked again"


async def test_times_that_cannot_be_asked_for_are_a_failure_and_never_guessed(
    bucket: FaultyStore, settings: Settings
) -> None:
    console = make_console(settings_for("s3://bucket/app", scratch=settings.scratch_dir))
    async with opened(console) as pilot:
        bucket.fail("head", error=Unreachable("nobody answers", hint="see that the network is up"), times=99)
        await press(pilot, "g")
        await type_text(pilot, "2026-03-26 10:01:34.5 utc")
        await press(pilot, "enter")
        plan = screen(pilot)
        assert isinstance(plan, PlanScreen)
        assert isinstance(plan.error, Unreachable)
        assert "nobody answers" in picture(pilot)
