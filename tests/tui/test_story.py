"""The whole story by the keyboard: find the moment, restore, see what production lacks, put it back, undo."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import threading
from pathlib import Path

import apsw
import pytest
from textual.pilot import Pilot

from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.demo import DemoIncident
from sqlite_recovery_tui.history.ledger import Ledger
from sqlite_recovery_tui.tui.differences import Found
from sqlite_recovery_tui.tui.engine import Report
from sqlite_recovery_tui.tui.screens import diff
from sqlite_recovery_tui.tui.screens.diff import DiffScreen
from sqlite_recovery_tui.tui.screens.diff_rows import DiffRowsScreen
from sqlite_recovery_tui.tui.screens.rescue import RescueScreen
from sqlite_recovery_tui.tui.screens.workbench import WorkbenchScreen
from tests.tui.acts import Actor, situation
from tests.tui.hostile import HOSTILE, offending
from tests.tui.support import (
    SMALL,
    make_console,
    opened,
    picture,
    press,
    screen,
    settle,
    table,
    toasts,
    type_text,
    view,
)
from tests.tui.test_promote import orders, own  # noqa: F401
from tests.tui.test_tour import Stranger


def rows(path: Path, table: str) -> set[int]:
    """Return the ids of a table's rows."""
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    at_rest = "" if (path.parent / f"{path.name}-wal").exists() else "?immutable=1"
    connection = apsw.Connection(f"file:{path}{at_rest}", flags=flags)
    try:
        return {int(str(row[0])) for row in connection.execute(f"SELECT id FROM {table}")}
    finally:
        connection.close()


async def confirm(stranger: Stranger, name: str) -> None:
    """Type the database's name where it is asked for."""
    assert view(stranger.pilot) == "NameDialog"
    await stranger.type(name)
    await stranger.press("enter", because="enter do it")


async def test_only_what_is_missing_then_everything_and_back(
    own: Settings,  # noqa: F811
    incident: DemoIncident,
) -> None:
    production = own.database("shop.db").path
    since = {name: rows(production, name) for name in ("orders", "invoices")}
    async with opened(make_console(own), SMALL) as pilot:
        stranger = Stranger(pilot)
        await stranger.press("enter", because="enter open")
        await stranger.press("question_mark", because="? help")
        await stranger.type("answer")
        assert stranger.sees(r" (b +Find the commit at which the answer)")
        await press(pilot, "escape", "b")
        await type_text(pilot, "SELECT count(*) > 5000 FROM orders")
        await stranger.press("enter", because="enter search")
        assert stranger.sees(r"orders: (5,059 rows) removed")
        await stranger.press("p", because="p plan a restore of the state in front of it")
        await stranger.press("enter", because="enter restores into this file")
        bench = screen(pilot)
        assert isinstance(bench, WorkbenchScreen)
        scratch = bench.subject.path
        assert stranger.sees(r"orders +5,699 +692 +(▼ 5,007 fewer)")
        before = {name: rows(scratch, name) for name in since}

        await stranger.press("D", because="D differences")
        assert stranger.sees(r"(production lacks 9,643 rows)")
        assert stranger.sees(r"orders +5,699 +692 +(−5,059 +≠33 +\+52)")
        await pilot.press("end", "space", "home", "down", "down", "space")
        await stranger.press("R", because="R rescue")
        assert stranger.sees(r"orders +(5,059 to insert)")
        assert stranger.sees(r"invoices +(4,584 to insert)")
        await stranger.press("enter", because="enter rescue")
        assert view(pilot) == "rescue", "the padlock is closed"
        await press(pilot, "K", "y", "enter")
        await confirm(stranger, "shop.db")
        assert stranger.sees(r"written +(9,643 rows in one transaction)")
        for name, there in since.items():
            assert rows(production, name) == before[name] | there, "what came since stays"

        (patch,) = production.parent.glob("shop.db.rescue-*.sql")
        assert str(patch.name) in "".join(picture(pilot).split())
        kinds = [entry.kind for entry in Ledger.open(warn=pytest.fail).entries()]
        assert [kind for kind in kinds if kind != "diff"][:2] == ["rescue", "restore"]
        assert kinds.index("restore") - 1 == kinds.index("diff", kinds.index("rescue"))
        rescued = orders(production)
        await press(pilot, "escape", "escape")
        assert stranger.sees(r"orders +5,699 +5,751 +(▲ 52 more)")

        await stranger.press("P", because="P promote")
        await stranger.press("enter", because="enter promote")
        await confirm(stranger, "shop.db")
        assert orders(production) == incident.before.orders
        await stranger.press("u", because="u take back")
        await confirm(stranger, "shop.db")
        assert orders(production) == rescued
    _undo(production, patch)
    assert {name: rows(production, name) for name in since} == since


def _undo(production: Path, patch: Path) -> None:
    """Run the patch the way the screen says, in a process of its own."""
    code = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript(open(sys.argv[2]).read())"
    subprocess.run([sys.executable, "-c", code, production, patch], check=True, timeout=60)


@situation(
    "diff.again",
    "diff.mark",
    "diff.open",
    "diff.rescue",
    "diff.stop",
    "rescue.again",
    "rescue.run",
    "rescue.triggers",
    "rescue.update",
    "rows.mark",
    "rows.only",
    "rows.open",
    "rows.rescue",
    "workbench.diff",
)
async def test_single_rows(own: Settings) -> None:  # noqa: F811
    production = own.database("shop.db").path
    _change_since(production)
    async with opened(make_console(own), (120, 36)) as pilot:
        actor = Actor(pilot)
        await actor.go("B", "enter", "enter")
        await actor.do("workbench.diff", leads="diff")
        await _stop(pilot, actor)
        await actor.do("diff.again", shows="5 tables of 6 differ")
        assert "2 differences of the schemas" in picture(pilot)
        assert "table later: only in live" in " ".join(picture(pilot).split())
        await actor.go("home", "down")
        await actor.do("diff.open", leads="TextDialog", shows="CREATE TABLE later")
        await actor.go("escape")
        shown = screen(pilot)
        assert isinstance(shown, DiffScreen)
        shown.table.move_to_key("later")
        await actor.go("R")
        assert any("lacks none" in said for said in toasts(pilot))
        shown.table.move_to_key("orders")
        await actor.do("diff.mark", changes=lambda: len(shown.marked))
        await actor.do("diff.rescue", leads="rescue", shows="5,059 to insert")
        await actor.go("escape")
        await actor.do("diff.open", leads="rows", shows="5,059 missing")
        await _in_rows(pilot, actor)
        await actor.do("rescue.again", leads="rescue", shows="2 to insert")
        await actor.do("rescue.update", shows="1 to update")
        await actor.do("rescue.triggers", shows="kept out: noted (T)")
        await actor.go("T", "K", "y")
        await actor.do("rescue.run", leads="NameDialog")
        await type_text(pilot, "shop.db")
        await actor.go("enter")
        assert "rescued" in picture(pilot)
        assert rows(production, "later") == {1, 2}, "the trigger has noted both"


async def _stop(pilot: Pilot[None], actor: Actor) -> None:
    """Begin a comparison that would never end, and stop it."""

    def endless(_: Path, __: Path, report: Report) -> Found:
        while True:
            report.cancel.check()
            threading.Event().wait(0.01)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(diff, "compare", endless)
        await pilot.press("r")
        await pilot.press("x")
        await actor.note("diff.stop")
    assert "stopped" in picture(pilot)


async def _in_rows(pilot: Pilot[None], actor: Actor) -> None:
    """Look at rows of every kind, and choose two that are missing and one that changed."""
    shown = screen(pilot)
    assert isinstance(shown, DiffRowsScreen)
    assert shown.source.row(0) is not None
    assert shown.pair.source.row_count() == 5
    await actor.do("rows.open", changes="focus")
    await actor.go("enter")
    await actor.do("rows.only", changes=lambda: shown.source.only)
    assert shown.source.only == "-"
    await actor.do("rows.mark", changes=lambda: len(shown.marked))
    await actor.go("space", "f")
    assert shown.source.only == "~"
    assert "≠ status" in picture(pilot)
    assert "→" in picture(pilot)
    await actor.go("space", "f")
    assert shown.source.only == "+"
    await actor.go("space")
    assert any("nothing to rescue" in said for said in toasts(pilot)), "nothing to give back"
    assert len(shown.marked) == 3
    await actor.do("rows.rescue", leads="rescue", shows="1 to update")
    found = screen(pilot)
    assert isinstance(found, RescueScreen)
    assert found.wish.where.startswith('"id" IN (')
    assert "-where" in found.copyable()
    await actor.go("c")


def _change_since(production: Path) -> None:
    """Add a table and a trigger to production, as a migration might have done since."""
    connection = apsw.Connection(str(production))
    try:
        connection.execute(
            "CREATE TABLE later (id INTEGER PRIMARY KEY, what);"
            "CREATE TRIGGER noted AFTER INSERT ON orders BEGIN INSERT INTO later (what) VALUES (new.id); END"
        )
    finally:
        connection.close()


@pytest.fixture
def nowhere(settings: Settings) -> Settings:
    """The incident on a machine that does not have the production databases."""
    databases = tuple(
        dataclasses.replace(database, path=Path("/srv/nowhere") / database.name)
        for database in settings.databases
    )
    return dataclasses.replace(settings, databases=databases)


async def test_without_production_the_reason_is_said(nowhere: Settings) -> None:
    async with opened(make_console(nowhere), SMALL) as pilot:
        await press(pilot, "B", "enter", "enter")
        assert "no file /srv/nowhere/shop.db here" in picture(pilot)
        assert len(table(pilot, "#tables").shown_columns) == 2
        await press(pilot, "D")
        assert any("no production file" in said for said in toasts(pilot))
        assert view(pilot) == "workbench"
        await settle(pilot)


async def test_hostile_names_and_values_are_shown_and_nothing_else(own: Settings) -> None:  # noqa: F811
    production = own.database("shop.db").path
    scratch = production.with_name("restored.db")
    names = ("[@click=app.quit]x[/]", "\x1b[2J\x1b[31mred", "line\nbreak\u202e\u2028end")
    for path, rows in ((scratch, 2), (production, 1)):
        path.unlink(missing_ok=True)
        _nasty(path, names, rows)
    async with opened(make_console(own), SMALL) as pilot:
        screen(pilot).console.open_diff(scratch, production)
        await settle(pilot)
        shown = screen(pilot)
        assert isinstance(shown, DiffScreen)
        assert len(shown.found.differing) == len(names)
        seen = picture(pilot)
        for name in names:
            assert shown.table.move_to_key(name)
            await press(pilot, "enter")
            assert view(pilot) == "rows"
            seen += picture(pilot)
            await press(pilot, "R")
            assert view(pilot) == "rescue", picture(pilot)
            assert "1 to insert" in picture(pilot)
            seen += picture(pilot)
            await press(pilot, "escape", "escape")
        assert offending(seen.replace("\n", "")) == set()


def _nasty(path: Path, names: tuple[str, ...], rows: int) -> None:
    """Write tables of these names with every hostile text in names of columns, in keys and in values."""
    texts = [text[:5000] for text in HOSTILE if text.isprintable() or not text.startswith("\ud800")]
    code = """
import json, sqlite3, sys
path, rows, names, texts = json.loads(sys.stdin.read())
connection = sqlite3.connect(path)
quote = lambda text: '"' + text.replace(chr(0), "").replace('"', '""')[:200] + '"'
for name in names:
    columns = ", ".join(quote(text + str(number)) for number, text in enumerate(texts))
    connection.execute(f"CREATE TABLE {quote(name)} (k TEXT PRIMARY KEY, {columns})")
    for row in range(rows):
        marks = ", ".join("?" for _ in texts)
        connection.execute(f"INSERT INTO {quote(name)} VALUES (?, {marks})", (name + str(row), *texts))
connection.commit()
"""
    given = json.dumps([str(path), rows, names, texts])
    subprocess.run([sys.executable, "-c", code], input=given, text=True, check=True, timeout=60)
