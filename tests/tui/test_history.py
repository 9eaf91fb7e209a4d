"""The console records what it does, tells every screen what was proven, and shows it as the history."""

from __future__ import annotations

from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.history.ledger import Ledger
from sqlite_recovery_tui.tui.jobs import VerifyJob
from tests.tui.support import make_console, opened, press, settle


async def test_jobs_are_recorded_and_what_they_prove_is_known_to_every_screen(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console) as pilot:
        await press(pilot, "R", "enter")
        [entry] = Ledger.open().entries()
        place, result = console.jobs.all[0].place, console.jobs.all[0].result
        assert (entry.kind, entry.state) == ("restore", "ok")
        assert (entry.url, entry.replica) == (place.url, place.replica)
        assert entry.verdict in ("proven", "consistent")
        assert entry.command == console.jobs.all[0].command
        assert entry.sources is not None
        assert entry.sources.count == entry.results["objects"]
        assert entry.point_time == result.time
        assert entry.duration is not None

        verdicts = {}
        for each in console.listings.places:
            console.jobs.start(VerifyJob(place=each))
            await settle(pilot)
            shown = console.history.last_proof(each.url) or console.history.last_failure(each.url)
            assert shown is not None
            assert shown.how == "reading every object"
            assert each.timeline is not None
            assert each.timeline.newest is not None
            assert shown.point_time == each.timeline.newest.time
            verdicts[each.replica] = shown.verdict
    assert verdicts == {"primary": "consistent", "offsite": "damaged", "archive": "proven"}
    assert [entry.state for entry in Ledger.open().entries(kind="verify")] == ["ok", "damaged", "ok"]
