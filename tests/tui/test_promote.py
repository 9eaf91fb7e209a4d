"""From the workbench to production and back: shown first, unlocked, typed, done, taken back."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import apsw
import pytest
from textual.pilot import Pilot

from sqlite_recovery_tui import config
from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.demo import DemoIncident
from sqlite_recovery_tui.tui import actions
from sqlite_recovery_tui.tui.screens.promote import PromoteScreen
from sqlite_recovery_tui.tui.screens.rescue import RescueScreen
from tests.tui.support import (
    SMALL,
    make_console,
    opened,
    picture,
    press,
    prose,
    screen,
    settle,
    toasts,
    type_text,
    view,
)


@pytest.fixture
def own(incident: DemoIncident, tmp_path: Path) -> Settings:
    """The incident with a production of the test's own, which it may replace."""
    loaded = config.load(incident.config)
    shop = loaded.database("shop.db")
    copy = tmp_path / "srv" / "shop.db"
    copy.parent.mkdir()
    for source in shop.path.parent.glob("shop.db*"):
        shutil.copy2(source, copy.parent / source.name)
    databases = tuple(
        dataclasses.replace(database, path=copy) if database.name == "shop.db" else database
        for database in loaded.databases
    )
    return dataclasses.replace(loaded, databases=databases, scratch_dir=tmp_path / "scratch")


def orders(path: Path) -> int:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return int(connection.execute("SELECT count(*) FROM orders").fetchall()[0][0])
    finally:
        connection.close()


async def to_promote(pilot: Pilot[None], incident: DemoIncident) -> PromoteScreen:
    """Restore the moment before the disaster, and go on from the workbench."""
    await press(pilot, "enter", "g")
    await type_text(pilot, incident.last_good_time.strftime("%Y-%m-%d %H:%M:%S utc"))
    await press(pilot, "enter", "enter")
    await settle(pilot)
    assert view(pilot) == "workbench"
    await press(pilot, "P")
    found = screen(pilot)
    assert isinstance(found, PromoteScreen)
    return found


async def test_there_and_back(own: Settings, incident: DemoIncident) -> None:
    production = own.database("shop.db").path
    damaged = orders(production)
    assert damaged < incident.before.orders
    async with opened(make_console(own), SMALL) as pilot:
        shown = await to_promote(pilot, incident)
        assert shown.plan is not None
        assert shown.plan.choice.mode == "online"
        assert "online" in picture(pilot)
        assert "orders" in picture(pilot)

        await press(pilot, "enter")
        assert view(pilot) == "promote", "the padlock is closed"
        assert any("padlock" in toast for toast in toasts(pilot))
        await press(pilot, "K", "y")
        await press(pilot, "enter")
        assert view(pilot) == "NameDialog"
        await type_text(pilot, "shop")
        await press(pilot, "enter")
        assert view(pilot) == "NameDialog", "only the whole name will do"
        assert orders(production) == damaged
        await type_text(pilot, ".db")
        await press(pilot, "enter")
        assert view(pilot) == "promote"
        assert orders(production) == incident.before.orders
        assert "every page is that of the promoted file" in picture(pilot)

        await press(pilot, "u")
        assert view(pilot) == "NameDialog"
        await press(pilot, "escape")
        assert orders(production) == incident.before.orders
        await press(pilot, "u")
        await type_text(pilot, "shop.db")
        await press(pilot, "enter")
        assert orders(production) == damaged
        assert "put back" in picture(pilot)
        kinds = [job.kind for job in shown.console.jobs.all]
        assert kinds == ["restore", "promote", "undo"]


async def test_what_stands_against_it_is_told_at_its_place(own: Settings, incident: DemoIncident) -> None:
    async with opened(make_console(own), (120, 36)) as pilot:
        shown = await to_promote(pilot, incident)
        shown.file.write_bytes(b"no database any more " * 100)
        await press(pilot, "r")
        assert "no SQLite database" in prose(pilot)
        assert "r" in picture(pilot)
        await press(pilot, "enter")
        assert view(pilot) == "promote"


async def test_another_way_is_planned_and_named(own: Settings, incident: DemoIncident) -> None:
    async with opened(make_console(own), (120, 36)) as pilot:
        shown = await to_promote(pilot, incident)
        ways = []
        for _ in range(4):
            await press(pilot, "m")
            assert shown.plan is not None
            ways.append(shown.plan.choice.mode)
        assert ways == ["online", "swap", "inject", "online"]


async def test_a_scratch_leads_there_as_well(own: Settings, incident: DemoIncident) -> None:
    async with opened(make_console(own), (120, 36)) as pilot:
        await to_promote(pilot, incident)
        await press(pilot, "3", "P")
        assert view(pilot) == "promote"


def test_every_act_that_changes_production_is_behind_the_padlock_and_the_name() -> None:
    dangerous = {action.id for action in actions.ACTIONS if action.dangerous}
    assert dangerous == {"promote.run", "promote.undo", "rescue.run"}
    for act in (PromoteScreen.do_run, PromoteScreen.do_undo, RescueScreen.do_run):
        assert "NameDialog" in act.__code__.co_names
