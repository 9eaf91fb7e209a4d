"""Home: painted before the network answers, filled in as it does, failures shown in their row."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from sqlite_recovery_tui.clock import FixedClock
from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.demo import DemoIncident
from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.replica.fleet import ReplicaState, refs
from sqlite_recovery_tui.tui import scanning
from sqlite_recovery_tui.tui.screens.fleet import FleetScreen
from tests.tui.support import (
    LARGE,
    NOW,
    SIZES,
    SMALL,
    Gate,
    make_console,
    opened,
    picture,
    press,
    prose,
    screen,
    settings_for,
    settle,
    table,
)


@pytest.mark.parametrize("size", SIZES)
async def test_the_first_paint_comes_before_any_network_answer(
    settings: Settings, gate_stores: Callable[..., Gate], size: tuple[int, int]
) -> None:
    gate = gate_stores("list")
    console = make_console(settings)
    async with console.run_test(size=size) as pilot:
        await pilot.pause()
        assert "shop.db" in picture(pilot)
        assert "primary" in picture(pilot)
        assert "◌ listing" in picture(pilot)
        assert "no gap" not in picture(pilot)
        await pilot.press("down")
        assert table(pilot).cursor == 1, "keys answer while it lists"
        gate.open()
        await settle(pilot)
        assert "✓ no gap" in picture(pilot)
        assert "listing" not in picture(pilot)


@pytest.mark.parametrize("size", SIZES)
async def test_a_failure_is_shown_in_its_row_with_the_next_step(
    incident: DemoIncident, tmp_path: Path, size: tuple[int, int]
) -> None:
    gone = tmp_path / "gone"
    console = make_console(settings_for(gone.as_uri(), incident.replicas[0].as_uri(), scratch=tmp_path))
    async with opened(console, size) as pilot:
        shown = prose(pilot)
        assert "✗ bucket not found" in shown
        assert "does not exist" in shown
        assert "→" in shown
        assert "✓ no gap" in shown, "the other replica is not held up"
        fleet = screen(pilot)
        assert isinstance(fleet, FleetScreen)
        await press(pilot, "down")
        assert fleet.selected is not None
        assert fleet.selected.url == gone.as_uri(), "the lines under a row belong to it"


async def test_listing_again_finds_what_came_back(incident: DemoIncident, tmp_path: Path) -> None:
    place = tmp_path / "later"
    console = make_console(settings_for(place.as_uri(), scratch=tmp_path))
    async with opened(console) as pilot:
        assert "✗" in picture(pilot)
        os.symlink(incident.replicas[0], place)
        await press(pilot, "r")
        assert "✗" not in picture(pilot)
        assert "14:03:08Z" in picture(pilot)


async def test_an_empty_replica_is_said_to_be_empty(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    console = make_console(settings_for((tmp_path / "empty").as_uri(), scratch=tmp_path))
    async with opened(console) as pilot:
        assert "○ empty" in picture(pilot)
        await press(pilot, "R")
        assert isinstance(screen(pilot), FleetScreen), "nothing to restore, so nothing is planned"


async def test_a_hole_in_the_names_is_seen_at_once(incident: DemoIncident, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(incident.replicas[0], copy)
    generation = sorted((copy / "generations").iterdir())[-1]
    segments = sorted((generation / "wal").rglob("*.wal.lz4"))
    middle = segments[len(segments) // 2].name[:8]
    for segment in segments:
        if segment.name.startswith(middle):
            segment.unlink()
    console = make_console(settings_for(copy.as_uri(), scratch=tmp_path))
    async with opened(console, LARGE) as pilot:
        assert "✗ gap" in picture(pilot)
        assert f"WAL {middle} is missing" in picture(pilot)


async def test_times_are_shown_in_utc_local_time_or_as_ages(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console, LARGE) as pilot:
        assert "14:03:08Z" in picture(pilot)
        await press(pilot, "t")
        assert "15:03:08" in picture(pilot)
        await press(pilot, "t")
        assert console.time_style == "age"
        await press(pilot, "t")
        assert console.time_style == "utc"


async def test_the_newest_state_is_one_key_away(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console, SMALL) as pilot:
        await press(pilot, "R")
        assert "the latest state" in picture(pilot)
        assert console.now() == NOW


def test_a_listing_arrives_with_what_screens_show_worked_out(settings: Settings) -> None:
    partial: list[ReplicaState] = []

    class Report:
        cancel = CancelToken()

        def partial(self, state: ReplicaState) -> None:
            partial.append(state)

    state = scanning.scan(refs(settings, "jobs.db")[0], FixedClock(NOW), cast("Any", Report()))
    for each in (*partial, state):
        assert each.timeline is not None
        assert {"newest", "oldest", "warnings"} <= vars(each.timeline).keys()
    assert partial
