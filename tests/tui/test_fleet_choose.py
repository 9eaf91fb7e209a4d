"""Filter, sort and mark in the fleet: the cursor stays on its replica, and acts say whom they are about."""

from __future__ import annotations

from pathlib import Path

from textual.geometry import Offset
from textual.pilot import Pilot

from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.demo import DemoIncident
from sqlite_recovery_tui.tui.screens.dialogs import Confirm
from sqlite_recovery_tui.tui.screens.fleet import FleetScreen
from sqlite_recovery_tui.tui.widgets.rows import GUTTER
from tests.tui.support import (
    LARGE,
    NOW,
    SMALL,
    make_console,
    opened,
    picture,
    press,
    screen,
    settings_for,
    settle,
    table,
    type_text,
    view,
)


def fleet(pilot: Pilot[None]) -> FleetScreen:
    shown = screen(pilot)
    assert isinstance(shown, FleetScreen)
    return shown


def replicas(pilot: Pilot[None]) -> list[str]:
    """Return the replicas in the order of the rows."""
    source, places = table(pilot).source, fleet(pilot).console.listings.places
    rows = [source.row(index) for index in range(source.row_count())]
    return [places[row.key].replica for row in rows if row is not None and isinstance(row.key, int)]


async def test_a_filter_keeps_what_fits_and_counts(settings: Settings) -> None:
    async with opened(make_console(settings)) as pilot:
        await press(pilot, "end", "slash")
        await type_text(pilot, "JOBS")
        assert replicas(pilot) == [], "capitals mean capitals"
        assert "0 of 3" in picture(pilot)
        await press(pilot, *["backspace"] * 4)
        await type_text(pilot, "jobs|off")
        assert replicas(pilot) == ["offsite", "archive"]
        assert "2 of 3" in picture(pilot)
        selected = fleet(pilot).selected
        assert selected is not None
        await press(pilot, "home")
        await type_text(pilot, "!")
        assert replicas(pilot) == ["primary"]
        await press(pilot, "enter")
        assert fleet(pilot).focused is table(pilot)
        assert "1 of 3" in picture(pilot), "it says so as long as something is left out"
        await press(pilot, "escape")
        assert len(replicas(pilot)) == 3
        assert "of 3" not in picture(pilot)
        assert view(pilot) == "fleet"


async def test_what_is_no_regex_is_said_in_place_and_changes_nothing(settings: Settings) -> None:
    async with opened(make_console(settings)) as pilot:
        await press(pilot, "slash")
        await type_text(pilot, "off")
        await type_text(pilot, "(")
        assert "✗ not a regular expression: missing )" in picture(pilot)
        assert replicas(pilot) == ["offsite"]
        await type_text(pilot, "site|x)")
        assert "✗ not a regular" not in picture(pilot)
        await press(pilot, "escape")
        assert len(replicas(pilot)) == 3


async def test_the_cursor_moves_while_one_types_and_stays_on_its_replica(settings: Settings) -> None:
    async with opened(make_console(settings)) as pilot:
        await press(pilot, "slash", "down", "down")
        assert fleet(pilot).selected is fleet(pilot).console.listings.places[2]
        await type_text(pilot, "a")
        assert fleet(pilot).selected is fleet(pilot).console.listings.places[2]
        await press(pilot, "enter", "O")
        assert fleet(pilot).selected is fleet(pilot).console.listings.places[2]


async def test_rows_are_sorted_by_key_and_by_a_click_on_a_heading(settings: Settings) -> None:
    async with opened(make_console(settings), LARGE) as pilot:
        await press(pilot, "S")
        assert "database ▲" in picture(pilot)
        assert replicas(pilot) == ["archive", "primary", "offsite"]
        await press(pilot, "S")
        assert "replica ▲" in picture(pilot)
        assert replicas(pilot) == ["archive", "offsite", "primary"]
        await press(pilot, "O")
        assert "replica ▼" in picture(pilot)
        assert replicas(pilot) == ["primary", "offsite", "archive"]
        rows = picture(pilot).splitlines()
        assert sum("shop.db" in row for row in rows[2:6]) == 1, "the name of a group stands once"
        size = next(row for row in rows if "size" in row).index("size") + 1
        await pilot.click(table(pilot), offset=Offset(size, 0))
        await settle(pilot)
        assert replicas(pilot) == ["archive", "offsite", "primary"]
        await pilot.click(table(pilot), offset=Offset(size, 0))
        await settle(pilot)
        assert replicas(pilot) == ["primary", "offsite", "archive"]
        await pilot.click(table(pilot), offset=Offset(size, 0))
        await settle(pilot)
        assert fleet(pilot).sort is None
        await press(pilot, *["S"] * (len(table(pilot).shown_columns) + 1))
        assert fleet(pilot).sort is None, "behind the last column comes no order"
        assert GUTTER == 2


async def test_marks_say_how_many_are_hidden_and_are_what_is_copied(settings: Settings) -> None:
    async with opened(make_console(settings)) as pilot:
        urls = [replica.url for database in settings.databases for replica in database.replicas]
        await press(pilot, "space")
        assert fleet(pilot).selected is fleet(pilot).console.listings.places[1], "on to the next"
        await press(pilot, "down", "space")
        assert "● 2 marked" in picture(pilot)
        assert "● primary" in picture(pilot)
        assert fleet(pilot).copyable() == f"{urls[0]}\n{urls[2]}"
        await press(pilot, "slash")
        await type_text(pilot, "jobs")
        await press(pilot, "enter")
        assert "● 2 marked, 1 of them hidden by the filter" in picture(pilot)
        await press(pilot, "space", "a", "escape")
        assert fleet(pilot).copyable() == f"{urls[0]}\n{urls[2]}"
        await press(pilot, "a", "a")
        assert "marked" not in picture(pilot)


async def test_a_mark_goes_past_the_lines_of_a_failure(incident: DemoIncident, tmp_path: Path) -> None:
    gone = (tmp_path / "gone").as_uri()
    console = make_console(settings_for(gone, incident.replicas[0].as_uri(), scratch=tmp_path))
    async with opened(console) as pilot:
        await press(pilot, "space")
        assert fleet(pilot).selected is console.listings.places[1]


async def test_only_the_marked_are_listed_again(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console) as pilot:
        await press(pilot, "down", "space")
        console.clock.sleep(5)
        await press(pilot, "r")
        listed = [place.state.as_of for place in console.listings.places if place.state is not None]
        assert [when > NOW for when in listed] == [False, True, False]


async def test_one_replica_is_proven_at_once_and_several_after_a_question(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console, SMALL) as pilot:
        await press(pilot, "v")
        assert [(job.kind, job.state) for job in console.jobs.all] == [("verify", "done")]
        await press(pilot, "escape", "a", "v")
        assert isinstance(pilot.app.screen, Confirm)
        assert "Prove 3 replicas?" in picture(pilot)
        await press(pilot, "n")
        assert len(console.jobs.all) == 1
        await press(pilot, "v", "y")
        assert [job.state for job in console.jobs.all] == ["done"] * 4
        assert len({job.title for job in console.jobs.all[1:]}) == 3
