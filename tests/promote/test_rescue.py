"""A rescue writes the missing rows and nothing else, all or none, and its inverse takes it back exactly."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sqlite_recovery_tui.errors import RefusedError, UsageError
from sqlite_recovery_tui.promote.rescue import Rescue, RescueResult, plan_rescue
from tests.support.sql_process import SqlProcess

SCHEMA = """
PRAGMA journal_mode = wal;
CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE bill (id INTEGER PRIMARY KEY, customer INTEGER REFERENCES customer (id), total, note);
CREATE TABLE tag (k TEXT PRIMARY KEY, v) WITHOUT ROWID;
CREATE TABLE plain (a, "odd ""name?" DEFAULT 0);
CREATE TABLE log (what);
CREATE TRIGGER booked AFTER INSERT ON bill BEGIN INSERT INTO log VALUES ('bill ' || new.id); END;
INSERT INTO customer VALUES (1, 'Ada'), (2, 'Bob' || char(0) || 'by');
INSERT INTO bill VALUES (1, 1, 9.5, NULL), (2, 1, 1e999, x'00ff'), (3, 2, 3, CAST(x'61ff' AS TEXT));
INSERT INTO tag VALUES ('a', 1), ('b', 2);
INSERT INTO plain VALUES ('it''s', 1), ('two', 2);
DELETE FROM log;
"""
DISASTER = """
DELETE FROM bill WHERE customer = 2;
DELETE FROM customer WHERE id = 2;
DELETE FROM tag WHERE k = 'b';
UPDATE bill SET total = 0;
DELETE FROM plain WHERE a = 'two';
INSERT INTO customer VALUES (7, 'new since');
"""


def script(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(sql)


def dump(path: Path) -> list[str]:
    """Return every row of every table, types and bytes included."""
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1")
        return [f"{name} {row}" for (name,) in names for row in connection.execute(_typed(connection, name))]


def _typed(connection: sqlite3.Connection, table: str) -> str:
    names = [row[1].replace('"', '""') for row in connection.execute(f"PRAGMA table_info({table})")]
    cells = ", ".join(f'typeof("{name}"), hex(CAST("{name}" AS BLOB))' for name in names)
    return f"SELECT {cells} FROM {table} ORDER BY 1, 2"


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    script(tmp_path / "scratch.db", SCHEMA)
    return tmp_path / "scratch.db"


@pytest.fixture
def production(tmp_path: Path) -> Path:
    (tmp_path / "srv").mkdir()
    script(tmp_path / "srv" / "app.db", SCHEMA + DISASTER)
    return tmp_path / "srv" / "app.db"


def rescue(scratch: Path, production: Path, *tables: str, **more: object) -> RescueResult:
    own = {name: more.pop(name) for name in ("update", "where") if name in more}
    with plan_rescue(scratch, production, tables, **own) as plan:  # type: ignore[arg-type]
        return Rescue(plan, **more).run("app.db")  # type: ignore[arg-type]


def test_missing_rows_come_back_and_what_is_new_stays(scratch: Path, production: Path) -> None:
    before = dump(production)
    done = rescue(scratch, production)
    assert done.rows == 4
    with closing(sqlite3.connect(production)) as connection:
        assert connection.execute("SELECT id FROM customer ORDER BY 1").fetchall() == [(1,), (2,), (7,)]
        assert connection.execute("SELECT total FROM bill ORDER BY id").fetchall() == [(0,), (0,), (3,)]
        assert connection.execute("SELECT * FROM log").fetchall() == [("bill 3",)], "its own trigger"
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []

    script(production, done.undo.read_text() + "DELETE FROM log;")
    assert dump(production) == before


def test_changed_rows_are_set_back_when_asked_and_triggers_left_out(scratch: Path, production: Path) -> None:
    before = dump(production)
    done = rescue(scratch, production, update=True, triggers=False)
    assert done.rows == 6
    script(production, "DELETE FROM customer WHERE id = 7")
    assert dump(production) == dump(scratch), "every type, every byte"
    script(production, "INSERT INTO customer VALUES (7, 'new since');" + done.undo.read_text())
    assert dump(production) == before


def test_tables_and_rows_can_be_chosen(scratch: Path, production: Path) -> None:
    assert rescue(scratch, production, "tag").rows == 1
    assert rescue(scratch, production, "bill", update=True, where="id = 1").rows == 1
    with closing(sqlite3.connect(production)) as connection:
        assert connection.execute("SELECT total FROM bill ORDER BY id").fetchall() == [(9.5,), (0,)]


def test_keys_that_would_point_nowhere_are_refused_and_named(scratch: Path, production: Path) -> None:
    before = dump(production)
    with pytest.raises(RefusedError, match="bill row 3 → customer"):
        rescue(scratch, production, "bill")
    assert dump(production) == before
    assert {path.name for path in production.parent.iterdir()} == {"app.db"}


def test_what_pointed_nowhere_before_is_left_alone(scratch: Path, production: Path) -> None:
    script(production, "INSERT INTO bill VALUES (50, 99, 0, 'an orphan of its own')")
    assert rescue(scratch, production, "customer", "bill").rows == 2


def test_a_row_that_changed_since_ends_it_all(scratch: Path, production: Path) -> None:
    with plan_rescue(scratch, production, update=True) as plan:
        script(production, "UPDATE bill SET note = 'somebody was here' WHERE id = 1")
        before = dump(production)
        with pytest.raises(RefusedError, match="bill: the row id 1 changed since"):
            Rescue(plan).run("app.db")
    with plan_rescue(scratch, production) as plan:
        script(production, "INSERT INTO tag VALUES ('b', 'back already')")
        with pytest.raises(RefusedError, match="tag: the row k 'b' cannot be written"):
            Rescue(plan).run("app.db")
    script(production, "DELETE FROM tag WHERE k = 'b'")
    assert dump(production) == before
    assert not list(production.parent.glob("*.sql"))


def test_nothing_is_written_without_the_typed_name_or_while_it_is_busy(
    scratch: Path, production: Path
) -> None:
    before = dump(production)
    with plan_rescue(scratch, production) as plan:
        for typed in ("", "app", "scratch.db"):
            with pytest.raises(RefusedError, match="not confirmed"):
                Rescue(plan).run(typed)
        with SqlProcess(production) as application:
            application.rows("BEGIN IMMEDIATE")
            with pytest.raises(RefusedError, match=r"stayed busy for 0\.2 s"):
                Rescue(plan, wait_seconds=0.2).run("app.db")
    assert dump(production) == before


def test_the_plan_tells_tables_triggers_and_statements(scratch: Path, production: Path) -> None:
    with plan_rescue(scratch, production, update=True) as plan:
        told = {table.name: (table.inserts, table.updates, table.triggers) for table in plan.tables}
        assert told == {
            "bill": (1, 2, ("booked",)),
            "customer": (1, 0, ()),
            "plain": (1, 0, ()),
            "tag": (1, 0, ()),
        }
        assert 'INSERT INTO "tag" ("k", "v") VALUES (\'b\', 2);' in plan.sample
        assert any("CAST(X'61ff' AS TEXT)" in text for text in plan.sample)


def test_a_table_that_is_asked_for_must_be_there(scratch: Path, production: Path) -> None:
    script(production, "DROP TABLE tag")
    with pytest.raises(UsageError, match="production has no table tag"):
        plan_rescue(scratch, production, ["tag"])
    with plan_rescue(scratch, production) as plan:
        assert "tag" not in {table.name for table in plan.tables}


def test_columns_that_production_no_longer_has_stay_behind(scratch: Path, production: Path) -> None:
    script(scratch, "ALTER TABLE tag ADD COLUMN w DEFAULT 5")
    with plan_rescue(scratch, production, ["tag"]) as plan:
        assert plan.tables[0].left_only == ("w",)
        assert Rescue(plan).run("app.db").rows == 1


def test_the_inverse_undoes_the_last_first(scratch: Path, production: Path) -> None:
    """A row takes a unique value that another one had: only backwards do they come apart again."""
    script(
        scratch, "CREATE TABLE u (id INTEGER PRIMARY KEY, v UNIQUE); INSERT INTO u VALUES (1, 'c'), (2, 'a')"
    )
    script(production, "CREATE TABLE u (id INTEGER PRIMARY KEY, v UNIQUE); INSERT INTO u VALUES (1, 'a')")
    before = dump(production)
    done = rescue(scratch, production, "u", update=True)
    assert done.rows == 2
    script(production, done.undo.read_text())
    assert dump(production) == before


def test_an_interrupted_promote_is_put_in_order_first_and_nothing_written(
    scratch: Path, production: Path
) -> None:
    from sqlite_recovery_tui.promote.beside import Beside
    from sqlite_recovery_tui.promote.intent import Intent

    with plan_rescue(scratch, production) as plan:
        beside = Beside(production)
        Intent("online", "preparing", "", str(scratch), "2026-03-26T14:00:00+00:00").write(beside)
        before = dump(production)
        with pytest.raises(RefusedError, match="was interrupted"):
            Rescue(plan).run("app.db")
        assert dump(production) == before
        assert not beside.intent.exists()
