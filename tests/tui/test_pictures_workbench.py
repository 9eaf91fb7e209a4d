"""How the workbench and what it opens look, at three sizes; a person approves every change."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.tui.app import Console
from sqlite_recovery_tui.tui.proof import Subject
from tests.tui.pictures import AT_EACH_SIZE, SMALL_ONLY, Pictures
from tests.tui.stock_file import make_stock
from tests.tui.support import Walk, make_console, press, settle, type_text


def bench(*keys: str) -> Walk:
    """Return a walk inside the file `stock.db`; `type:…` types."""

    async def steps(pilot: Pilot[None]) -> None:
        await settle(pilot)
        console = pilot.app
        assert isinstance(console, Console)
        console.open_workbench(Subject(Path("stock.db"), "stock.db"))
        await settle(pilot)
        for key in keys:
            if key.startswith("type:"):
                await type_text(pilot, key.removeprefix("type:"))
            else:
                await press(pilot, key)

    return steps


SCREENS: dict[str, Walk] = {
    "condition": bench("w", "type:kind = 'kind 3' and price > 100", "enter", "right"),
    "order": bench("o", "down", "down", "down"),
    "schema": bench("i", "down"),
    "json": bench("down", "enter", "right", "enter"),
    "picture": bench("down", "enter", "right", "down", "enter"),
    "wide": bench("down", "down", "down", "enter"),
    "export": bench("e", "tab"),
    "completion": bench("s", "type:select colu", "tab", "tab", "tab"),
    "mistake": bench("s", "type:select kind, prise from goods", "enter"),
}


LAID_OUT = ("condition", "schema")
"""Screens that are laid out in another way where there is more room."""


@pytest.mark.parametrize("name", SCREENS)
async def test_screen(name: str, shown: Settings, pictures: Pictures) -> None:
    make_stock(Path("stock.db"), large=1000)  # in the test's own folder, so that its path is short
    await pictures(make_console(None), SCREENS[name], AT_EACH_SIZE if name in LAID_OUT else SMALL_ONLY)
