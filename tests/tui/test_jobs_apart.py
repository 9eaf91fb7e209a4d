"""Restores and proofs run in processes of their own: keys answer, and what ends one ends nothing else."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.errors import DamagedError, WorkerDied
from sqlite_recovery_tui.replica.fleet import refs
from sqlite_recovery_tui.restore.unfinished import find
from sqlite_recovery_tui.tui.app import Console
from sqlite_recovery_tui.tui.jobs import Job
from sqlite_recovery_tui.tui.widgets.problem import Problem
from sqlite_recovery_tui.verify.proof import ReplicaProof
from tests.support.held_worker import NOWHERE, held_at
from tests.tui.support import SMALL, opened, picture, press, prose, settle, table, toasts, type_text, view

Hold = Callable[[str], None]


def make_console(settings: Settings) -> Console:
    """Return a console as an operator has it: by the system's clock, its jobs in processes of their own."""
    return Console(settings, refs(settings, None), apart=True)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[subprocess.Popen[bytes]]]:
    """The processes that jobs were given, in the order in which they began; none survives the test."""
    found: list[subprocess.Popen[bytes]] = []

    class Noted(subprocess.Popen[bytes]):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            if any("held_worker" in word for word in args[0]):
                found.append(self)

    monkeypatch.setattr(subprocess, "Popen", Noted)
    yield found
    for each in found:
        each.kill()


@pytest.fixture(autouse=True)
def hold(monkeypatch: pytest.MonkeyPatch) -> Hold:
    """Lets every job from now on come as far as a step, and no further; at first nothing is held."""
    held_at(NOWHERE, monkeypatch)
    return lambda step: held_at(step, monkeypatch)


async def start_restore(pilot: Pilot[None]) -> Job[Any]:
    """Start a restore of what is selected; return its job."""
    console = pilot.app
    assert isinstance(console, Console)
    await pilot.press("R")
    await until(pilot, lambda: getattr(pilot.app.screen, "draft", None) is not None)
    await pilot.press("enter")
    return console.jobs.all[-1]


async def until(pilot: Pilot[None], true: Callable[[], bool]) -> None:
    """Let the console go on until something holds."""
    for _ in range(6000):
        if true():
            return
        await pilot.pause(0.01)
    raise AssertionError(picture(pilot))


async def reach(pilot: Pilot[None], job: Job[Any], step: str) -> None:
    """Wait until a job has come to the step where it is held."""
    await until(pilot, lambda: job.phase == step or not job.running)
    assert job.running, job.error


async def test_a_restore_and_a_proof_end_well_each_in_a_process_of_its_own(
    settings: Settings, started: list[subprocess.Popen[bytes]]
) -> None:
    console = make_console(settings)
    async with opened(console) as pilot:
        await start_restore(pilot)
        await pilot.press("1", "v")
        await settle(pilot)
        assert [job.state for job in console.jobs.all] == ["done", "done"]
        assert isinstance(console.jobs.all[1].result, ReplicaProof)
        assert Path(console.jobs.all[0].into).stat().st_size > 0
        assert console.jobs.all[0].result.plan is console.jobs.all[0].plan  # type: ignore[attr-defined]
        assert len({each.pid for each in started} - {os.getpid()}) == 2
        assert [each.poll() for each in started] == [0, 0], "they are gone"
        await press(pilot, "2", "down", "enter")
        await press(pilot, "enter")
        assert view(pilot) == "workbench"


async def test_one_that_is_killed_says_so_at_its_place_and_nothing_else_is_disturbed(
    settings: Settings, hold: Hold, started: list[subprocess.Popen[bytes]]
) -> None:
    console = make_console(settings)
    async with opened(console, SMALL) as pilot:
        hold("applying WAL")
        restore = await start_restore(pilot)
        await reach(pilot, restore, "applying WAL")
        await pilot.press("1", "down")
        assert table(pilot).cursor == 1, "keys answer"
        hold("verifying")
        await pilot.press("v")
        proof = console.jobs.all[-1]
        await reach(pilot, proof, "verifying")
        assert "2 jobs" in picture(pilot)

        started[0].kill()
        await until(pilot, lambda: not restore.running)
        assert isinstance(restore.error, WorkerDied)
        assert proof.running
        assert started[1].poll() is None
        assert any("failed" in message for message in toasts(pilot))
        await pilot.press("2", "down", "enter")
        shown = prose(pilot)
        assert "the process of the restore of shop.db was killed by signal SIGKILL" in shown
        assert "it goes on from what was fetched" in shown

        hold(NOWHERE)
        await pilot.press("r")
        await until(pilot, lambda: not console.jobs.all[-1].running)
        assert console.jobs.all[-1].status.label == "✓ restored"
        assert console.jobs.all[-1].into == restore.into
        console.jobs.cancel(proof)
        await settle(pilot)
        assert proof.state == "cancelled"
        assert not list(settings.scratch_dir.glob("sqlrecover-verify-*"))


async def test_what_a_killed_one_leaves_is_offered_at_the_next_start(
    settings: Settings, hold: Hold, started: list[subprocess.Popen[bytes]]
) -> None:
    hold("applying WAL")
    console = make_console(settings)
    async with opened(console, SMALL) as pilot:
        job = await start_restore(pilot)
        await reach(pilot, job, "applying WAL")
        started[0].kill()
        await settle(pilot)
        assert [left.output for left in find()] == [Path(job.into)]
        assert not Path(job.into).exists()
    hold(NOWHERE)
    console = make_console(settings)
    async with opened(console, SMALL) as pilot:
        assert view(pilot) == "InterruptedDialog"
        await press(pilot, "r")
        assert view(pilot) == "workbench", [job.error for job in console.jobs.all]
        assert len(started) == 2, "going on is done in a process of its own, too"
    assert find() == []


async def test_a_cancelled_one_cleans_up(settings: Settings, hold: Hold) -> None:
    hold("applying WAL")
    console = make_console(settings)
    async with opened(console, SMALL) as pilot:
        job = await start_restore(pilot)
        await reach(pilot, job, "applying WAL")
        await pilot.press("x", "y")
        await settle(pilot)
        assert job.state == "cancelled"
        assert not list(settings.scratch_dir.iterdir())
    assert find() == []


@pytest.mark.skipif(sys.platform != "linux", reason="waits for a process whose end nobody asks for")
async def test_one_whose_console_is_left_ends_and_leaves_what_it_has(
    settings: Settings, hold: Hold, started: list[subprocess.Popen[bytes]]
) -> None:
    hold("applying WAL")
    console = make_console(settings)
    async with opened(console, SMALL) as pilot:
        await reach(pilot, await start_restore(pilot), "applying WAL")
        descriptor = os.pidfd_open(started[0].pid)
        await pilot.press("ctrl+q", "y")
        await pilot.pause()
    console.engine.close(60)
    try:
        assert select.select([descriptor], [], [], 60)[0]
    finally:
        os.close(descriptor)
    assert [left.output for left in find()] == [Path(console.jobs.all[0].into)]


async def test_damage_that_one_finds_is_named_with_its_ways_out(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console, SMALL) as pilot:
        await press(pilot, "down", "enter", "g")
        await type_text(pilot, "2026-03-26 13:55 utc")
        await press(pilot, "enter")
        await press(pilot, "enter")
        error = console.jobs.all[0].error
        assert isinstance(error, DamagedError)
        assert error.last_good is not None
        assert "bytes of WAL are missing" in pilot.app.screen.query_one(Problem).shown
        assert "plan up to the last good commit" in picture(pilot)
