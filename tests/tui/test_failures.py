"""Whatever fails, the place where it failed says what to do, and doing it works."""

from __future__ import annotations

from pathlib import Path

import pytest

from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.demo import DemoIncident
from sqlite_recovery_tui.errors import DamagedError, OutsideCoverage, RefusedError
from sqlite_recovery_tui.tui.proof import Subject
from sqlite_recovery_tui.tui.screens.job import JobScreen
from sqlite_recovery_tui.tui.screens.plan import PlanScreen
from sqlite_recovery_tui.tui.screens.workbench import WorkbenchScreen
from sqlite_recovery_tui.tui.widgets.problem import Problem
from tests.tui.support import (
    SIZES,
    SMALL,
    make_console,
    opened,
    picture,
    press,
    screen,
    type_text,
    view,
)


@pytest.mark.parametrize("size", SIZES)
async def test_damage_is_named_and_the_last_good_commit_is_two_keys_away(
    settings: Settings, size: tuple[int, int]
) -> None:
    console = make_console(settings)
    async with opened(console, size) as pilot:
        await press(pilot, "down", "enter", "g")
        await type_text(pilot, "2026-03-26 13:55 utc")
        await press(pilot, "enter")
        await press(pilot, "enter")
        job = screen(pilot)
        assert isinstance(job, JobScreen)
        error = job.job.error
        assert isinstance(error, DamagedError)
        assert error.last_good is not None
        assert "61800 bytes of WAL are missing" in job.query_one(Problem).shown
        assert error.last_good.time.strftime("%H:%M:%S") in picture(pilot)

        await press(pilot, "l")
        plan = screen(pilot)
        assert isinstance(plan, PlanScreen)
        assert plan.aim.to_last_good
        assert "the last good commit in front of the damage" in picture(pilot)
        await press(pilot, "enter")
        bench = screen(pilot)
        assert isinstance(bench, WorkbenchScreen)
        assert bench.subject.result is not None
        assert bench.subject.result.lost
        assert "lost" in picture(pilot)
        assert bench.proof.status.word == "sound, but not everything is there"


async def test_the_next_good_snapshot_behind_damage_can_be_taken(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console) as pilot:
        await press(pilot, "down", "enter", "g")
        await type_text(pilot, "2026-03-26 13:55 utc")
        await press(pilot, "enter")
        await press(pilot, "enter")
        await press(pilot, "n")
        plan = screen(pilot)
        assert isinstance(plan, PlanScreen)
        assert plan.draft is not None
        assert plan.draft.plan.changes == ()
        await press(pilot, "enter")
        assert view(pilot) == "workbench"


@pytest.mark.parametrize(
    ("asked", "key", "reached"),
    [("2026-03-26 12:00 utc", "a", "13:01:08"), ("2026-03-26 20:00 utc", "b", "14:03:08")],
)
async def test_a_time_outside_the_coverage_offers_the_nearest(
    settings: Settings, asked: str, key: str, reached: str
) -> None:
    console = make_console(settings)
    async with opened(console) as pilot:
        await press(pilot, "enter", "g")
        await type_text(pilot, asked)
        await press(pilot, "enter")
        plan = screen(pilot)
        assert isinstance(plan, PlanScreen)
        assert isinstance(plan.error, OutsideCoverage)
        assert reached in picture(pilot)
        assert plan.draft is None

        await press(pilot, "enter")
        assert view(pilot) == "plan", "nothing runs without a plan"
        await press(pilot, key)
        assert plan.draft is not None
        assert plan.draft.plan.point.time.strftime("%H:%M:%S") == reached
        assert plan.command is not None
        assert "-nearest" in plan.command


async def test_another_time_can_be_typed_on_the_plan(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console) as pilot:
        await press(pilot, "enter", "g")
        await type_text(pilot, "2026-03-26 12:00 utc")
        await press(pilot, "enter")
        await press(pilot, "g", "home", "ctrl+k")
        await type_text(pilot, "20 min ago")
        await press(pilot, "enter")
        plan = screen(pilot)
        assert isinstance(plan, PlanScreen)
        assert plan.draft is not None
        assert "20 min ago" in picture(pilot)


async def test_a_time_that_is_none_says_how_to_write_one(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console) as pilot:
        await press(pilot, "enter", "g")
        await type_text(pilot, "teatime")
        assert "'teatime' is not a time" in picture(pilot)
        await press(pilot, "enter")
        assert view(pilot) == "TimeDialog"
        await press(pilot, "escape")
        assert view(pilot) == "replica"


async def test_a_file_in_the_way_is_left_alone_and_the_plan_can_be_changed(
    settings: Settings, tmp_path: Path
) -> None:
    precious = tmp_path / "precious.db"
    precious.write_bytes(b"precious")
    console = make_console(settings)
    async with opened(console) as pilot:
        await press(pilot, "R", "o", "home", "ctrl+k")
        await type_text(pilot, str(precious))
        await press(pilot, "enter")
        await press(pilot, "enter")
        job = screen(pilot)
        assert isinstance(job, JobScreen)
        assert isinstance(job.job.error, RefusedError)
        assert "exists" in picture(pilot)
        assert precious.read_bytes() == b"precious"
        await press(pilot, "p")
        assert view(pilot) == "plan"


async def test_a_file_that_is_no_database_is_a_message(tmp_path: Path) -> None:
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"this is not a database" * 100)
    console = make_console(None)
    async with opened(console) as pilot:
        console.open_workbench(Subject(broken, "broken.db"))
        await press(pilot, "down")
        assert view(pilot) == "workbench"
        assert "✗" in picture(pilot)
        await press(pilot, "escape")
        assert view(pilot) == "welcome"


async def test_a_flipped_bit_is_found_while_restoring(incident: DemoIncident, tmp_path: Path) -> None:
    import shutil

    from tests.tui.support import settings_for

    copy = tmp_path / "copy"
    shutil.copytree(incident.replicas[0], copy)
    generation = sorted((copy / "generations").iterdir(), key=lambda path: path.stat().st_mtime)[-1]
    newest = sorted((generation / "wal").rglob("*.wal.lz4"))[-1]
    data = bytearray(newest.read_bytes())
    data[len(data) // 2] ^= 0x10
    newest.write_bytes(data)
    console = make_console(settings_for(copy.as_uri(), scratch=tmp_path / "scratch"))
    async with opened(console, SMALL) as pilot:
        await press(pilot, "R")
        await press(pilot, "enter")
        assert view(pilot) == "job"
        assert newest.name in picture(pilot)
        assert not list((tmp_path / "scratch").glob("*/*.db")), "nothing half-made is left"
