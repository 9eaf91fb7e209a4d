"""Names, values and messages from outside are only ever text, on every screen that shows them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import apsw
import pytest
from textual.pilot import Pilot

from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.demo import DemoIncident
from sqlite_recovery_tui.errors import DamagedError, Unreachable
from sqlite_recovery_tui.replica import fleet
from sqlite_recovery_tui.storage.base import Store
from sqlite_recovery_tui.tui.cell_forms import forms_of
from sqlite_recovery_tui.tui.proof import Subject
from sqlite_recovery_tui.tui.screens.workbench import WorkbenchScreen
from sqlite_recovery_tui.tui.text import width
from tests.tui.hostile import HOSTILE, offending
from tests.tui.support import (
    SIZES,
    SMALL,
    make_console,
    opened,
    picture,
    press,
    screen,
    settings_for,
    settle,
    type_text,
    view,
)

MARKUP = "[/] [b [type=x, v={'a[0]'}] \x1b]52;c;aGFja2Vk\x07 \x9b31m \u202e \0 表"


def look(pilot: Pilot[None]) -> None:
    """Fail when anything on the terminal is not plain text."""
    bad = {character for line in picture(pilot).splitlines() for character in offending(line)}
    assert not bad, [hex(ord(character)) for character in bad]


@pytest.fixture
def hostile_database(tmp_path: Path) -> Path:
    """A database whose tables, columns and values are all hostile."""
    path = tmp_path / "hostile.db"
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA synchronous = OFF")
    names = [text[:40].replace("\0", "").encode("utf-8", "replace").decode() for text in HOSTILE]
    for number, name in enumerate(dict.fromkeys(names)):
        quoted = name.replace('"', '""')
        connection.execute(f'CREATE TABLE "{quoted}{number}" ("{quoted}", b BLOB, n INTEGER)')
        for value in HOSTILE:
            data = value[: 1_000_000 if number == 0 else 1_000].encode("utf-8", "surrogatepass")
            connection.execute(
                f'INSERT INTO "{quoted}{number}" VALUES (CAST(? AS TEXT), ?, ?)', (data, data, number)
            )
    connection.close()
    return path


@pytest.mark.parametrize("size", SIZES)
async def test_hostile_tables_are_listed_and_previewed(hostile_database: Path, size: tuple[int, int]) -> None:
    console = make_console(None)
    async with opened(console, size) as pilot:
        console.open_workbench(Subject(hostile_database, MARKUP))
        await settle(pilot)
        bench = screen(pilot)
        assert isinstance(bench, WorkbenchScreen)
        assert len(bench.tables) == len(HOSTILE)
        for number in range(len(HOSTILE)):
            bench.list.move_to(number)
            await settle(pilot)
            look(pilot)
            assert bench.rows.columns, "the table under the cursor is previewed"
        await press(pilot, "v")
        look(pilot)


@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
def test_a_whole_cell_is_only_text(value: str) -> None:
    data = value.encode("utf-8", "surrogatepass")
    for whole in (value, data.decode("utf-8", "replace"), json.dumps({value: [value]})):
        forms = forms_of(whole, 76, whole=True)
        assert not offending("".join((*forms.text, *forms.json)))
        assert all(width(line) <= 76 for line in (*forms.text, *forms.json))


async def test_hostile_cells_are_opened_and_copied(hostile_database: Path) -> None:
    console = make_console(None)
    async with opened(console, SMALL) as pilot:
        console.open_workbench(Subject(hostile_database, MARKUP))
        await settle(pilot)
        await press(pilot, "enter", "down", "down", "enter")
        assert view(pilot) == "cell"
        look(pilot)
        await press(pilot, "y", "y", "v", "end")
        look(pilot)
        await press(pilot, "escape", "right", "enter")
        look(pilot)
        await press(pilot, "y", "y", "escape", "y", "y", "s")
        await type_text(pilot, "select '[/]' as \"[b\", char(27) || ']52;c;x' , x'00ff', char(8238)")
        await press(pilot, "enter")
        look(pilot)
        assert "\\x1b]52" in picture(pilot)


@pytest.mark.parametrize("size", SIZES)
async def test_hostile_names_and_errors_walk_through_every_screen(
    incident: DemoIncident, tmp_path: Path, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    console = make_console(_hostile_settings(incident, tmp_path))
    original = fleet.open_store

    def refuse(replica: Any, **more: Any) -> Store:
        if "gone" in replica.path:
            raise Unreachable(f"cannot reach {MARKUP}", object=MARKUP, hint=MARKUP)
        return original(replica, **more)

    monkeypatch.setattr(fleet, "open_store", refuse)
    async with opened(console, size) as pilot:
        look(pilot)
        assert "cannot reach [/] [b" in picture(pilot)
        for keys in (
            ("t", "t", "t"),
            ("y", "y"),
            ("enter",),
            ("question_mark",),
            ("escape", "colon"),
            ("escape", "escape", "down", "down", "down", "enter"),
            ("y", "y"),
            ("enter",),
            ("y", "y"),
            ("m",),
            ("escape", "enter"),
            ("J",),
            ("y", "y"),
            ("ctrl+l",),
        ):
            await press(pilot, *keys)
            look(pilot)
            console.clear_notifications()
        assert [job.state for job in console.jobs.all] == ["done"]


async def test_a_hostile_refusal_of_a_plan_and_of_a_restore(settings: Settings) -> None:
    def damaged(*_: object, **__: object) -> None:
        raise DamagedError(MARKUP, object=MARKUP, hint=MARKUP)

    console = make_console(settings)
    async with opened(console, SMALL) as pilot:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sqlite_recovery_tui.restore.plan.make_plan", damaged)
            await press(pilot, "R")
            look(pilot)
            assert view(pilot) == "plan"
            assert "[/] [b" in picture(pilot)
            await press(pilot, "escape")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sqlite_recovery_tui.restore.run.restore", damaged)
            await press(pilot, "R")
            await press(pilot, "enter")
            look(pilot)
            assert view(pilot) == "job"
            assert "[/] [b" in picture(pilot)


async def test_hostile_notices_do_not_end_the_console(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console, SMALL) as pilot:
        for hostile in HOSTILE:
            console.say(hostile[:500])
            console.say(hostile[:500], bad=True)
        await settle(pilot)
        look(pilot)
        assert view(pilot) == "fleet"


async def test_a_hostile_time_is_only_refused(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console, SMALL) as pilot:
        await press(pilot, "enter", "g")
        await type_text(pilot, "[/] [b \u202e")
        look(pilot)
        assert view(pilot) == "TimeDialog"


async def test_a_fault_of_ours_is_shown_and_the_console_goes_on(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError(MARKUP)

    monkeypatch.setattr("sqlite_recovery_tui.restore.plan.make_plan", broken)
    console = make_console(settings)
    async with opened(console, SMALL) as pilot:
        await press(pilot, "R")
        look(pilot)
        assert "internal error: ValueError" in picture(pilot)
        await press(pilot, "escape")
        assert view(pilot) == "fleet"


def _hostile_settings(incident: DemoIncident, tmp_path: Path) -> Settings:
    settings = settings_for(
        (tmp_path / "gone").as_uri(), incident.replicas[0].as_uri(), name=MARKUP, scratch=tmp_path / "scratch"
    )
    database = settings.databases[0]
    replicas = tuple(
        dataclasses.replace(replica, name=f"{MARKUP}{i}") for i, replica in enumerate(database.replicas)
    )
    return dataclasses.replace(settings, databases=(dataclasses.replace(database, replicas=replicas),))
