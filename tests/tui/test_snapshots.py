"""How each screen looks, at every size; a person approves every change.

Behaviour is for the other tests: these only see that nothing moved, overlapped or lost its colour.
"""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from sqlite_recovery_tui.config import Settings
from tests.tui.pictures import Pictures
from tests.tui.support import Walk, make_console, type_text, walk


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


@pytest.mark.parametrize("name", SCREENS)
async def test_screen(name: str, shown: Settings, pictures: Pictures) -> None:
    await pictures(make_console(shown), SCREENS[name])


async def test_welcome(pictures: Pictures) -> None:
    await pictures(make_console(None), walk())
