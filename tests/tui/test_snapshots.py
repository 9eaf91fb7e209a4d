"""How each screen looks, at the smallest terminal and at a large one; a person approves every change.

Behaviour is for the other tests: these only see that nothing moved, overlapped or lost its colour.
"""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from sqlite_recovery_tui.config import Settings
from tests.tui.support import PICTURE_SIZES, Walk, make_console, type_text, walk


async def to_a_time(pilot: Pilot[None]) -> None:
    await walk("enter", "g")(pilot)
    await type_text(pilot, "14:40")


async def to_the_moment_of_a_sync(pilot: Pilot[None]) -> None:
    await walk("end", "enter", "g")(pilot)
    await type_text(pilot, "2026-03-26 14:02:46 utc")


async def to_damage(pilot: Pilot[None]) -> None:
    await walk("down", "enter", "g")(pilot)
    await type_text(pilot, "2026-03-26 13:55 utc")
    await walk("enter", "enter")(pilot)


SCREENS: dict[str, Walk] = {
    "fleet": walk(),
    "replica": walk("enter"),
    "time": to_a_time,
    "plan": walk("enter", "right_square_bracket", "enter"),
    "plan-best": walk("R"),
    "levels": walk("end", "enter"),
    "plan-txid": walk("end", "enter", "down", "down", "enter"),
    "left-out": to_the_moment_of_a_sync,
    "preview": walk("end", "enter", "v", "right"),
    "job": to_damage,
    "workbench": walk("R", "enter", "down", "down", "enter", "right"),
    "help": walk("enter", "question_mark"),
}


@pytest.mark.parametrize("size", PICTURE_SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", SCREENS)
def test_screen(name: str, size: tuple[int, int], shown: Settings, snap_compare: Any) -> None:
    assert snap_compare(make_console(shown), terminal_size=size, run_before=SCREENS[name])


@pytest.mark.parametrize("size", PICTURE_SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_welcome(size: tuple[int, int], snap_compare: Any) -> None:
    assert snap_compare(make_console(None), terminal_size=size, run_before=walk())
