"""The timeline of a replica as one uses it: cursor, zoom, lanes, commits, proofs, damage, the mouse."""

from __future__ import annotations

import dataclasses
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from textual.pilot import Pilot

from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.demo import DemoIncident
from sqlite_recovery_tui.domain import Position
from sqlite_recovery_tui.replica.fleet import ReplicaState
from sqlite_recovery_tui.replica.timeline import Timeline as History
from sqlite_recovery_tui.restore.target import AtPosition, AtTime
from sqlite_recovery_tui.tui.entries import Stored
from sqlite_recovery_tui.tui.jobs.verify import VerifyJob
from sqlite_recovery_tui.tui.known import Flaw, Known, Shown
from sqlite_recovery_tui.tui.replica_work import Laid
from sqlite_recovery_tui.tui.screens.plan import PlanScreen
from sqlite_recovery_tui.tui.screens.replica import ReplicaScreen
from sqlite_recovery_tui.tui.screens.replica_rows import HistoryRows
from sqlite_recovery_tui.tui.widgets.timeline import Timeline
from tests.support.ltx_listings import ltx_timeline
from tests.tui.support import (
    LARGE,
    SIZES,
    SMALL,
    make_console,
    opened,
    picture,
    press,
    screen,
    settings_for,
    settle,
    toasts,
    type_text,
    view,
)
from tests.tui.support_timeline import Counted, many_generations


def replica_in(pilot: Pilot[None]) -> ReplicaScreen:
    found = screen(pilot)
    assert isinstance(found, ReplicaScreen)
    return found


def facts(pilot: Pilot[None]) -> str:
    """Return what is said under the timeline."""
    return replica_in(pilot).query_one("#selected").shown  # type: ignore[attr-defined, no-any-return]


def item_of(pilot: Pilot[None]) -> Stored:
    entry = replica_in(pilot).selected
    assert isinstance(entry, Stored)
    return entry


async def show(pilot: Pilot[None], history: History) -> ReplicaScreen:
    """Look at a history that was never stored."""
    console = pilot.app
    place = console.listings.places[0]  # type: ignore[attr-defined]
    place.state = ReplicaState(place.ref, history, None, console.now())  # type: ignore[attr-defined]
    await press(pilot, "enter")
    return replica_in(pilot)


# the cursor


@pytest.mark.parametrize("size", SIZES)
async def test_one_cursor_in_timeline_and_list(settings: Settings, size: tuple[int, int]) -> None:
    async with opened(make_console(settings), size) as pilot:
        await press(pilot, "enter")
        replica = replica_in(pilot)
        newest = item_of(pilot)
        await press(pilot, "left", "left")
        assert replica.table.cursor == 3, "the list goes along"
        assert replica.timeline.cursor is not None
        assert replica.timeline.cursor.moment == item_of(pilot).item.time
        await press(pilot, "right", "down", "up", "l")
        assert item_of(pilot) == newest
        await press(pilot, "down")
        assert replica.timeline.cursor.moment == item_of(pilot).item.time, "and the other way"
        shown = picture(pilot)
        assert "▲" in shown
        assert "newest 4 s ago ●" in shown


async def test_tab_gives_the_arrows_to_lanes(settings: Settings) -> None:
    async with opened(make_console(settings), LARGE) as pilot:
        await press(pilot, "end", "enter", "tab")
        replica = replica_in(pilot)
        assert isinstance(replica.focused, Timeline)
        await press(pilot, "left", "left", "left")
        moment = item_of(pilot).item.time
        await press(pilot, "down")
        assert replica.timeline.cursor is not None
        assert replica.timeline.cursor.lane == 1
        assert item_of(pilot).item.time <= moment
        await press(pilot, "up")
        assert item_of(pilot).item.time == moment, "and back where one came from"
        await press(pilot, "down", "home")
        oldest = item_of(pilot)
        await press(pilot, "left")
        assert item_of(pilot).item.time <= oldest.item.time
        await press(pilot, "up", "up", "up", "end")
        assert replica.timeline.cursor.lane == 0
        assert replica.table.cursor == 1
        await press(pilot, "tab", "down")
        assert replica.table.cursor == 2


async def test_what_a_restore_takes_and_what_is_proven_stands_under_it(settings: Settings) -> None:
    async with opened(make_console(settings), SMALL) as pilot:
        await press(pilot, "enter")
        said = facts(pilot)
        assert "2026-03-26 14:03:08Z" in said
        assert "15:03:08 +0100 local" in said
        assert "+ 29 segments" in said
        assert "about 0.2 s" in said
        assert "no hole by name; every checksum is verified on the way" in said


# zoom


async def test_zoom_goes_from_everything_to_a_second_and_keeps_the_cursor_in_view(settings: Settings) -> None:
    async with opened(make_console(settings), LARGE) as pilot:
        await press(pilot, "enter", "right_square_bracket")
        replica = replica_in(pilot)
        timeline = replica.timeline
        assert "everything" in picture(pilot)
        await press(pilot, "minus")
        assert any("Everything is in view" in message for message in toasts(pilot))
        spans = []
        for _ in range(30):
            await press(pilot, "plus")
            assert timeline.cursor is not None
            assert timeline.window.holds(timeline.cursor.moment)
            spans.append(timeline.window.span.total_seconds())
            if spans[-1] == 1:
                break
        assert spans == sorted(spans, reverse=True)
        assert spans[-1] == 1
        assert "zoom 1 s" in picture(pilot)
        await press(pilot, "plus")
        assert any("as close as it gets" in message for message in toasts(pilot))
        await press(pilot, "left")
        assert timeline.cursor is not None
        assert timeline.window.holds(timeline.cursor.moment), "the window follows the cursor"
        start = timeline.window.start
        await press(pilot, "less_than_sign")
        assert timeline.window.start == start - timedelta(seconds=0.5)
        await press(pilot, "0")
        assert timeline.view is None


async def test_wheel_and_click(settings: Settings) -> None:
    async with opened(make_console(settings), LARGE) as pilot:
        await press(pilot, "enter")
        replica = replica_in(pilot)
        timeline = replica.timeline
        at = timeline.window.edges[60]
        await pilot._post_mouse_events([_up()], Timeline, offset=(70, 3), button=0)
        await settle(pilot)
        assert timeline.view is not None
        assert abs(timeline.window.slot(at) - 60) <= 1, "what lies under the mouse stays there"
        await pilot._post_mouse_events([_down()], Timeline, offset=(70, 3), button=0)
        await settle(pilot)
        assert timeline.view is None
        await pilot.click(Timeline, offset=(70, 3))
        await settle(pilot)
        assert item_of(pilot).item.time <= timeline.window.edges[61]
        assert item_of(pilot).item.time >= timeline.window.edges[58]
        older = replica.lines
        assert older is not None
        row = next(number for number, line in enumerate(timeline._lanes().lines) if line.lane == 1)
        await pilot.click(Timeline, offset=(150, row + 1))
        await settle(pilot)
        assert item_of(pilot).item.time == older.blocks[1].lane.end, "the last of a lane that ended before"


def _up() -> type:
    from textual import events

    return events.MouseScrollUp


def _down() -> type:
    from textual import events

    return events.MouseScrollDown


# a typed time


@pytest.mark.parametrize("typed", ["2026-03-26T13:50:00Z", "1774533000", "13 min 12 s ago"])
async def test_a_time_is_gone_to_in_every_form(settings: Settings, typed: str) -> None:
    async with opened(make_console(settings), SMALL) as pilot:
        await press(pilot, "enter", "g")
        await type_text(pilot, typed)
        await press(pilot, "tab")
        replica = replica_in(pilot)
        wanted = datetime(2026, 3, 26, 13, 50, tzinfo=UTC)
        assert replica.asked is not None
        assert replica.asked[0].time == wanted
        assert item_of(pilot).item.time <= wanted
        assert "before the time asked for" in facts(pilot)
        assert "▽" in picture(pilot)
        await press(pilot, "enter")
        plan = screen(pilot)
        assert isinstance(plan, PlanScreen)
        assert isinstance(plan.aim.target, AtTime)
        assert plan.aim.target.time == wanted, "what is planned is what was asked for"
        await press(pilot, "escape", "H")
        assert isinstance(replica._aim.target, AtPosition), "a commit that was chosen is more than a time"  # type: ignore[union-attr]
        await press(pilot, "left")
        assert replica.asked is None
        assert "asked for" not in facts(pilot)


async def test_enter_plans_a_typed_time_at_once_and_it_is_still_there_on_the_way_back(
    settings: Settings,
) -> None:
    async with opened(make_console(settings), LARGE) as pilot:
        await press(pilot, "enter", "g")
        await type_text(pilot, "13:50 utc")
        await press(pilot, "enter")
        assert view(pilot) == "plan"
        await press(pilot, "escape")
        assert "before the time asked for (13:50 utc)" in facts(pilot)


# commits


async def test_commits_are_stepped_through_and_each_can_be_planned(settings: Settings) -> None:
    async with opened(make_console(settings), SMALL) as pilot:
        await press(pilot, "enter", "H")
        first = item_of(pilot)
        assert "commit 3 of 4" in facts(pilot)
        assert "position 0000000e:0006ba28" in facts(pilot)
        await press(pilot, "enter")
        plan = screen(pilot)
        assert isinstance(plan, PlanScreen)
        assert plan.aim.target == AtPosition(0xE, 0x6BA28, first.item.generation)  # type: ignore[union-attr]
        assert plan.command is not None
        assert "-index 0000000e -offset 0006ba28" in plan.command
        assert plan.draft is not None
        assert plan.draft.plan.reached == Position(first.item.generation, 0xE, 0x6BA28)  # type: ignore[union-attr]
        await press(pilot, "escape", "L")
        assert "commit 4 of 4" in facts(pilot)
        assert item_of(pilot) == first
        await press(pilot, *"HHHH")
        assert item_of(pilot) != first, "over the beginning of the segment into the one before"
        await press(pilot, "H", "L", "L")
        assert item_of(pilot) == first
        assert "commit 1 of 4" in facts(pilot)
        await press(pilot, "y")


async def test_a_commit_that_cannot_be_read_is_said_and_nothing_is_chosen(
    incident: DemoIncident, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(incident.replicas[0], copy)
    async with opened(make_console(settings_for(copy.as_uri(), scratch=tmp_path)), SMALL) as pilot:
        await press(pilot, "enter")
        file = copy / item_of(pilot).item.key
        data = file.read_bytes()
        file.write_bytes(
            data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1 :]
        )
        before = item_of(pilot)
        await press(pilot, "H")
        assert any(before.item.key in message for message in toasts(pilot))
        assert item_of(pilot) == before
        assert "commit" not in facts(pilot).replace("commits", "")


async def test_commit_steps_go_file_by_file_where_a_file_is_one_state(settings: Settings) -> None:
    async with opened(make_console(settings), SMALL) as pilot:
        await press(pilot, "end", "enter", "H")
        assert replica_in(pilot).table.cursor == 2
        await press(pilot, "L")
        assert replica_in(pilot).table.cursor == 1


# what is known


async def test_proofs_and_damage_are_pointed_out_and_said(settings: Settings) -> None:
    async with opened(make_console(settings), LARGE) as pilot:
        await press(pilot, "enter", "left", "left")
        replica = replica_in(pilot)
        point = item_of(pilot).point
        assert point is not None
        proven = Shown(
            point.time, str(point.reached), datetime(2026, 3, 26, 13, tzinfo=UTC), "a full restore"
        )
        replica._looked_up(Known((proven,)))
        await settle(pilot)
        assert "✓ proven 13:00:00Z by a full restore" in facts(pilot)
        assert "✓" in picture(pilot)
        await press(pilot, "right")
        assert "proven 11 s before this by a full restore" in facts(pilot), "and no more than was shown"
        await press(pilot, "right")
        end = item_of(pilot).item.position
        assert isinstance(end, Position)
        further = dataclasses.replace(proven, place=str(dataclasses.replace(end, offset=end.offset + 9)))
        replica._looked_up(Known((further,)))
        await settle(pilot)
        assert f"✓ proven 13:00:00Z by a full restore up to {further.place.partition('/')[2]}" in facts(pilot)
        await press(pilot, "left", "left", "left")
        assert "✓" not in facts(pilot)
        flawed = item_of(pilot).item.key
        replica._looked_up(Known((proven,), {flawed: Flaw(flawed, f"{flawed}: it does not decode")}))
        await settle(pilot)
        assert "✗ damaged" in facts(pilot)
        assert "it does not decode" in facts(pilot)
        shown = picture(pilot)
        assert shown.count("✗ damaged") >= 2, "in the list and under the lanes"
        assert any("✗" in line and "f3020a30" in line for line in shown.splitlines()), "and in its lane"
        await press(pilot, "left", "left")
        assert "✗ damaged" not in facts(pilot), "what lies in front of it does not need it"


# many lanes, many objects


@pytest.mark.parametrize("size", SIZES)
async def test_fifty_generations_are_walked_through(settings: Settings, size: tuple[int, int]) -> None:
    async with opened(make_console(settings), size) as pilot:
        replica = await show(pilot, many_generations(50, 3, 4))
        for _ in range(49):
            replica.do_lane_down()
        await settle(pilot)
        assert replica.timeline.cursor is not None
        assert replica.timeline.cursor.lane == 49
        shown = picture(pilot)
        assert "of 50" in shown
        assert "▸" + replica.timeline.index.tracks[49].name[:8] in shown  # type: ignore[union-attr]


async def test_a_key_looks_at_a_few_objects_whatever_the_history_holds(settings: Settings) -> None:
    seen = [0]

    def counted(laid: Laid) -> Laid:
        assert laid.index is not None
        tracks = tuple(
            dataclasses.replace(track, times=Counted(track.times, seen), amounts=Counted(track.amounts, seen))
            for track in laid.index.tracks
        )
        lines = dataclasses.replace(
            laid.lines, entries=Counted(laid.lines.entries, seen), keys=Counted(laid.lines.keys, seen)
        )
        return Laid(lines, dataclasses.replace(laid.index, tracks=tracks))

    async with opened(make_console(settings), LARGE) as pilot:
        replica = await show(pilot, many_generations(2, 1000, 50))
        assert replica.laid is not None
        assert len(replica.laid.lines.entries) > 100_000
        replica.laid = counted(replica.laid)
        replica.table.reload(HistoryRows(replica.laid.lines, {}, replica))
        replica.redraw()
        await settle(pilot)
        keys = ("left", "plus", "greater_than_sign", "0", "right_square_bracket")
        for key in (*keys, "pagedown", "end", "tab", "up", "home", "left"):
            seen[0] = 0
            await press(pilot, key)
            assert 0 < seen[0] < 20_000, f"{key} looked at {seen[0]} items"


async def test_a_hole_is_jumped_to_and_stands_in_plain_sight(settings: Settings) -> None:
    async with opened(make_console(settings), SMALL) as pilot:
        replica = await show(pilot, ltx_timeline("9:1-2@0 0:3@10 0:5@30 0:6@40"))
        assert "╳" in picture(pilot)
        await press(pilot, "left_square_bracket")
        assert "TXID 00000004 is missing" in facts(pilot)
        assert replica.timeline.cursor is not None
        await press(pilot, "left")
        assert item_of(pilot).item.label.endswith("3")
        await press(pilot, "right")
        assert item_of(pilot).point is None
        assert "cannot be restored" in facts(pilot)


# what this session did


async def test_a_restore_proves_its_point_and_a_verify_shows_what_is_damaged(
    incident: DemoIncident, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(incident.replicas[0], copy)
    console = make_console(settings_for(copy.as_uri(), scratch=tmp_path / "scratch"))
    async with opened(console, LARGE) as pilot:
        await press(pilot, "enter", *["left"] * 4)
        proven = item_of(pilot)
        await press(pilot, "enter", "enter")
        assert view(pilot) == "workbench"
        while view(pilot) != "replica":
            await press(pilot, "escape")
        await settle(pilot)
        replica_in(pilot).redraw()
        await settle(pilot)
        assert "✓ proven 14:03:12Z by a full restore" in facts(pilot)
        await press(pilot, "right", "right")
        file = copy / item_of(pilot).item.key
        file.write_bytes(file.read_bytes()[:-9])
        console.jobs.start(VerifyJob(place=console.listings.places[0]))
        await settle(pilot)
        assert "✗ damaged" in facts(pilot)
        assert any("damaged" in line and "segment" not in line for line in picture(pilot).splitlines()[:20])
        await press(pilot, "left", "left")
        assert item_of(pilot) == proven
        assert "✓ proven" in facts(pilot)
