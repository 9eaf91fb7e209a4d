"""Through time: the commit that changed an answer, found from the timeline."""

from __future__ import annotations

from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.demo import DemoIncident
from sqlite_recovery_tui.tui.screens.job_bisect import BisectJobScreen
from sqlite_recovery_tui.tui.screens.replica import ReplicaScreen
from tests.tui.acts import Actor, situation
from tests.tui.support import SMALL, make_console, opened, picture, press, screen, toasts, type_text, view

QUERY = "SELECT count(*) > 5000 FROM orders"


@situation("replica.bisect", "bisect.other", "bisect.leave")
async def test_the_commit_that_removed_the_orders(settings: Settings, incident: DemoIncident) -> None:
    async with opened(make_console(settings), SMALL) as pilot:
        actor = Actor(pilot)
        await actor.go("enter")
        await actor.do("replica.bisect", leads="BisectDialog")
        await press(pilot, "enter")
        assert "a query first" in picture(pilot)
        await actor.do("bisect.other", changes="focus")
        await actor.do("bisect.leave", leads="replica")
        await press(pilot, "b")
        await type_text(pilot, QUERY)
        await press(pilot, "enter")
        shown = screen(pilot)
        assert isinstance(shown, BisectJobScreen)
        found = shown.job.result
        assert found is not None, shown.job.error
        assert (found.before.answer.text, found.after.answer.text) == ("1", "0")
        assert found.before.stop.time <= incident.last_good_time <= found.after.stop.time
        assert "orders: 5,059 rows removed" in picture(pilot)
        assert not list(settings.scratch_dir.glob("*"))
        await press(pilot, "escape")
        below = screen(pilot)
        assert isinstance(below, ReplicaScreen)
        assert below.spot is not None
        assert below.spot.label == found.after.place.label
        await press(pilot, "J", "enter", "p")
        assert view(pilot) == "plan"
        assert found.before.place.label in picture(pilot)


async def test_a_question_that_nothing_changes(settings: Settings) -> None:
    async with opened(make_console(settings), SMALL) as pilot:
        await press(pilot, "enter", "b")
        await type_text(pilot, "SELECT [/b] FROM nowhere")
        await press(pilot, "enter")
        assert "does not differ" in " ".join(picture(pilot).split())
        assert "correct the statement" in picture(pilot)
        assert toasts(pilot) is not None
