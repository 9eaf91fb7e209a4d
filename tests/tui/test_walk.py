"""The whole path on the real sample incident: fleet, replica, plan, restore, workbench, and back."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import apsw
import pytest

from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.demo import DemoIncident
from sqlite_recovery_tui.tui.app import Console
from sqlite_recovery_tui.tui.screens.job import JobScreen
from sqlite_recovery_tui.tui.screens.plan import PlanScreen
from sqlite_recovery_tui.tui.screens.replica import ReplicaScreen
from sqlite_recovery_tui.tui.screens.workbench import WorkbenchScreen
from sqlite_recovery_tui.tui.widgets.field import Field
from tests.tui.support import (
    LARGE,
    SIZES,
    SMALL,
    inspectors,
    make_console,
    opened,
    picture,
    press,
    prose,
    screen,
    settle,
    table,
    type_text,
    view,
)


@pytest.mark.parametrize("size", SIZES)
async def test_from_the_fleet_to_the_rows_before_the_disaster(
    settings: Settings, incident: DemoIncident, size: tuple[int, int]
) -> None:
    console = make_console(settings)
    async with opened(console, size) as pilot:
        assert view(pilot) == "fleet"
        assert "14:03:08Z" in picture(pilot)

        await press(pilot, "enter")
        assert view(pilot) == "replica"
        assert isinstance(screen(pilot), ReplicaScreen)

        await press(pilot, "g")
        assert view(pilot) == "TimeDialog"
        await type_text(pilot, incident.last_good_time.strftime("%Y-%m-%d %H:%M:%SZ").replace("Z", " utc"))
        assert "leads to" in picture(pilot)

        await press(pilot, "enter")
        assert view(pilot) == "plan"
        plan = screen(pilot)
        assert isinstance(plan, PlanScreen)
        assert plan.draft is not None
        assert plan.draft.plan.point.time <= incident.last_good_time
        output = plan.draft.output

        await press(pilot, "enter")
        assert view(pilot) == "workbench"
        bench = screen(pilot)
        assert isinstance(bench, WorkbenchScreen)
        assert bench.subject.path == output
        assert bench.proof.status.word == "every check passed"
        assert {name: count.rows for name, count in bench.counts.items()} == _counts(output)
        assert bench.counts["orders"].rows == incident.before.orders

        await press(pilot, "escape")
        assert view(pilot) == "replica"
        await press(pilot, "escape")
        assert view(pilot) == "fleet"

    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    assert stat.S_IMODE(output.parent.stat().st_mode) == 0o700
    assert json.loads((output.parent / "manifest.json").read_text())["url"] == incident.replicas[0].as_uri()


@pytest.mark.parametrize("size", SIZES)
async def test_a_point_is_picked_by_its_row(settings: Settings, size: tuple[int, int]) -> None:
    console = make_console(settings)
    async with opened(console, size) as pilot:
        await press(pilot, "enter")
        await press(pilot, "right_square_bracket")
        replica = screen(pilot)
        assert isinstance(replica, ReplicaScreen)
        assert "snapshot" in picture(pilot)
        chosen = table(pilot).current_key
        await press(pilot, "enter")
        plan = screen(pilot)
        assert isinstance(plan, PlanScreen)
        assert plan.draft is not None
        assert plan.draft.plan.base.key == chosen
        assert plan.draft.plan.changes == ()


async def test_rows_and_sql_and_whole_cells(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console, LARGE) as pilot:
        await _restore_newest(console, pilot)
        bench = screen(pilot)
        assert isinstance(bench, WorkbenchScreen)
        names = [info.name for info in bench.tables]
        await press(pilot, *["down"] * names.index("customers"), "enter")
        assert pilot.app.focused is bench.preview
        await press(pilot, "end")
        rows = bench.counts["customers"].rows
        assert rows is not None
        assert bench.preview.cursor == rows - 1
        assert bench.preview.current is not None, "the last page was loaded"

        await press(pilot, "right", "enter")
        assert view(pilot) == "cell"
        await press(pilot, "escape")

        await press(pilot, "s")
        await type_text(pilot, "select count(*) as n from orders")
        await press(pilot, "enter")
        assert bench.rows.columns == ("n",)
        value = bench.rows.value(0, 0)
        assert value is not None
        assert value.value == bench.counts["orders"].rows

        await press(pilot, "s", "home", "ctrl+k")
        await type_text(pilot, "select * from events")
        await press(pilot, "enter")
        assert bench.preview.source.row_count() == 1_000
        assert "more than 1,000 rows; e exports all of them" in picture(pilot)


async def test_sql_that_writes_is_refused_in_place(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console) as pilot:
        await _restore_newest(console, pilot)
        bench = screen(pilot)
        assert isinstance(bench, WorkbenchScreen)
        before = _counts(bench.subject.path)
        await press(pilot, "s")
        await type_text(pilot, "delete from orders")
        await press(pilot, "enter")
        assert "✗" in picture(pilot)
        assert view(pilot) == "workbench"
        assert _counts(bench.subject.path) == before


async def test_a_replica_named_by_url_opens_at_once(incident: DemoIncident) -> None:
    console = make_console(None, incident.replicas[0].as_uri())
    async with opened(console) as pilot:
        assert view(pilot) == "replica"
        await press(pilot, "escape")
        assert view(pilot) == "fleet"
        assert "primary" in picture(pilot)


async def test_the_restored_file_can_be_named(settings: Settings, tmp_path: Path) -> None:
    console = make_console(settings)
    async with opened(console) as pilot:
        await press(pilot, "R", "o")
        assert "/scratch/shop-" in pilot.app.screen.query_one(Field).value, (
            "the proposed path is there to edit"
        )
        await press(pilot, "home", "ctrl+k")
        await type_text(pilot, str(tmp_path / "mine.db"))
        await press(pilot, "enter")
        plan = screen(pilot)
        assert isinstance(plan, PlanScreen)
        assert plan.command is not None
        assert str(tmp_path / "mine.db") in plan.command
        await press(pilot, "enter")
        assert view(pilot) == "workbench"
    assert (tmp_path / "mine.db").exists()


async def test_the_plan_can_be_followed_by_hand(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console, SMALL) as pilot:
        await press(pilot, "R", "m")
        assert view(pilot) == "TextDialog"
        assert "The same restore by hand" in picture(pilot)
        assert "| lz4 -dc >" in prose(pilot)
        await press(pilot, "y")
        assert ".snapshot.lz4 | lz4 -dc > " in console.clipboard


async def test_nothing_configured_is_a_welcome_that_opens_places(incident: DemoIncident) -> None:
    console = make_console(None)
    async with opened(console) as pilot:
        assert view(pilot) == "welcome"
        await type_text(pilot, "/no/such/place")
        await press(pilot, "enter")
        assert view(pilot) == "welcome"
        assert "✗" in picture(pilot)
        await press(pilot, "home", "ctrl+k")
        await type_text(pilot, str(incident.config))
        await press(pilot, "enter")
        assert view(pilot) == "fleet"
        assert "primary" in picture(pilot)
        assert "offsite" in picture(pilot)


async def test_another_place_can_be_opened_from_the_fleet(settings: Settings, incident: DemoIncident) -> None:
    console = make_console(settings)
    async with opened(console) as pilot:
        await press(pilot, "o")
        assert view(pilot) == "welcome"
        await press(pilot, "escape")
        assert view(pilot) == "fleet"
        await press(pilot, "o")
        await type_text(pilot, incident.replicas[1].as_uri())
        await press(pilot, "enter")
        assert view(pilot) == "replica"
        await press(pilot, "escape")
        assert view(pilot) == "fleet"
        assert "offsite" in picture(pilot)
        assert "primary" not in picture(pilot)


async def test_the_welcome_builds_the_sample_incident(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    console = make_console(None)
    async with opened(console) as pilot:
        await press(pilot, "f2")
        assert view(pilot) == "fleet"
        assert "shop.db" in picture(pilot)
    assert (tmp_path / "sqlrecover-demo" / "litestream.yml").exists()


async def test_a_finished_restore_can_be_looked_at_again(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console) as pilot:
        await _restore_newest(console, pilot)
        await press(pilot, "J")
        assert isinstance(screen(pilot), JobScreen)
        assert "restored" in picture(pilot)
        await press(pilot, "enter")
        assert view(pilot) == "workbench"


async def _restore_newest(console: Console, pilot: object) -> None:
    await press(pilot, "R")  # type: ignore[arg-type]
    await press(pilot, "enter")  # type: ignore[arg-type]
    await settle(pilot)  # type: ignore[arg-type]
    assert view(pilot) == "workbench", [job.error for job in console.jobs.all]  # type: ignore[arg-type]


def _counts(path: Path) -> dict[str, int]:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        names = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        ]
        return {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}
    finally:
        connection.close()


async def test_leaving_the_console_ends_every_process_it_started(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console) as pilot:
        await _restore_newest(console, pilot)
        assert inspectors()
    assert console.engine.close(10)
    assert not inspectors()
