"""How the timeline looks: a commit inside a segment, levels from near, a time that was asked for, damage."""

from __future__ import annotations

from datetime import timedelta

import pytest
from textual.pilot import Pilot

from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.tui.known import Flaw, Known, Shown
from tests.tui.pictures import Pictures
from tests.tui.support import Walk, make_console, press, settle, table, type_text, walk
from tests.tui.support_timeline import many_generations
from tests.tui.test_timeline import show


async def to_a_time_that_was_asked_for(pilot: Pilot[None]) -> None:
    await walk("enter", "plus", "g")(pilot)
    await type_text(pilot, "2026-03-26 13:50 utc")
    await press(pilot, "tab")
    await press(pilot, "H")
    listed = table(pilot)
    listed.move_to(listed.cursor, center=True)  # it was laid out and scrolled in either order


async def to_many_generations_with_damage(pilot: Pilot[None]) -> None:
    await settle(pilot)
    history = many_generations(20, 30, 4, pause=300, missing=(12, 13, 14, 15))
    replica = await show(pilot, history)
    points = list(history.points())
    shown = tuple(
        Shown(point.time, str(point.reached), point.time + timedelta(minutes=2), "a full restore")
        for point in points[::480]
    )
    flawed = points[-200].key
    message = "the frame at offset 00001038 does not hold: its checksum does not continue the chain"
    replica._looked_up(Known(shown, {flawed: Flaw(flawed, message)}))
    await press(pilot, "left_square_bracket", "left", "tab", "plus")


SCREENS: dict[str, Walk] = {
    "levels-near": walk("end", "enter", "plus", "plus", "left", "left", "tab", "down"),
    "asked": to_a_time_that_was_asked_for,
    "damage": to_many_generations_with_damage,
}


@pytest.mark.parametrize("name", SCREENS)
async def test_timeline(name: str, shown: Settings, pictures: Pictures) -> None:
    await pictures(make_console(shown), SCREENS[name])
