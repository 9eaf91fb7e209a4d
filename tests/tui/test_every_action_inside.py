"""Actions inside databases, buckets and scratches, each in a real situation; see `test_every_action`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.demo import DemoIncident
from sqlite_recovery_tui.replica import browse
from sqlite_recovery_tui.tui import actions, dissection
from sqlite_recovery_tui.tui.state import Place
from tests.support.scratches import a_scratch
from tests.tui.acts import Actor, situation
from tests.tui.support import (
    LARGE,
    NOW,
    Gate,
    GatedStore,
    make_console,
    opened,
    screen,
    settle,
    table,
    type_text,
)
from tests.tui.test_faults_inspector import killing  # noqa: F401
from tests.tui.test_promote import orders, own  # noqa: F401


@situation(
    "ask.complete",
    "ask.newer",
    "ask.older",
    "cell.before",
    "cell.form",
    "cell.more",
    "cell.save",
    "order.leave",
    "order.take",
    "save.form",
    "save.leave",
    "schema.copy-sql",
    "schema.export",
    "table.down",
    "table.first",
    "table.last",
    "table.left",
    "table.page-down",
    "table.page-up",
    "table.right",
    "table.up",
    "workbench.check",
    "workbench.export",
    "workbench.filter",
    "workbench.limit",
    "workbench.open",
    "workbench.order",
    "workbench.plan",
    "workbench.report",
    "workbench.row",
    "workbench.schema",
    "workbench.sql",
    "workbench.where",
)
async def test_the_workbench(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with opened(make_console(settings), LARGE) as pilot:
        actor = Actor(pilot)
        await actor.go("B", "enter", "enter")
        await actor.do("workbench.check", changes=lambda: screen(pilot).proof)  # type: ignore[attr-defined]
        await actor.do("workbench.report", leads="TextDialog")
        await actor.go("escape")
        await actor.do("workbench.filter", changes="focus")
        await actor.go("escape")
        await actor.go("j", "j")
        await actor.do("workbench.schema", leads="schema")
        await actor.do("schema.copy-sql", copies="CREATE TABLE")
        await actor.do("schema.export", leads="ExportDialog")
        await actor.do("save.form", changes="looks")
        await actor.do("save.leave", leads="schema")
        await actor.go("escape")
        await actor.do("workbench.export", leads="ExportDialog")
        await actor.go("escape")
        await actor.do("workbench.where", changes="focus")
        await actor.go("escape")
        await actor.do("workbench.order", leads="OrderDialog")
        await actor.do("order.leave", leads="workbench")
        await actor.go("o", "down")
        await actor.do("order.take", leads="workbench")
        await actor.do("workbench.row", changes="focus")
        await actor.go("escape")
        await actor.do("workbench.limit", changes="looks")
        await _in_rows(actor)
        await _in_sql(actor)


@situation(
    "browse.again",
    "browse.filter",
    "browse.open",
    "browse.order",
    "browse.place",
    "browse.sort",
    "browse.stop",
)
async def test_looking_through_a_bucket(
    settings: Settings, incident: DemoIncident, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(make_console(settings), LARGE) as pilot:
        actor = Actor(pilot)
        await actor.go("5")
        await actor.do("browse.place", changes="focus")
        await actor.type(str(incident.directory / "replicas"))
        await actor.go("enter")
        await actor.do("browse.sort", changes=lambda: table(pilot).sort)
        await actor.do("browse.order", changes=lambda: table(pilot).sort)
        await actor.do("browse.filter", changes="focus")
        await actor.go("escape")
        await actor.do("browse.again", shows="3 replicas")
        gate = Gate("list")
        original = browse.open_store
        monkeypatch.setattr(browse, "open_store", lambda *a, **k: GatedStore(original(*a, **k), gate))
        await pilot.press("r")
        await pilot.pause()
        assert gate.waiting.wait(30)
        assert screen(pilot).why_not(actions.BY_ID["browse.stop"]) is None
        await pilot.press("x")
        gate.open()
        await actor.note("browse.stop")
        await actor.go("r")
        await actor.do("browse.open", leads="replica")


@situation(
    "scratches.delete",
    "scratches.expire",
    "scratches.filter",
    "scratches.mark",
    "scratches.open",
    "scratches.order",
    "scratches.refresh",
    "scratches.sort",
)
async def test_scratch_databases(settings: Settings) -> None:
    ages = (timedelta(hours=1), timedelta(days=9))
    for age in ages:
        a_scratch(settings.scratch_dir, made=NOW - age, kind="full", ok=True)
    kept = dataclasses.replace(settings, scratch_keep=timedelta(days=7))
    async with opened(make_console(kept), LARGE) as pilot:
        actor = Actor(pilot)
        await actor.go("3")
        await actor.do("scratches.sort", changes=lambda: table(pilot).sort)
        await actor.do("scratches.order", changes=lambda: table(pilot).sort)
        await actor.do("scratches.filter", changes="focus")
        await actor.go("escape")
        await actor.do("scratches.mark", shows="1 marked")
        await actor.go("space")
        await actor.do("scratches.refresh", shows="2 scratch databases")
        await actor.do("scratches.open", leads="workbench")
        await actor.go("3")
        await actor.do("scratches.expire", leads="Confirm")
        await actor.go("y")
        await actor.do("scratches.delete", leads="Confirm")
        await actor.go("y")
        assert not list(settings.scratch_dir.rglob("*.db"))


@situation(
    "promote.mode",
    "promote.refresh",
    "promote.run",
    "promote.undo",
    "scratches.promote",
    "typed.leave",
    "workbench.promote",
)
async def test_on_the_way_to_production(
    own: Settings,  # noqa: F811
    incident: DemoIncident,
) -> None:
    production = own.database("shop.db").path
    async with opened(make_console(own), LARGE) as pilot:
        actor = Actor(pilot)
        await actor.go("B", "enter", "enter")
        await actor.do("workbench.promote", leads="promote")
        await actor.go("3")
        await actor.do("scratches.promote", leads="promote")
        await actor.do("promote.mode", changes="looks")
        await actor.go("m", "m", "m")
        await actor.do("promote.refresh", shows="orders")
        await actor.go("K", "y")
        await actor.do("promote.run", leads="NameDialog")
        await actor.do("typed.leave", leads="promote")
        await actor.go("enter")
        await actor.type("shop.db")
        await actor.go("enter")
        assert orders(production) == incident.before.orders
        await actor.do("promote.undo", leads="NameDialog")


@situation(
    "object.prove",
    "page.follow",
    "page.right",
)
async def test_what_is_far_away_or_leads_on(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dissection, "READ_BYTES", 0)
    monkeypatch.setattr(Place, "local", property(lambda _: False))
    async with opened(make_console(settings), LARGE) as pilot:
        actor = Actor(pilot)
        place = actor.console.listings.places[0]
        assert place.timeline is not None
        base = place.timeline.generations[0].bases[0]
        actor.console.open_object(place, base)
        await settle(pilot)
        await actor.do("object.prove", shows="✓ proven")
        await actor.go("slash")
        await type_text(pilot, "table interior")
        await actor.go("enter", "enter", "c")
        await actor.do("page.follow", changes=lambda: screen(pilot).crumb)
        await actor.go("escape", "enter")
        await actor.do("page.right", changes=lambda: screen(pilot).crumb)


@situation(
    "workbench.again",
    "workbench.stop",
)
async def test_what_takes_too_long_and_what_breaks(
    settings: Settings,
    killing: Callable[..., list[int]],  # noqa: F811
) -> None:
    killing("tables")
    async with opened(make_console(settings), LARGE) as pilot:
        actor = Actor(pilot)
        await actor.go("R", "enter")
        await actor.do("workbench.again", shows="orders")
        await actor.go("s")
        await actor.type(
            "with recursive c(x) as (select 1 union all select x+1 from c) select count(*) from c"
        )
        await pilot.press("enter")
        await pilot.pause()
        assert screen(pilot).why_not(actions.BY_ID["workbench.stop"]) is None
        await pilot.press("x")
        await settle(pilot)
        await actor.note("workbench.stop")


async def _in_rows(actor: Actor) -> None:
    """Move in the rows of a large table, and look at one value."""
    await actor.go("escape", "end", "up", "enter")
    rows = screen(actor.pilot).query_one("#preview")

    def at() -> object:
        return rows.cursor, rows.column  # type: ignore[attr-defined]

    for verb in ("right", "left", "down", "up", "page-down", "page-up", "last", "first"):
        await actor.do(f"table.{verb}", changes=at)
    await actor.go("home", "right")
    await actor.do("workbench.open", leads="cell")
    await actor.do("cell.form", changes="looks")
    await actor.do("cell.save", leads="SaveDialog")
    await actor.go("escape", "escape")


async def _in_sql(actor: Actor) -> None:
    """Ask, bring back what was asked, complete a name, stop what takes too long."""
    await actor.do("workbench.sql", changes="focus")
    await actor.type("select hex(zeroblob(3000000)) as big")
    await actor.go("enter")
    await actor.do("workbench.plan", changes="looks")
    await actor.go("escape")
    await actor.go("s")
    await actor.type("select hex(zeroblob(3000000)) as big")
    await actor.go("enter", "enter")
    await actor.do("cell.more", changes="looks")
    await actor.do("cell.before", changes="looks")
    await actor.go("escape", "s")
    await actor.type("select 1")
    await actor.go("enter", "s", "home", "ctrl+k", "up")
    await actor.do("ask.older", changes="typed")
    await actor.do("ask.newer", changes="typed")
    await actor.type("select * from custom")
    await actor.do("ask.complete", changes="typed")
