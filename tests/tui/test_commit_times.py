"""The console tells when commits were made where our daemon noted it, and a time leads to a commit."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from sqlite_recovery_tui.tui.screens.plan import PlanScreen
from sqlite_recovery_tui.tui.screens.replica import ReplicaScreen
from tests.support.commit_life import Life
from tests.tui.support import LARGE, make_console, opened, picture, press, screen, settings_for, type_text


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    made = Life(tmp_path)
    try:
        made.live()
        yield made
    finally:
        made.close()


async def test_a_time_leads_to_a_commit_and_steps_tell_theirs(life: Life, tmp_path: Path) -> None:
    console = make_console(
        settings_for(life.write_to(tmp_path / "replica").as_uri(), scratch=tmp_path / "scratch")
    )
    asked = life.dated[3].time + timedelta(milliseconds=400)
    async with opened(console, LARGE) as pilot:
        await press(pilot, "enter", "g")
        await type_text(pilot, asked.strftime("%Y-%m-%d %H:%M:%S.%f utc"))
        await press(pilot, "enter")
        plan = screen(pilot)
        assert isinstance(plan, PlanScreen)
        assert plan.draft is not None
        assert plan.draft.plan.reached == life.dated[3].place
        assert plan.draft.plan.point.time == life.dated[3].time

        await press(pilot, "escape")
        assert isinstance(screen(pilot), ReplicaScreen)
        assert f"local · 4 h ago · {life.dated[3].place.label}" in picture(pilot)

        await press(pilot, "L")
        shown = picture(pilot)
        assert "commit 1 of 3" in shown
        assert f" point    {life.dated[2].time:%Y-%m-%d %H:%M:%SZ}" in shown  # stored seven seconds later
