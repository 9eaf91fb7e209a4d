"""A restore runs beside everything else: keys answer, leaving it is safe, cancelling asks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from textual.pilot import Pilot

from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.progress import Progress
from sqlite_recovery_tui.tui.engine import Report
from sqlite_recovery_tui.tui.jobs import Job, Jobs, VerifyJob
from sqlite_recovery_tui.tui.jobs.pace import Pace
from sqlite_recovery_tui.tui.screens.plan import PlanScreen
from tests.tui.support import (
    LARGE,
    SMALL,
    Gate,
    make_console,
    opened,
    picture,
    press,
    settle,
    table,
    toasts,
    view,
)


async def _start(pilot: Pilot[None], gate_stores: Callable[..., Gate]) -> Gate:
    """Start a restore that stands still at its first object."""
    gate = gate_stores("get")
    await press(pilot, "R")
    await pilot.press("enter")
    assert await asyncio.to_thread(gate.waiting.wait, 30)
    await pilot.pause()
    return gate


async def test_keys_answer_while_a_restore_runs(settings: Settings, gate_stores: Callable[..., Gate]) -> None:
    console = make_console(settings)
    async with opened(console) as pilot:
        gate = await _start(pilot, gate_stores)
        assert view(pilot) == "job"
        assert "◐ restoring" in picture(pilot)

        await pilot.press("escape")
        assert view(pilot) == "fleet"
        await pilot.press("down")
        assert table(pilot).cursor == 1
        await pilot.press("question_mark")
        assert view(pilot) == "HelpScreen"
        await pilot.press("escape")
        assert console.jobs.running, "it still runs"
        assert "restoring" in picture(pilot), "and the bar says so"

        gate.open()
        await settle(pilot)
        assert [job.state for job in console.jobs.all] == ["done"]
        assert any("restored" in message for message in toasts(pilot))
        assert view(pilot) == "fleet", "nobody is torn away from what they look at"
        await press(pilot, "J")
        assert view(pilot) == "job"
        await press(pilot, "enter")
        assert view(pilot) == "workbench"


async def test_cancelling_asks_and_leaves_nothing_behind(
    settings: Settings, gate_stores: Callable[..., Gate]
) -> None:
    console = make_console(settings)
    async with opened(console) as pilot:
        gate = await _start(pilot, gate_stores)
        await pilot.press("x")
        assert view(pilot) == "Confirm"
        await pilot.press("enter")
        assert view(pilot) == "job", "enter is the safe answer"
        assert console.jobs.running

        await pilot.press("x", "y")
        assert "stopping" in picture(pilot)
        gate.open()
        await settle(pilot)
        assert [job.state for job in console.jobs.all] == ["cancelled"]
        assert "cancelled" in picture(pilot)
        assert not list(settings.scratch_dir.iterdir())

        await press(pilot, "r")
        assert view(pilot) == "workbench", "and it can be run again"


async def test_leaving_asks_only_while_a_restore_runs(
    settings: Settings, gate_stores: Callable[..., Gate]
) -> None:
    console = make_console(settings)
    async with opened(console) as pilot:
        await _start(pilot, gate_stores)
        await pilot.press("q")
        assert view(pilot) == "Confirm"
        await pilot.press("escape")
        assert view(pilot) == "job"
        await pilot.press("ctrl+q", "y")
        await pilot.pause()
        assert console.return_code == 0

    console = make_console(settings)
    async with opened(console) as pilot:
        await pilot.press("q")
        await pilot.pause()
        assert console.return_code == 0


async def test_several_restores_run_at_once(settings: Settings, gate_stores: Callable[..., Gate]) -> None:
    console = make_console(settings)
    async with opened(console, SMALL) as pilot:
        gate = await _start(pilot, gate_stores)
        await pilot.press("escape")
        await press_ready(pilot, "R")
        await pilot.press("enter")
        await pilot.pause()
        assert len(console.jobs.running) == 2
        await pilot.press("escape", "J")
        assert view(pilot) == "jobs"
        gate.open()
        await settle(pilot)
        assert [job.status.label for job in console.jobs.all] == ["✓ restored"] * 2
        outputs = {Path(job.into) for job in console.jobs.all}
        assert len(outputs) == 2
        assert all(output.exists() for output in outputs)
        assert all(job.into in job.command for job in console.jobs.all)


async def press_ready(pilot: Pilot[None], key: str) -> None:
    """Press a key that leads to a plan, and wait for the plan without waiting for the restore."""
    await pilot.press(key)
    plan = pilot.app.screen
    assert isinstance(plan, PlanScreen)
    for _ in range(500):
        if plan.draft is not None:
            return
        await pilot.pause(0.01)
    raise AssertionError("no plan came")


def test_a_rate_is_taken_over_the_last_seconds() -> None:
    pace = Pace()
    assert pace.per_second is None
    for second in range(20):
        pace.note(second * second, float(second))
    assert pace.per_second == (19 * 19 - 14 * 14) / 5


def test_time_left_follows_from_rate_and_rest() -> None:
    job: Job[None] = Job(kind="export", title="orders")
    left = [job.seconds_left]
    for second, progress in enumerate((100, 200)):
        job.advance(Progress("fetching", progress, 1000), float(second))
        left.append(job.seconds_left)
    job.advance(Progress("applying", 10, 1000), 2.0)
    left.append(job.seconds_left)
    assert left == [None, None, 8.0, None], "another step has another pace"


async def test_any_work_is_a_job_with_its_command_and_its_end(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console) as pilot:
        told: list[str] = []

        def work(report: Report) -> str:
            report.progress(Progress("writing", 3, 4, "rows"))
            return "4 rows"

        job: Job[str] = Job(kind="export", title="orders to orders.csv", command="sqlrecover export orders")
        console.jobs.start(job, work, then=told.append)
        await settle(pilot)
        assert told == ["4 rows"]
        assert job.result == "4 rows"
        assert job.status.label == "✓ exported"
        assert any("✓ exported: orders to orders.csv" in message for message in toasts(pilot))

        console.open_job(job)
        await settle(pilot)
        assert "sqlrecover export orders" in picture(pilot)
        assert "export 1" in picture(pilot)


async def test_the_proof_of_a_replica_names_what_is_damaged_and_leads_around_it(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console, LARGE) as pilot:
        places = {place.replica: place for place in console.listings.places}
        sound = console.jobs.start(VerifyJob(place=places["primary"], config=settings.file))
        torn = console.jobs.start(VerifyJob(place=places["offsite"], config=settings.file))
        await settle(pilot)
        assert (sound.status.glyph, torn.status.label) == ("✓", "✗ damaged")
        assert any("✗ damaged" in message for message in toasts(pilot))

        console.open_job(torn)
        await settle(pilot)
        assert "1 fault" in picture(pilot)
        assert "-replica offsite" in picture(pilot)
        fault = torn.result.faults[0] if torn.result is not None else None
        assert fault is not None
        assert fault.last_good is not None
        await press(pilot, "l")
        plan = pilot.app.screen
        assert isinstance(plan, PlanScreen)
        assert plan.draft is not None
        assert plan.draft.plan.reached == fault.last_good.reached

        await press(pilot, "escape", "r")
        assert [job.state for job in console.jobs.all] == ["done"] * 3, "and it can be proven again"


def test_what_leaving_stops_is_named() -> None:
    jobs = Jobs.__new__(Jobs)
    jobs.all = [Job(kind="restore", title=f"no. {number}") for number in range(7)]
    question, detail = jobs.parting
    assert question == "7 jobs are still running"
    assert "no. 4" in detail
    assert "and 2 more" in detail
    assert "goes on" in detail or "go on" in detail
