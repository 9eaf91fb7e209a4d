"""Buckets are looked through for replicas that no configuration names; what is found opens as a place."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from textual.pilot import Pilot

from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.demo import DemoIncident
from sqlite_recovery_tui.replica import browse as engine
from sqlite_recovery_tui.tui.screens.browse import BrowseScreen
from sqlite_recovery_tui.tui.screens.plan import PlanScreen
from sqlite_recovery_tui.tui.screens.replica import ReplicaScreen
from tests.tui.support import (
    LARGE,
    SIZES,
    SMALL,
    Gate,
    GatedStore,
    make_console,
    opened,
    picture,
    press,
    screen,
    settle,
    table,
    type_text,
    view,
)


@pytest.fixture
def bucket(incident: DemoIncident, tmp_path: Path) -> Path:
    """A folder with the replicas of two databases, one of them deleted, and other things."""
    folder = tmp_path / "bucket"
    shutil.copytree(incident.replicas[0], folder / "tenants" / "deleted.db")
    shutil.copytree(incident.jobs.replica, folder / "jobs")
    (folder / "readme.txt").write_text("x")
    return folder


def browser(pilot: Pilot[None]) -> BrowseScreen:
    shown = screen(pilot)
    assert isinstance(shown, BrowseScreen)
    return shown


@pytest.mark.parametrize("size", SIZES)
async def test_what_is_typed_is_looked_through_and_what_is_found_opens(
    settings: Settings, bucket: Path, size: tuple[int, int]
) -> None:
    async with opened(make_console(settings), size) as pilot:
        await press(pilot, "5", "o")
        await type_text(pilot, str(bucket))
        await press(pilot, "enter")
        shown = picture(pilot)
        assert "✓ 2 replicas in" in shown
        assert "tenants/deleted.db" in shown
        assert "○ nowhere" in shown
        assert "v0.5" in shown
        await press(pilot, "end")
        assert "nowhere: a database that was deleted" in picture(pilot)
        await press(pilot, "enter")
        assert isinstance(screen(pilot), ReplicaScreen)
        await press(pilot, "R")
        plan = screen(pilot)
        assert isinstance(plan, PlanScreen)
        assert plan.draft is not None
        assert plan.place.fresh, "it was listed anew before it was planned on"


async def test_the_places_of_the_configuration_are_one_key_away(
    settings: Settings, incident: DemoIncident
) -> None:
    async with opened(make_console(settings)) as pilot:
        await press(pilot, "5")
        assert "places of your configuration" in picture(pilot)
        await press(pilot, "enter")
        assert "✓ 3 replicas in" in picture(pilot)
        assert "✓ shop.db primary" in picture(pilot)
        assert "configured nowhere" not in picture(pilot)
        assert (
            browser(pilot).equivalent() == f"sqlrecover browse {(incident.directory / 'replicas').as_uri()}"
        )
        await press(pilot, "enter")
        place = screen(pilot).place  # type: ignore[attr-defined]
        assert place in pilot.app.listings.places, "a place that is held is not held twice"  # type: ignore[attr-defined]


async def test_results_stream_in_and_stopping_keeps_them(
    settings: Settings, bucket: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate("list")
    original = engine.open_store
    with monkeypatch.context() as patch:
        patch.setattr(
            engine, "open_store", lambda *args, **kwargs: GatedStore(original(*args, **kwargs), gate)
        )
        async with opened(make_console(settings), LARGE) as pilot:
            await press(pilot, "5", "o")
            await type_text(pilot, str(bucket))
            await pilot.press("enter")
            gate.waiting.wait(10)
            await pilot.pause()
            assert "◌ looking" in picture(pilot)
            assert browser(pilot).looking
            await press(pilot, "x")
            assert "‖ 0 replicas · not all was looked through" in picture(pilot)
            gate.open()
            await press(pilot, "r")
            assert "✓ 2 replicas in" in picture(pilot)


async def test_a_place_that_is_not_there_says_so_in_place(settings: Settings, tmp_path: Path) -> None:
    async with opened(make_console(settings)) as pilot:
        await press(pilot, "5", "o")
        await type_text(pilot, f"file://{tmp_path}/none")
        await press(pilot, "enter")
        assert "does not exist" in picture(pilot)
        assert browser(pilot).focused is browser(pilot).query_one("#where")
        await press(pilot, *["backspace"] * 4)
        await type_text(pilot, "[/x] \\x1b")
        await press(pilot, "enter")
        assert "✗" in picture(pilot)
        assert view(pilot) == "browse"


async def test_an_empty_folder_holds_no_replica(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    async with opened(make_console(settings)) as pilot:
        await press(pilot, "5", "o")
        await type_text(pilot, str(tmp_path / "empty"))
        await press(pilot, "enter")
        assert "No replica was found there." in picture(pilot)


async def test_what_is_found_is_filtered_and_sorted(settings: Settings, bucket: Path) -> None:
    async with opened(make_console(settings), LARGE) as pilot:
        await press(pilot, "5", "o")
        await type_text(pilot, str(bucket))
        await press(pilot, "enter", "S", "O")
        keys = [row.key for index in range(2) if (row := table(pilot).source.row(index)) is not None]
        assert [str(key).rpartition("/")[2] for key in keys] == ["deleted.db", "jobs"]
        await press(pilot, "slash")
        await type_text(pilot, "!deleted")
        assert table(pilot).source.row_count() == 1
        assert "1 of 2" in picture(pilot)
        await press(pilot, "escape")
        assert table(pilot).source.row_count() == 2
        await press(pilot, "escape")
        assert view(pilot) == "fleet"


async def test_without_a_configuration_one_types_at_once(bucket: Path) -> None:
    async with opened(make_console(None), SMALL) as pilot:
        await press(pilot, "escape")
        pilot.app.push_screen(BrowseScreen())
        await settle(pilot)
        await type_text(pilot, str(bucket))
        await press(pilot, "enter")
        assert "✓ 2 replicas in" in picture(pilot)
