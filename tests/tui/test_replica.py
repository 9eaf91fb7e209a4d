"""The history of a replica as lines: what can be restored, what is cut off, where the holes are."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.demo import DemoIncident
from sqlite_recovery_tui.domain import Snapshot, WalSegment
from sqlite_recovery_tui.replica.timeline import Timeline, TimelineBuilder
from sqlite_recovery_tui.restore.plan import make_plan
from sqlite_recovery_tui.storage.open import open_store
from sqlite_recovery_tui.tui import laying
from sqlite_recovery_tui.tui.entries import Heading, Hole, Stored, aim_of
from sqlite_recovery_tui.tui.screens.replica import ReplicaScreen
from tests.tui.support import (
    LARGE,
    SIZES,
    make_console,
    opened,
    picture,
    press,
    screen,
    settings_for,
    toasts,
    view,
)

START = datetime(2026, 3, 26, 10, 0, tzinfo=UTC)
GENERATION = "0123456789abcdef"


def timeline_of(indexes: int, segments: int, *, missing: tuple[int, ...] = ()) -> Timeline:
    """Return a history of `indexes` WALs with so many segments each, a snapshot before every tenth."""
    builder = TimelineBuilder()
    moment = START
    for index in range(indexes):
        if index % 10 == 0:
            key = f"generations/{GENERATION}/snapshots/{index:08x}.snapshot.lz4"
            builder.add(key, 100_000, moment, None)
        for number in range(segments):
            moment += timedelta(seconds=1)
            if index not in missing:
                key = f"generations/{GENERATION}/wal/{index:08x}_{number * 4096:08x}.wal.lz4"
                builder.add(key, 4000, moment, None)
    return builder.timeline()


def test_every_line_asks_for_exactly_its_own_state(incident: DemoIncident) -> None:
    from sqlite_recovery_tui.config import replica_from_url
    from sqlite_recovery_tui.replica.scan import scan

    store = open_store(replica_from_url(incident.replicas[0].as_uri()))
    timeline = scan(store)
    store.close()
    lines = [entry for entry in laying.build(timeline).entries if isinstance(entry, Stored)]
    assert len(lines) == timeline.objects
    for line in lines:
        aim = aim_of(line)
        plan = make_plan(timeline, aim.target, database=None, replica="r", url="u", generation=aim.generation)
        assert (plan.changes[-1].key if plan.changes else plan.base.key) == line.item.key


def test_lines_run_from_the_newest_to_the_oldest() -> None:
    made = laying.build(timeline_of(3, 2))
    assert isinstance(made.entries[0], Heading)
    positions = [entry.item.label for entry in made.entries if isinstance(entry, Stored)]
    assert positions == sorted(positions, reverse=True)
    first = made.entries[made.first_point()]
    assert isinstance(first, Stored)
    assert isinstance(first.item, WalSegment)


def test_a_hole_stands_between_its_neighbours_and_cuts_off_what_is_behind() -> None:
    made = laying.build(timeline_of(10, 2, missing=(5,)))
    place = next(number for number, entry in enumerate(made.entries) if isinstance(entry, Hole))
    newer, older = made.entries[place - 1], made.entries[place + 1]
    assert isinstance(newer, Stored)
    assert isinstance(older, Stored)
    assert (newer.item.index, older.item.index) == (6, 4)
    assert newer.point is None
    assert older.point is not None


def test_marks_are_everything_but_segments() -> None:
    made = laying.build(timeline_of(30, 3))
    marked = [made.entries[place] for place in made.marks]
    assert all(isinstance(entry, Heading) or isinstance(entry.item, Snapshot) for entry in marked)  # type: ignore[union-attr]
    assert made.mark_after(made.marks[0]) == made.marks[1]
    assert made.mark_before(made.marks[1]) == made.marks[0]
    assert made.mark_after(len(made.entries)) is None


@pytest.mark.parametrize("size", SIZES)
async def test_marks_are_jumped_to(settings: Settings, size: tuple[int, int]) -> None:
    console = make_console(settings)
    async with opened(console, size) as pilot:
        await press(pilot, "enter")
        replica = screen(pilot)
        assert isinstance(replica, ReplicaScreen)
        await press(pilot, "right_square_bracket")
        selected = replica.selected
        assert isinstance(selected, Stored)
        assert isinstance(selected.item, Snapshot)
        place = replica.table.cursor
        await press(pilot, "right_square_bracket", "left_square_bracket")
        assert replica.table.cursor == place


async def test_what_a_restore_takes_is_said_for_the_selected_line(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console) as pilot:
        await press(pilot, "enter")
        assert "(13:56:24Z) + 29 segments" in picture(pilot)
        await press(pilot, "down")
        assert "(13:56:24Z) + 28 segments" in picture(pilot)


async def test_a_line_that_cannot_be_restored_says_why_not(incident: DemoIncident, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(incident.replicas[0], copy)
    newest = max((copy / "generations").iterdir(), key=lambda path: path.stat().st_mtime)
    for snapshot in (newest / "snapshots").rglob("*.lz4"):
        snapshot.unlink()
    console = make_console(settings_for(copy.as_uri(), scratch=tmp_path))
    async with opened(console, LARGE) as pilot:
        await press(pilot, "enter", "home", "down", "down")
        assert "✗ cut off" in picture(pilot)
        await press(pilot, "enter")
        assert view(pilot) == "replica"
        assert any("not a restore point" in message for message in toasts(pilot))
