"""The console points out where far more was written at once than usual, and one key goes in front of it."""

from __future__ import annotations

from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.demo import DemoIncident
from sqlite_recovery_tui.tui.screens.plan import PlanScreen
from tests.tui.support import SMALL, make_console, opened, picture, press, screen, table, toasts, view


async def test_a_stranger_sees_what_stands_out_and_goes_in_front_of_it(
    settings: Settings, incident: DemoIncident
) -> None:
    console = make_console(settings)
    async with opened(console, SMALL) as pilot:
        assert "13:53:48Z 367.5 KiB at once, 15× the usual  B goes before it" in picture(pilot)
        await press(pilot, "B")
        assert view(pilot) == "replica"
        lines = picture(pilot).splitlines()
        assert any("▌" in line and "13:53:44Z" in line for line in lines), "its line is in view"
        await press(pilot, "enter")
        plan = screen(pilot)
        assert isinstance(plan, PlanScreen)
        assert plan.draft is not None
        assert plan.draft.plan.point.time == incident.last_good_time


async def test_again_goes_before_the_next_one_and_round(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console, SMALL) as pilot:
        await press(pilot, "end", "B")
        first = table(pilot).current_key
        await press(pilot, "B")
        second = table(pilot).current_key
        assert first != second
        for _ in console.bursts[1:]:
            await press(pilot, "B")
        assert table(pilot).current_key == first


async def test_where_nothing_stands_out_the_key_says_so(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console, SMALL) as pilot:
        await press(pilot, "2", "B")
        assert "Nothing stands out here" in toasts(pilot)[-1]
