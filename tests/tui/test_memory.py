"""The console begins where it was left, per configuration; what it keeps is private and holds no secrets."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from sqlite_recovery_tui.clock import FixedClock
from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.demo import DemoIncident
from sqlite_recovery_tui.replica.fleet import refs
from sqlite_recovery_tui.tui.app import Console
from sqlite_recovery_tui.tui.memory import KEPT, Memory, Remembered
from tests.tui.support import NOW, opened, press, screen, toasts, view


def console_with(settings: Settings | None, file: Path, url: str | None = None) -> Console:
    about = url or str(settings.file if settings is not None else "")
    return Console(settings, refs(settings, url), clock=FixedClock(NOW), memory=Memory(about, file))


async def leave_in(settings: Settings, file: Path, *keys: str) -> None:
    async with opened(console_with(settings, file)) as pilot:
        await press(pilot, *keys, "ctrl+q")


async def test_a_replica_that_was_looked_into_is_open_again(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "state" / "places.json"
    await leave_in(settings, file, "down", "down", "t", "ctrl+t", "enter")
    console = console_with(settings, file)
    assert (console.time_style, console.theme) == ("local", "sqlrecover-day"), "known before the first paint"
    async with opened(console) as pilot:
        assert view(pilot) == "replica"
        assert screen(pilot).crumb == "jobs.db archive"
        assert "where you left" in toasts(pilot)[0]
        await press(pilot, "1")
        assert view(pilot) == "fleet"


async def test_who_left_in_the_fleet_begins_in_the_fleet(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "places.json"
    await leave_in(settings, file, "enter", "escape")
    async with opened(console_with(settings, file)) as pilot:
        assert view(pilot) == "fleet"
        assert toasts(pilot) == []


async def test_each_configuration_has_a_place_of_its_own(
    settings: Settings, incident: DemoIncident, tmp_path: Path
) -> None:
    file = tmp_path / "places.json"
    await leave_in(settings, file, "enter")
    async with opened(console_with(None, file, incident.replicas[0].as_uri())) as pilot:
        await press(pilot, "escape", "t", "ctrl+q")
    async with opened(console_with(settings, file)) as pilot:
        assert view(pilot) == "replica"
        assert pilot.app.time_style == "utc"  # type: ignore[attr-defined]


async def test_what_is_kept_is_private_and_names_no_url(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "state" / "places.json"
    await leave_in(settings, file, "enter")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert "://" not in file.read_text()
    assert str(settings.file) not in file.read_text()
    assert [each.name for each in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize(
    "words", ["", "{", "[]", "null", '{"x": 3}', '{"KEY": {"database": 7, "opened": "no"}}']
)
def test_a_file_that_makes_no_sense_costs_only_the_place(words: str, tmp_path: Path) -> None:
    memory = Memory("here", tmp_path / "places.json")
    memory.file.write_text(words.replace("KEY", memory._key))
    assert memory.load() == Remembered()
    memory.save(Remembered(database="a.db"))
    assert Memory("here", memory.file).load() == Remembered(database="a.db")


def test_only_so_many_configurations_are_remembered(tmp_path: Path) -> None:
    file = tmp_path / "places.json"
    for number in range(KEPT + 5):
        Memory(f"config {number}", file).save(Remembered(database=f"{number}.db"))
    assert Memory("config 4", file).load() == Remembered()
    assert Memory(f"config {KEPT + 4}", file).load().database == f"{KEPT + 4}.db"


def test_a_folder_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    Memory("here", tmp_path / "file" / "places.json").save(Remembered())


async def test_a_place_that_is_gone_is_not_gone_back_to(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "places.json"
    Memory(str(settings.file), file).save(Remembered(database="gone.db", replica="s3", opened=True))
    async with opened(console_with(settings, file)) as pilot:
        assert view(pilot) == "fleet"
