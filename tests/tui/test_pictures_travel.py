"""How going through time looks: a change that was found, and a workbench that was stepped."""

from __future__ import annotations

from textual.pilot import Pilot

from sqlite_recovery_tui.config import Settings
from tests.tui.pictures import SMALL_ONLY, Pictures
from tests.tui.support import make_console, press, settle, type_text, walk


async def to_the_change(pilot: Pilot[None]) -> None:
    await walk("enter", "b")(pilot)
    await type_text(pilot, "SELECT count(*) > 5000 FROM orders")
    await press(pilot, "enter")


async def two_commits_back(pilot: Pilot[None]) -> None:
    await walk("B", "enter", "enter")(pilot)
    await press(pilot, "j", "j", "comma", "comma")
    await settle(pilot)


async def test_found(shown: Settings, pictures: Pictures) -> None:
    await pictures(make_console(shown), to_the_change)


async def test_stepped(shown: Settings, pictures: Pictures) -> None:
    await pictures(make_console(shown), two_commits_back, SMALL_ONLY)
