"""On every screen, at every size: nothing overlaps, is cut without a sign of it, or sticks out."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from textual.pilot import Pilot

from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.tui.screens.base import ConsoleScreen
from tests.tui.layout import faults
from tests.tui.support import PICTURE_SIZES, SMALL, make_console, opened, picture, press, settle, view

Stop = tuple[str, ...]
"""Keys to the next screen that is looked at, each followed by what it leads to."""

FLEET: Sequence[Stop] = (
    (),
    ("question_mark",),
    ("escape", "colon"),
    ("escape", "y"),
    ("escape", "K"),
    ("n", "ctrl+l"),
    ("ctrl+l", "slash"),
    ("escape", "o"),
    ("escape", "t", "t"),
    ("t", "2"),
    ("escape", "4"),
)
HISTORY: Sequence[Stop] = (
    ("enter",),
    ("question_mark",),
    ("escape", "y"),
    ("escape", "plus", "plus"),
    ("0", "g"),
    ("escape", "B"),
    ("i",),
    ("escape", "enter"),
    ("m",),
    ("escape", "o"),
    ("escape", "enter"),
    ("down", "down", "enter", "right", "enter"),
    ("escape", "v"),
    ("escape", "s"),
    ("escape", "escape", "2"),
    ("enter",),
)
DAMAGE: Sequence[Stop] = (
    ("down", "enter"),
    ("B", "enter", "enter"),
)
LEVELS: Sequence[Stop] = (
    ("end", "enter"),
    ("v",),
    ("right", "down"),
    ("escape", "escape", "i"),
    ("escape", "g"),
)


@pytest.mark.parametrize(
    "walk", [FLEET, HISTORY, DAMAGE, LEVELS], ids=["fleet", "history", "damage", "levels"]
)
async def test_every_screen_is_whole_at_every_size(shown: Settings, walk: Sequence[Stop]) -> None:
    console = make_console(shown)
    found = []
    async with opened(console, SMALL) as pilot:
        for number, stop in enumerate(walk):
            await press(pilot, *stop)
            dialog = not isinstance(pilot.app.screen, ConsoleScreen)
            for size in (SMALL,) if dialog else PICTURE_SIZES:
                await _resize(pilot, size)
                found += [f"stop {number} {view(pilot)} {size}: {fault}" for fault in faults(pilot.app)]
            await _resize(pilot, SMALL)
    assert not found, "\n".join(found)


async def test_the_welcome_is_whole_at_every_size() -> None:
    async with opened(make_console(None), SMALL) as pilot:
        for size in PICTURE_SIZES:
            await _resize(pilot, size)
            assert not faults(pilot.app)
            assert "Where is the replica?" in picture(pilot)


async def _resize(pilot: Pilot[None], size: tuple[int, int]) -> None:
    if pilot.app.size == size:
        return
    await pilot.resize_terminal(*size)
    await settle(pilot)
