"""How going through time looks: a change that was found, and a workbench that was stepped."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from sqlite_recovery_tui.config import Settings
from tests.tui.support import PICTURE_SIZES, SMALL, make_console, press, settle, type_text, walk


async def to_the_change(pilot: Pilot[None]) -> None:
    await walk("enter", "b")(pilot)
    await type_text(pilot, "SELECT count(*) > 5000 FROM orders")
    await press(pilot, "enter")


async def two_commits_back(pilot: Pilot[None]) -> None:
    await walk("B", "enter", "enter")(pilot)
    await press(pilot, "j", "j", "comma", "comma")
    await settle(pilot)


@pytest.mark.parametrize("size", PICTURE_SIZES[:2], ids=lambda size: f"{size[0]}x{size[1]}")
def test_found(size: tuple[int, int], shown: Settings, snap_compare: Any) -> None:
    assert snap_compare(make_console(shown), terminal_size=size, run_before=to_the_change)


def test_stepped(shown: Settings, snap_compare: Any) -> None:
    assert snap_compare(make_console(shown), terminal_size=SMALL, run_before=two_commits_back)
