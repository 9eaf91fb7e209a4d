"""LTX replicas and mixed ones: lines, lanes, words and keys as any other, and exactly the state chosen."""

from __future__ import annotations

import os
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.demo import DemoIncident
from sqlite_recovery_tui.domain import Txid
from sqlite_recovery_tui.replica.timeline import Timeline, TimelineBuilder
from sqlite_recovery_tui.restore.plan import make_plan
from sqlite_recovery_tui.tui import laying
from sqlite_recovery_tui.tui.aim import leaves_out
from sqlite_recovery_tui.tui.entries import EntryList, Heading, Hole, Stored, aim_of
from sqlite_recovery_tui.tui.screens.plan import PlanScreen
from sqlite_recovery_tui.tui.screens.replica import ReplicaScreen
from sqlite_recovery_tui.tui.screens.workbench import WorkbenchScreen
from tests.support.listings import at, listing
from tests.support.ltx_listings import ltx_listing, ltx_timeline
from tests.support.ltx_small import SmallReplica, small
from tests.tui.support import (
    LARGE,
    SIZES,
    SMALL,
    make_console,
    opened,
    picture,
    press,
    prose,
    screen,
    settings_for,
    table,
    type_text,
    view,
)

LEVELS = "9:1-2@2.5 1:1-2@2 1:3-4@4 0:4@4 0:5@5 0:6@6"


def mixed_timeline() -> Timeline:
    """Return a v0.3 history of ten seconds, and LTX files that begin twenty later."""
    builder = TimelineBuilder()
    for item in listing("S0@0 0.0@1 0.20@2 1.0@10"):
        builder.add(item.key, item.size, at(item.time), None)
    for file in ltx_listing("0:1@30 0:2@31 9:1-2@31.5 0:3@33"):
        builder.add(file.key, file.size, file.time, None)
    return builder.timeline()


def labels(made: EntryList) -> list[str]:
    """Return the lines in a few words."""
    words = []
    for entry in made.entries:
        match entry:
            case Heading(lane):
                words.append(lane.id)
            case Stored(item, noun):
                words.append(f"{noun} {item.label.lstrip('0')}")
            case Hole(gap):
                words.append(gap.kind)
    return words


# lines


def test_levels_run_from_single_syncs_to_snapshots_each_newest_first() -> None:
    made = laying.build(ltx_timeline(LEVELS))
    headings = [entry.lane.id for entry in made.entries if isinstance(entry, Heading)]
    assert headings == ["level 0", "level 1", "level 9"]
    level_0 = [entry.item.position for entry in made.entries[1:4] if isinstance(entry, Stored)]
    assert level_0 == [Txid(6), Txid(5), Txid(4)]
    nouns = [entry.noun for entry in made.entries if isinstance(entry, Stored)]
    assert nouns == ["LTX file"] * 5 + ["snapshot"]


@pytest.mark.parametrize("timeline", [ltx_timeline(LEVELS), mixed_timeline()], ids=["ltx", "mixed"])
def test_every_line_asks_for_exactly_the_state_that_its_object_ends_in(timeline: Timeline) -> None:
    lines = [entry for entry in laying.build(timeline).entries if isinstance(entry, Stored)]
    assert len(lines) == timeline.objects
    for line in lines:
        aim = aim_of(line)
        assert line.point is not None
        plan = make_plan(timeline, aim.target, database=None, replica="r", url="u", generation=aim.generation)
        assert plan.reached == line.point.reached
        if plan.format == "v0.5":
            assert plan.reached == line.item.position


def test_every_txid_that_can_be_restored_can_be_selected() -> None:
    timeline = ltx_timeline(LEVELS)
    lines = [entry for entry in laying.build(timeline).entries if isinstance(entry, Stored)]
    offered = {line.point.reached for line in lines if line.point is not None}
    assert offered == {point.reached for point in timeline.points()} == {Txid(n) for n in (2, 4, 5, 6)}


def test_a_hole_stands_above_the_file_that_it_follows() -> None:
    made = laying.build(ltx_timeline("9:1-2@2 0:3@3 0:5@5 0:6@6"))
    place = next(number for number, entry in enumerate(made.entries) if isinstance(entry, Hole))
    older = made.entries[place + 1]
    assert isinstance(older, Stored)
    assert older.item.position == Txid(3)
    cut_off = [entry for entry in made.entries if isinstance(entry, Stored) and entry.point is None]
    assert [entry.item.position for entry in cut_off] == [Txid(6), Txid(5)]
    assert not any(entry.expired for entry in cut_off)


def test_what_lies_in_front_of_the_first_snapshot_has_expired_and_is_no_damage() -> None:
    made = laying.build(ltx_timeline("1:3-4@4 9:1-6@6 0:7@7"))
    old = next(entry for entry in made.entries if isinstance(entry, Stored) and entry.point is None)
    assert old.item.position == Txid(4)
    assert old.expired


def test_a_mixed_history_is_one_list_with_the_newer_layout_first_and_the_pause_between() -> None:
    made = laying.build(mixed_timeline())
    words = labels(made)
    assert words.index("level 0") < words.index("level 9") < words.index("between-generations")
    assert words.index("between-generations") < words.index("a" * 16)


def test_marks_are_headings_snapshots_and_gaps() -> None:
    made = laying.build(ltx_timeline(LEVELS))
    found = [labels(made)[place] for place in made.marks]
    assert [word.partition(" ")[0] for word in found] == ["level", "level", "level", "snapshot"]


# the moment itself


def test_the_moment_itself_is_left_out_where_the_format_does_that() -> None:
    assert leaves_out(ltx_timeline(LEVELS), at(5))
    assert not leaves_out(ltx_timeline(LEVELS), at(5) + timedelta(milliseconds=1))
    assert not leaves_out(mixed_timeline(), at(2)), "v0.3 takes it in"
    assert leaves_out(mixed_timeline(), at(31))


# the console


@pytest.fixture
def replica(tmp_path: Path) -> SmallReplica:
    return small(tmp_path, {0: "4 5 6", 1: "1-2 3-4", 9: "1-2"})


def settings_of(replica: SmallReplica) -> Settings:
    return settings_for(replica.url, scratch=replica.folder.parent / "scratch")


@pytest.mark.parametrize("size", SIZES)
async def test_the_fleet_counts_and_names_the_layout(settings: Settings, size: tuple[int, int]) -> None:
    console = make_console(settings)
    async with opened(console, size) as pilot:
        await press(pilot, "end")
        shown = picture(pilot)
        assert "jobs.db" in shown
        assert "4 levels: 1 snapshot, 190 LTX files" in shown
        if size == LARGE:
            row = next(line for line in shown.splitlines() if "jobs.db" in line)
            assert row.split()[row.split().index("v0.5") :][:1] == ["v0.5"]
            assert "191" in row


@pytest.mark.parametrize("size", SIZES)
async def test_the_replica_says_what_each_level_is_and_how_fine_one_can_go_back(
    settings: Settings, size: tuple[int, int]
) -> None:
    console = make_console(settings)
    async with opened(console, size) as pilot:
        await press(pilot, "end", "enter")
        shown = picture(pilot)
        assert "level 0 · each sync" in shown
        assert "points   every 2 s for the last 5 min, 30 s up to 39 min back" in shown
        await press(pilot, "right_square_bracket")
        assert "level 1 · compacted" in picture(pilot)
        await press(pilot, "end")
        assert "level 9 · snapshots" in picture(pilot)


@pytest.mark.parametrize("size", SIZES)
async def test_just_one_files_end_is_restored(replica: SmallReplica, size: tuple[int, int]) -> None:
    console = make_console(settings_of(replica))
    async with opened(console, size) as pilot:
        await press(pilot, "enter", "down")
        assert "TXID 0000000000000005" in picture(pilot)
        await press(pilot, "enter")
        plan = screen(pilot)
        assert isinstance(plan, PlanScreen)
        assert plan.command is not None
        assert "-txid 0000000000000005" in plan.command
        assert "+ 2 LTX files" in picture(pilot)
        await press(pilot, "enter")
        bench = screen(pilot)
        assert isinstance(bench, WorkbenchScreen)
        assert bench.proof.status.word == "every check passed"
        assert bench.subject.path.read_bytes() == replica.states[5]


async def test_a_snapshot_is_restored_by_itself(replica: SmallReplica) -> None:
    console = make_console(settings_of(replica))
    async with opened(console) as pilot:
        await press(pilot, "enter", "end", "enter")
        plan = screen(pilot)
        assert isinstance(plan, PlanScreen)
        assert plan.draft is not None
        assert plan.draft.plan.changes == ()
        await press(pilot, "enter")
        bench = screen(pilot)
        assert isinstance(bench, WorkbenchScreen)
        assert bench.subject.path.read_bytes() == replica.states[2]


async def test_asking_for_the_very_moment_of_a_sync_says_that_it_is_leaves_out(replica: SmallReplica) -> None:
    console = make_console(settings_of(replica))
    async with opened(console, LARGE) as pilot:
        await press(pilot, "enter", "g")
        await type_text(pilot, "2026-03-26 10:00:05 utc")
        assert "▲ something was stored at that very moment" in picture(pilot)
        assert "TXID 0000000000000004" in picture(pilot)
        await press(pilot, "enter")
        assert "what was stored at that very moment is left out" in picture(pilot)
        await press(pilot, "g", "home", "ctrl+k")
        await type_text(pilot, "2026-03-26 10:00:05.5 utc")
        assert "something was stored" not in picture(pilot)
        assert "TXID 0000000000000005" in picture(pilot)
        await press(pilot, "enter")
        assert "is left out" not in picture(pilot)


async def test_a_file_that_is_damaged_is_gone_round_and_named(replica: SmallReplica) -> None:
    def flip(data: bytes) -> bytes:
        middle = len(data) // 2
        return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]

    console = make_console(settings_of(replica))
    async with opened(console, LARGE) as pilot:
        await press(pilot, "enter", "end", "enter")
        plan = screen(pilot)
        assert isinstance(plan, PlanScreen)
        assert plan.draft is not None
        damaged = replica.folder / plan.draft.plan.base.key
        replica.change(damaged, flip)
        await press(pilot, "enter")
        bench = screen(pilot)
        assert isinstance(bench, WorkbenchScreen), [job.error for job in console.jobs.all]
        assert bench.subject.path.read_bytes() == replica.states[2]
        await press(pilot, "v")
        assert plan.draft.plan.base.key in picture(pilot)
        await press(pilot, "escape", "J")
        assert plan.draft.plan.base.key in picture(pilot)


async def test_a_hole_offers_the_last_good_state(tmp_path: Path) -> None:
    replica = small(tmp_path, {0: "1 2 3 4 5 6"})
    replica.path(0, 4).unlink()
    console = make_console(settings_of(replica))
    async with opened(console, LARGE) as pilot:
        assert "✗ gap" in picture(pilot)
        await press(pilot, "enter")
        assert "TXID 00000004 is missing at every level" in picture(pilot)
        await press(pilot, "R")
        assert "behind a hole" in picture(pilot)
        await press(pilot, "l")
        await press(pilot, "enter")
        bench = screen(pilot)
        assert isinstance(bench, WorkbenchScreen)
        assert bench.subject.path.read_bytes() == replica.states[3]


# both layouts under one URL


@pytest.fixture
def upgraded(incident: DemoIncident, replica: SmallReplica) -> SmallReplica:
    """A v0.3 replica whose path was gone on with as LTX an hour later."""
    folder = replica.folder
    shutil.copytree(incident.replicas[0] / "generations", folder / "generations")
    for file in (folder / "generations").rglob("*.lz4"):
        moment = file.stat().st_mtime - timedelta(hours=5).total_seconds()
        os.utime(file, (moment, moment))
    return replica


async def test_a_mixed_replica_restores_from_both_and_says_why(upgraded: SmallReplica) -> None:
    console = make_console(settings_of(upgraded))
    async with opened(console, LARGE) as pilot:
        assert "v0.3 + v0.5" in picture(pilot)
        for asked, layout, held in (
            ("2026-03-26 09:00 utc", "v0.3", "this replica also holds the LTX files"),
            ("2026-03-26 10:00:05.5 utc", "v0.5", "this replica also holds 2 generations (v0.3)"),
        ):
            await press(pilot, "enter", "g")
            await type_text(pilot, asked)
            await press(pilot, "enter")
            plan = screen(pilot)
            assert isinstance(plan, PlanScreen)
            assert plan.draft is not None
            assert plan.draft.plan.format == layout
            assert held in prose(pilot)
            await press(pilot, "enter")
            bench = screen(pilot)
            assert isinstance(bench, WorkbenchScreen)
            names = {info.name for info in bench.tables}
            assert names == ({"t"} if layout == "v0.5" else {*names, "orders"})
            await press(pilot, "escape", "escape")
            assert view(pilot) == "fleet"


async def test_a_mixed_replica_is_walked_through_line_by_line(upgraded: SmallReplica) -> None:
    console = make_console(settings_of(upgraded))
    async with opened(console, SMALL) as pilot:
        await press(pilot, "enter")
        replica = screen(pilot)
        assert isinstance(replica, ReplicaScreen)
        seen = []
        while True:
            place = table(pilot).cursor
            await press(pilot, "right_square_bracket")
            if table(pilot).cursor == place:
                break
            seen.append(type(replica.selected).__name__)
        assert seen.count("Heading") == 4, "two levels more, two generations"
        assert "Hole" in seen, "the pause at the upgrade, and the one in the old history"
        await press(pilot, "enter")
        plan = screen(pilot)
        assert isinstance(plan, PlanScreen)
        assert plan.draft is not None
        assert plan.draft.plan.format == "v0.3"
