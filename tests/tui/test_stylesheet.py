"""Styles are read once for each theme, and still follow when the theme changes."""

from __future__ import annotations

from typing import Any

import pytest
from textual.color import Color
from textual.css import stylesheet
from textual.pilot import Pilot

from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.tui.theme import DAY, NIGHT
from tests.tui.support import make_console, opened, press


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What Textual reads from now on."""
    pieces: list[str] = []
    original = stylesheet.parse

    def noted(scope: str, css: str, *rest: Any, **more: Any) -> Any:
        pieces.append(css)
        return original(scope, css, *rest, **more)

    monkeypatch.setattr(stylesheet, "parse", noted)
    return pieces


async def test_hardly_anything_is_read_again_for_a_screen_or_for_a_theme_that_was_there(
    settings: Settings, read: list[str]
) -> None:
    async def colour(pilot: Pilot[None], theme: str) -> Color:
        pilot.app.theme = theme
        await press(pilot, "enter", "escape", "2", "3", "1")
        return pilot.app.screen.styles.background

    async with opened(make_console(settings)) as pilot:
        night, day = await colour(pilot, NIGHT.name), await colour(pilot, DAY.name)
        assert night != day
    before = len(read)
    async with opened(make_console(settings)) as pilot:
        assert await colour(pilot, DAY.name) == day
        assert await colour(pilot, NIGHT.name) == night
    assert len(read) - before <= before // 10, "but for what came first under another theme"
