"""Digits lead to areas from anywhere, the bar above shows them, and the padlock guards what is dangerous."""

from __future__ import annotations

from typing import ClassVar

import pytest
from textual.binding import BindingType

from sqlite_recovery_tui.clock import FixedClock
from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.replica.fleet import refs
from sqlite_recovery_tui.tui import actions
from sqlite_recovery_tui.tui.actions import ACTIONS, Action
from sqlite_recovery_tui.tui.app import Console
from sqlite_recovery_tui.tui.areas import AREAS
from sqlite_recovery_tui.tui.padlock import ONLY_READS, what_opening_means
from sqlite_recovery_tui.tui.screens.base import ConsoleScreen
from sqlite_recovery_tui.tui.widgets.chrome import TopBar
from tests.tui.support import (
    LARGE,
    NOW,
    SMALL,
    make_console,
    opened,
    picture,
    press,
    prose,
    screen,
    toasts,
    view,
)

DANGER = Action("danger.act", "D", "danger", "Overwrite production.", "Restore", dangerous=True)


def _bar(shown: str) -> str:
    return shown.splitlines()[0]


def test_areas_are_numbered_in_order_and_named_by_their_views() -> None:
    digits = [area.key for area in AREAS]
    assert digits == sorted(set(digits))
    assert all(digit in "123456789" for digit in digits)
    for area in AREAS:
        assert area.id == area.make().VIEW


async def test_a_digit_goes_back_to_its_area_or_lays_it_on_top(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console) as pilot:
        await press(pilot, "enter", "2")
        assert (view(pilot), console.depth) == ("jobs", 3)
        await press(pilot, "1")
        assert (view(pilot), console.depth) == ("fleet", 1)
        await press(pilot, "2", "2")
        assert (view(pilot), console.depth) == ("jobs", 2)
        await press(pilot, "escape")
        assert view(pilot) == "fleet"


async def test_a_digit_that_is_typed_is_text(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console) as pilot:
        await press(pilot, "g", "1", "2")
        assert view(pilot) == "TimeDialog"


async def test_wide_bars_show_the_areas_and_a_click_leads_there(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console, LARGE) as pilot:
        bar = _bar(picture(pilot))
        assert "1 fleet  2 jobs" in bar
        await pilot.click(TopBar, offset=(bar.index("2 jobs") + 3, 0))
        await press(pilot)
        assert view(pilot) == "jobs"


async def test_small_bars_keep_their_room_for_the_way_here(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console, SMALL) as pilot:
        await press(pilot, "enter", "enter")
        bar = _bar(picture(pilot))
        assert "2 jobs" not in bar
        assert "plan" in bar
        assert "⊘ read-only" in bar
        assert len(bar) <= SMALL[0]


async def test_the_padlock_asks_before_it_opens_and_closes_at_once(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console) as pilot:
        assert console.read_only
        await press(pilot, "K")
        assert "Open the padlock?" in picture(pilot)
        shown = prose(pilot)
        assert what_opening_means()[:30] in shown
        assert "\\n" not in shown
        await press(pilot, "enter")
        assert console.read_only, "no is what enter gives"
        await press(pilot, "K", "y")
        assert not console.read_only
        assert "▲ unlocked" in _bar(picture(pilot))
        await press(pilot, "K")
        assert console.read_only
        assert "⊘ read-only" in _bar(picture(pilot))


async def test_a_click_on_the_padlock_is_its_key(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console) as pilot:
        await pilot.click(TopBar, offset=(_bar(picture(pilot)).index("read-only"), 0))
        await press(pilot)
        assert view(pilot) == "Confirm"


async def test_where_only_reading_is_allowed_nobody_opens_the_padlock(settings: Settings) -> None:
    console = Console(settings, refs(settings, None), clock=FixedClock(NOW), read_only="always")
    async with opened(console) as pilot:
        await press(pilot, "K")
        assert view(pilot) == "fleet"
        assert "cannot be opened here" in toasts(pilot)[-1]
        assert console.read_only


async def test_where_only_reading_is_allowed_nothing_is_kept_or_deleted(settings: Settings) -> None:
    console = Console(settings, refs(settings, None), clock=FixedClock(NOW), read_only="always")
    keeping = [action for action in ACTIONS if action.keeps]
    assert {"workbench.export", "cell.save", "scratches.delete", "plan.output"} <= {
        each.id for each in keeping
    }
    async with opened(console) as pilot:
        assert {screen(pilot).why_not(action) for action in keeping} == {ONLY_READS}
    async with opened(make_console(settings)) as pilot:
        assert ONLY_READS not in {screen(pilot).why_not(action) for action in keeping}


class DangerScreen(ConsoleScreen):
    """A screen with an act that changes production."""

    VIEW = "danger"
    CSS_PATH: ClassVar[list[str]] = []
    BINDINGS: ClassVar[list[BindingType]] = [("D", "app.act('danger.act')", "danger")]
    done = 0

    def do_act(self) -> None:
        self.done += 1


async def test_what_is_dangerous_needs_the_padlock_open(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "ACTIONS", (*actions.ACTIONS, DANGER))
    monkeypatch.setitem(actions.BY_ID, DANGER.id, DANGER)
    console = make_console(settings)
    async with opened(console) as pilot:
        shown = DangerScreen()
        await console.push_screen(shown)
        await press(pilot, "D")
        assert shown.done == 0
        assert toasts(pilot)[-1] == "Read-only: K opens the padlock first"
        await press(pilot, "K")
        assert "Overwrite production." in picture(pilot)
        await press(pilot, "y", "D")
        assert shown.done == 1
