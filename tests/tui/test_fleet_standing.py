"""The sentence an operator wants of each replica: how far back, how far behind live, proven when and how."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.demo import DemoIncident
from sqlite_recovery_tui.domain import RestorePoint
from sqlite_recovery_tui.history.entry import Entry
from sqlite_recovery_tui.history.ledger import Ledger
from sqlite_recovery_tui.replica.listing_cache import ListingCache
from sqlite_recovery_tui.tui.rhythm import INTERVALS, Rhythm
from sqlite_recovery_tui.tui.screens.fleet import FleetScreen
from sqlite_recovery_tui.tui.screens.plan import PlanScreen
from tests.tui.support import (
    LARGE,
    NOW,
    SIZES,
    SMALL,
    Gate,
    make_console,
    opened,
    picture,
    press,
    prose,
    screen,
    settings_for,
    settle,
)


def remember(url: str, verdict: str) -> None:
    """Write down that a replica was restored in full an hour ago."""
    moment = NOW - timedelta(minutes=63)
    entry = Entry(
        kind="restore",
        started=moment,
        ended=moment,
        url=url,
        outcome="ok",
        verdict=verdict,
        integrity="ok",
        point_time=moment,
    )
    assert Ledger.open().record(entry) is not None


def live(settings: Settings, tmp_path: Path, age: timedelta | None) -> Settings:
    """Return the settings with databases that changed so long ago, or are not on this host."""
    databases = []
    for database in settings.databases:
        path = tmp_path / "live" / database.name
        if age is not None:
            path.parent.mkdir(exist_ok=True)
            path.touch()
            os.utime(path, ((NOW - age).timestamp(),) * 2)
        databases.append(replace(database, path=path))
    return replace(settings, databases=tuple(databases))


@pytest.mark.parametrize(
    ("age", "column", "words"),
    [
        (timedelta(seconds=5), "✓ 0 behind", "0 behind live"),
        (timedelta(seconds=-10), "✓ 14 s", "✓ behind live by 14 s"),
        (timedelta(minutes=-41), "▲ 41 min", "▲ behind live by 41 min"),
        (timedelta(hours=-3), "✗ 3 h", "✗ behind live by 3 h"),
        (None, "? not here", "the live database is not"),
    ],
)
async def test_a_replica_says_how_far_it_is_behind_its_live_database(
    settings: Settings,
    tmp_path: Path,
    age: timedelta | None,
    column: str,
    words: str,
) -> None:
    async with opened(make_console(live(settings, tmp_path, age))) as pilot:
        shown = picture(pilot)
        assert column in shown
        assert "can go back to 14:03:08Z (4 s ago)" in shown
        assert words in shown


async def test_nothing_is_opened_beside_the_live_database(settings: Settings, tmp_path: Path) -> None:
    watched = live(settings, tmp_path, timedelta())
    before = {file: file.stat().st_atime_ns for file in (tmp_path / "live").iterdir()}
    async with opened(make_console(watched)):
        pass
    assert {file: file.stat().st_atime_ns for file in (tmp_path / "live").iterdir()} == before


@pytest.mark.parametrize("size", SIZES)
async def test_a_replica_says_when_and_how_it_was_proven(settings: Settings, size: tuple[int, int]) -> None:
    [primary, offsite] = [replica.url for replica in settings.database("shop.db").replicas]
    remember(primary, "proven")
    remember(offsite, "damaged")
    async with opened(make_console(settings), size) as pilot:
        shown = picture(pilot)
        assert "✓ 13:00:12Z" in shown
        assert "✓ proven 13:00:12Z by a full restore" in " ".join(shown.split())
        assert "✗ damag" in shown
        assert "– not yet" in shown
        await press(pilot, "down")
        assert "✗ found damaged 13:00:12Z" in prose(pilot)


async def test_a_proof_made_meanwhile_is_shown_when_its_job_ends(settings: Settings) -> None:
    async with opened(make_console(settings), LARGE) as pilot:
        assert "✓ proven" not in picture(pilot)
        await press(pilot, "v")
        await press(pilot, "escape")
        assert "✓ proven 14:03:08Z by reading every object" in picture(pilot)


# the listing of an earlier session


async def test_the_kept_listing_is_shown_at_once_with_its_age(
    settings: Settings, gate_stores: Callable[..., Gate]
) -> None:
    async with opened(make_console(settings)):
        pass
    gate = gate_stores("list")
    console = make_console(settings)
    console.clock.sleep(180)
    async with console.run_test(size=SMALL) as pilot:
        await wait_for(pilot, lambda: "◌ 3 min old" in picture(pilot))
        assert "can go back to 14:03:08Z (3 min ago)" in picture(pilot)
        assert "listed 3 min ago, listing again" in picture(pilot)
        assert "✓ no gap" not in table_text(pilot)
        gate.open()
        await settle(pilot)
        assert "✓ no gap" in table_text(pilot)
        assert "listed 3 min ago" not in picture(pilot)


async def test_a_plan_waits_for_a_fresh_listing(settings: Settings, gate_stores: Callable[..., Gate]) -> None:
    async with opened(make_console(settings)):
        pass
    gate = gate_stores("list")
    console = make_console(settings)
    async with console.run_test(size=SMALL) as pilot:
        await wait_for(pilot, lambda: "old" in table_text(pilot))
        await pilot.press("R")
        await pilot.pause()
        plan = screen(pilot)
        assert isinstance(plan, PlanScreen)
        assert plan.pending
        assert plan.draft is None
        gate.open()
        await settle(pilot)
        assert plan.draft is not None
        assert plan.place.fresh


async def test_a_listing_that_fails_leaves_the_one_before_in_view(
    incident: DemoIncident, tmp_path: Path
) -> None:
    place = tmp_path / "copy"
    shutil.copytree(incident.replicas[0], place)
    console = make_console(settings_for(place.as_uri(), scratch=tmp_path))
    async with opened(console) as pilot:
        place.rename(tmp_path / "away")
        console.clock.sleep(60)
        await press(pilot, "r")
        shown = picture(pilot)
        assert "✗ bucket" in shown
        assert "can go back to 14:03:08Z" in shown
        assert "listed 60 s ago" in shown
        await press(pilot, "R")
        assert "does not exist" in picture(pilot), "nothing is planned on it"


async def test_what_was_listed_is_kept_for_the_next_session(settings: Settings) -> None:
    url = settings.database("jobs.db").replicas[0].url
    async with opened(make_console(settings)) as pilot:
        fleet = screen(pilot)
        assert isinstance(fleet, FleetScreen)
        listed = fleet.console.listings.places[2].timeline
    kept = ListingCache().load(url, now=NOW)
    assert kept is not None
    assert listed is not None
    assert kept[0].to_json() == listed.to_json()
    assert isinstance(kept[0].newest, RestorePoint)


# again and again


def test_the_rhythm_goes_round_and_bears_with_long_listings() -> None:
    rhythm = Rhythm()
    assert not rhythm.due(1e9, 0), "nothing was listed yet"
    rhythm.began = 100.0
    assert not rhythm.due(159, 0)
    assert rhythm.due(160, 0)
    assert not rhythm.due(160, 20), "a listing of 20 s is not repeated all the time"
    assert rhythm.due(300, 20)
    seen = []
    for _ in INTERVALS:
        rhythm.next_interval()
        seen.append(rhythm.words)
    assert seen == ["every 5 min", "only when asked", "every 10 s", "every 30 s", "every 1 min"]
    rhythm.paused = True
    assert not rhythm.due(1e9, 0)
    assert rhythm.words == "paused (every 1 min)"


async def test_the_fleet_is_listed_again_by_itself_unless_paused(
    incident: DemoIncident, tmp_path: Path
) -> None:
    place = tmp_path / "later"
    console = make_console(settings_for(place.as_uri(), scratch=tmp_path))
    async with opened(console) as pilot:
        fleet = screen(pilot)
        assert isinstance(fleet, FleetScreen)
        os.symlink(incident.replicas[0], place)
        await press(pilot, "p")
        assert "‖ paused (every 1 min)" in picture(pilot)
        console.clock.sleep(61)
        fleet.tick()
        await settle(pilot)
        assert "✗ bucket" in picture(pilot)
        await press(pilot, "p", "i", "i", "i")
        assert "again every 10 s" in picture(pilot)
        await press(pilot, "enter")
        console.clock.sleep(61)
        fleet.tick()
        assert not console.listings.places[0].listing, "nobody looks"
        await press(pilot, "escape")
        await settle(pilot)
        assert "✓ no gap" in picture(pilot), "it was due when somebody looked again"


def table_text(pilot: object) -> str:
    """Return the rows of the fleet, without what is below."""
    return picture(pilot).partition("────")[0]  # type: ignore[arg-type]


async def wait_for(pilot: object, condition: Callable[[], bool]) -> None:
    for _ in range(500):
        await pilot.pause(0.01)  # type: ignore[attr-defined]
        if condition():
            return
    raise AssertionError(picture(pilot))  # type: ignore[arg-type]
