"""Scratch databases are listed with origin, age, size and verdict, and deleted after a question."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from pathlib import Path

import pytest

from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.restore.scratch import note_integrity
from sqlite_recovery_tui.tui.screens.scratches import ScratchesScreen
from tests.restore.test_scratches import held_open
from tests.support.scratches import a_scratch
from tests.tui.support import (
    LARGE,
    NOW,
    SMALL,
    make_console,
    opened,
    picture,
    press,
    screen,
    table,
    toasts,
    type_text,
    view,
)


@pytest.fixture
def three(settings: Settings) -> list[Path]:
    """Copies of one database, one hour, one day and nine days old."""
    folder, ages = settings.scratch_dir, (timedelta(hours=1), timedelta(days=1), timedelta(days=9))
    return [a_scratch(folder, made=NOW - age, kind="full", ok=True) for age in ages]


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_a_restored_database_is_listed_and_opened_again(
    settings: Settings, size: tuple[int, int]
) -> None:
    console = make_console(settings)
    async with opened(console, size) as pilot:
        await press(pilot, "R", "enter")
        assert view(pilot) == "workbench"
        await press(pilot, "3")
        assert view(pilot) == "scratches"
        shown = picture(pilot)
        assert "1 scratch database" in shown
        assert "shop.db" in shown
        selected = screen(pilot)
        assert isinstance(selected, ScratchesScreen)
        assert selected.selected is not None
        assert "✓ checked" in shown, "the workbench has written down what it found"
        assert selected.selected.url in [place.url for place in console.listings.places]
        await press(pilot, "enter")
        assert view(pilot) == "workbench"
        assert str(console.jobs.all[0].into) == str(screen(pilot).copyable())


async def test_deleting_asks_names_what_goes_and_takes_only_that(
    settings: Settings, three: list[Path]
) -> None:
    async with opened(make_console(settings), SMALL) as pilot:
        await press(pilot, "3", "d")
        assert view(pilot) == "Confirm"
        assert three[0].parent.name in picture(pilot)
        await press(pilot, "enter")
        assert all(path.exists() for path in three), "enter is the safe answer"
        await press(pilot, "d", "y")
        assert [path.exists() for path in three] == [False, True, True]
        assert table(pilot).source.row_count() == 2
        assert any("✓ deleted" in message for message in toasts(pilot))
        command = pilot.app.jobs.all[0].command  # type: ignore[attr-defined]
        assert command == f"sqlrecover scratch delete -config {settings.file} {three[0].parent.name}"


async def test_several_are_marked_and_hidden_ones_counted(settings: Settings, three: list[Path]) -> None:
    note_integrity(three[2], {"kind": "full", "ok": False, "messages": []})
    async with opened(make_console(settings), LARGE) as pilot:
        await press(pilot, "3")
        await press(pilot, "down", "space", "space")
        assert "● 2 marked" in picture(pilot)
        await press(pilot, "slash")
        await type_text(pilot, "✓ checked")
        await press(pilot, "enter")
        await press(pilot, "d")
        assert "Delete 2 scratch databases?" in picture(pilot)
        assert "1 of them not shown by the filter" in picture(pilot)
        await press(pilot, "y")
        assert [path.exists() for path in three] == [True, False, False]


async def test_what_is_open_elsewhere_stays_and_says_where(settings: Settings, three: list[Path]) -> None:
    console = make_console(settings)
    async with opened(console, LARGE) as pilot:
        with held_open(three[0]) as pid:
            await press(pilot, "3", "d", "y")
            assert three[0].exists()
            assert [job.state for job in console.jobs.all] == ["failed"]
            console.open_job(console.jobs.all[0])
            await press(pilot)
            assert f"(pid {pid})" in picture(pilot)


async def test_what_is_due_is_shown_and_expires_after_a_question(
    settings: Settings, three: list[Path]
) -> None:
    kept = dataclasses.replace(settings, scratch_keep=timedelta(days=7))
    async with opened(make_console(kept), LARGE) as pilot:
        await press(pilot, "3")
        assert "expire after 7 d" in picture(pilot)
        assert "▲ now" in picture(pilot)
        assert "in 6 d" in picture(pilot), "of the one that is a day old"
        await press(pilot, "e")
        assert "Delete 1 scratch database whose time is up?" in picture(pilot)
        await press(pilot, "y")
        assert [path.exists() for path in three] == [True, True, False]


async def test_nothing_expires_without_a_limit_and_the_key_says_why(
    settings: Settings, three: list[Path]
) -> None:
    async with opened(make_console(settings), SMALL) as pilot:
        await press(pilot, "3", "e")
        assert view(pilot) == "scratches"
        assert any("no limit is set" in message for message in toasts(pilot))
        assert all(path.exists() for path in three)


async def test_they_are_sorted_by_what_a_column_means(settings: Settings) -> None:
    for size, days in ((5, 1), (5000, 2), (70, 3)):
        a_scratch(settings.scratch_dir, made=NOW - timedelta(days=days), data=bytes(size))
    async with opened(make_console(settings), LARGE) as pilot:
        await press(pilot, "3")
        shown = screen(pilot)
        assert isinstance(shown, ScratchesScreen)
        for column, expected in (("size", [5, 70, 5000]), ("made", [70, 5000, 5])):
            shown._sort_by((column, False))
            await press(pilot)
            rows = [table(pilot).source.row(number) for number in range(3)]
            assert [shown.found.by_path[row.key].scratch.size for row in rows if row] == expected


async def test_an_empty_directory_says_what_fills_it(settings: Settings) -> None:
    async with opened(make_console(settings), SMALL) as pilot:
        await press(pilot, "3")
        assert "A restore (R) makes one" in picture(pilot)
        await press(pilot, "d")
        assert view(pilot) == "scratches"
