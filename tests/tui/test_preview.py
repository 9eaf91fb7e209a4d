"""Looking into a point without a restore: the same rows, few bytes, nothing left behind, nothing claimed."""

from __future__ import annotations

from pathlib import Path

import pytest

from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.demo import DemoIncident
from sqlite_recovery_tui.errors import DamagedError
from sqlite_recovery_tui.tui.screens.plan import PlanScreen
from sqlite_recovery_tui.tui.screens.replica import ReplicaScreen
from sqlite_recovery_tui.tui.screens.workbench import WorkbenchScreen
from tests.support.ltx_small import small
from tests.tui.support import (
    LARGE,
    SIZES,
    inspectors,
    make_console,
    opened,
    picture,
    press,
    screen,
    settings_for,
    toasts,
    type_text,
    view,
)


@pytest.mark.parametrize("size", SIZES)
async def test_a_point_is_looked_into_without_a_restore(settings: Settings, size: tuple[int, int]) -> None:
    console = make_console(settings)
    async with opened(console, size) as pilot:
        await press(pilot, "end", "enter", "v")
        bench = screen(pilot)
        assert isinstance(bench, WorkbenchScreen)
        assert bench.crumb == "preview"
        shown = picture(pilot)
        assert "▲ preview" in shown
        assert "nothing is proven" in shown
        assert [info.name for info in bench.tables] == ["jobs"]
        rows = [bench.rows.value(row, 0) for row in range(20)]
        assert [value.value for value in rows if value is not None] == list(range(1, 21))
        fetched = bench.source.fetched
        assert fetched is not None
        assert 0 < fetched.transferred < fetched.whole
        assert bench.counts == {}, "counting would fetch everything"
        assert bench.proof.checks == []
        assert not console.jobs.all
        assert inspectors()
        assert not list(settings.scratch_dir.iterdir()), "what was fetched has no name"
        await press(pilot, "escape")
        assert view(pilot) == "replica"
    assert console.engine.close(10)
    assert not inspectors()


async def test_sql_sees_what_a_restore_of_the_same_point_gives(
    settings: Settings, incident: DemoIncident
) -> None:
    sql = "SELECT state, count(*) FROM jobs GROUP BY 1 ORDER BY 1"
    console = make_console(settings)
    async with opened(console, LARGE) as pilot:
        await press(pilot, "end", "enter", "g")
        await type_text(pilot, incident.jobs.script_time.strftime("%Y-%m-%d %H:%M:%S utc"))
        await press(pilot, "enter", "v")
        answers = []
        for _ in ("preview", "restored"):
            bench = screen(pilot)
            assert isinstance(bench, WorkbenchScreen)
            await press(pilot, "s", "home", "ctrl+k")
            await type_text(pilot, sql)
            await press(pilot, "enter")
            answers.append([bench.rows.row(number) for number in range(bench.rows.row_count())])
            await press(pilot, "escape", "R")
            plan = screen(pilot)
            if isinstance(plan, PlanScreen):
                assert plan.aim.label.startswith("TXID ")
                await press(pilot, "enter")
        assert answers[0] == answers[1]
        assert len(answers[0]) > 1


async def test_a_table_of_a_point_is_exported_without_a_restore(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    console = make_console(settings)
    async with opened(console, LARGE) as pilot:
        await press(pilot, "end", "enter", "v", "w")
        await type_text(pilot, "id <= 20")
        await press(pilot, "enter", "e")
        await press(pilot, "enter")
        (job,) = console.jobs.all
        assert job.state == "done", job.error
        lines = (tmp_path / "jobs.csv").read_text().splitlines()
        assert [line.split(",")[0] for line in lines[1:]] == [str(number) for number in range(1, 21)]
    assert console.engine.close(10)
    assert not inspectors()


async def test_checks_of_a_preview_are_refused_with_the_way_to_them(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console, LARGE) as pilot:
        await press(pilot, "end", "enter", "v", "c")
        assert any("R restores it first" in message for message in toasts(pilot))
        await press(pilot, "R")
        assert view(pilot) == "plan"


async def test_a_format_without_an_index_of_pages_says_so(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console) as pilot:
        await press(pilot, "enter", "v")
        assert isinstance(screen(pilot), ReplicaScreen)
        assert any("Only after a restore" in message for message in toasts(pilot))


async def test_an_index_that_is_cut_is_named_in_place(tmp_path: Path) -> None:
    replica = small(tmp_path, {0: "1 2 3"})
    file = replica.path(0, 2)
    replica.change(file, lambda data: data[:-20])
    console = make_console(settings_for(replica.url, scratch=tmp_path / "scratch"))
    async with opened(console, LARGE) as pilot:
        await press(pilot, "enter", "v")
        bench = screen(pilot)
        assert isinstance(bench, WorkbenchScreen)
        assert file.name in picture(pilot)
        await press(pilot, "escape")
        assert view(pilot) == "replica"
        assert DamagedError.kind == "damaged"


async def test_restoring_is_not_offered_for_what_is_restored(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console, LARGE) as pilot:
        await press(pilot, "R")
        await press(pilot, "enter")
        bench = screen(pilot)
        assert isinstance(bench, WorkbenchScreen)
        assert "workbench.restore" not in {action.id for action in bench.offered()}
