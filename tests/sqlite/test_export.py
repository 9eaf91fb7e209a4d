"""What is exported comes back: the same values from SQL, CSV and JSON, or no file at all."""

from __future__ import annotations

import csv
import io
import json
import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlite_recovery_tui.errors import (
    Cancelled,
    DamagedError,
    RefusedError,
    StatementError,
    TimedOut,
    UsageError,
)
from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.sqlite.child.write_sql import create_table
from sqlite_recovery_tui.sqlite.inspector import ExportForm, Inspector
from sqlite_recovery_tui.sqlite.save import Wanted, export, save_value
from sqlite_recovery_tui.sqlite.values import Spot
from sqlite_recovery_tui.sqlite.view import View
from tests.sqlite.conftest import Inspect, Make
from tests.support.properties import examples

BROKEN = "CAST(x'61ff62c3' AS TEXT)"


def exported(inspector: Inspector, form: ExportForm, table: str = "t", **more: Any) -> str:
    pieces: list[bytes] = []
    report = inspector.export(pieces.append, form=form, table=table, **more)
    assert report.bytes == sum(map(len, pieces))
    return b"".join(pieces).decode()


def loaded(sql: str, *queries: str) -> list[list[tuple[Any, ...]]]:
    """Run SQL on an empty database and return what each query gives; text as bytes."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(sql)
        connection.text_factory = bytes
        return [connection.execute(query).fetchall() for query in queries]


def there(path: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        connection.text_factory = bytes
        return connection.execute(query).fetchall()


VALUES = st.one_of(
    st.none(),
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    st.sampled_from(
        ["", "\0", "a\0\\0b", "it's", 'say "so"', "a,b\r\nc", "=1+1", " x ", "--", "\ufeff", "x'00'"]
    ),
    st.binary(max_size=30),
)
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=8)


@given(st.data())
@examples(30)
def test_every_form_brings_back_the_same_values(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    names = data.draw(st.lists(NAMES, min_size=1, max_size=4, unique_by=lambda name: name.lower()))
    types = [data.draw(st.sampled_from(["", "TEXT", "INTEGER", "REAL", "NUMERIC", "BLOB"])) for _ in names]
    rows = data.draw(st.lists(st.tuples(*[VALUES] * len(names)), max_size=8))
    encoding = data.draw(st.sampled_from(["UTF-8", "UTF-16le", "UTF-16be"]))
    table = data.draw(NAMES.filter(lambda name: not name.lower().startswith("sqlite_")))
    quoted = ['"' + name.replace('"', '""') + '"' for name in (*names, table)]
    path = tmp_path_factory.mktemp("export") / "app.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA encoding = '{encoding}'")
        columns = ", ".join(f"{name} {kind}" for name, kind in zip(quoted, types, strict=False))
        connection.execute(f"CREATE TABLE {quoted[-1]}({columns})")
        connection.executemany(f"INSERT INTO {quoted[-1]} VALUES ({','.join('?' * len(names))})", rows)
        connection.commit()
        stored = connection.execute(f"SELECT * FROM {quoted[-1]}").fetchall()
    with Inspector(path) as inspector:
        select = f"SELECT {', '.join(f'typeof({n}), {n}' for n in quoted[:-1])} FROM {quoted[-1]}"
        sql = exported(inspector, "sql", table)
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.executescript(sql)
            again = connection.execute(select).fetchall()
        assert list(map(repr, again)) == list(map(repr, _typed(stored)))
        by_query = exported(inspector, "sql", "", sql=f"SELECT * FROM {quoted[-1]}", name="copy")
        ((*same,),) = loaded(by_query, "SELECT * FROM copy")
        assert list(map(repr, same)) == list(map(repr, there_as_bytes(stored, "utf-8")))
        parsed = list(csv.reader(io.StringIO(exported(inspector, "csv", table), newline="")))
        assert parsed == [names, *([_as_csv(value) for value in row] for row in stored)]
        objects = json.loads(exported(inspector, "json", table))
        assert [list(each.values()) for each in objects] == [
            [_as_json(value) for value in row] for row in stored
        ]
        lines = exported(inspector, "jsonl", table).split("\n")[:-1]
        assert [json.loads(line) for line in lines] == objects


def _typed(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    kinds = {int: "integer", float: "real", str: "text", bytes: "blob", type(None): "null"}
    return [tuple(each for value in row for each in (kinds[type(value)], value)) for row in rows]


def there_as_bytes(rows: list[tuple[Any, ...]], codec: str) -> list[tuple[Any, ...]]:
    return [tuple(value.encode(codec) if isinstance(value, str) else value for value in row) for row in rows]


def _as_csv(value: Any) -> str:
    if value is None:
        return ""
    return f"x'{value.hex()}'" if isinstance(value, bytes) else str(value)


def _as_json(value: Any) -> Any:
    return {"blob": value.hex()} if isinstance(value, bytes) else value


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le"])
def test_sql_keeps_text_that_is_none_and_says_where_others_do_not(
    inspect: Inspect, make: Make, encoding: str
) -> None:
    broken = BROKEN if encoding == "UTF-8" else "CAST(x'00d86100' AS TEXT)"
    path = make(
        f"PRAGMA encoding = '{encoding}'; CREATE TABLE t(a); INSERT INTO t VALUES ({broken}), ('fine')"
    )
    inspector = inspect(path)
    (values,) = loaded(exported(inspector, "sql"), "SELECT CAST(a AS BLOB) FROM t")
    assert values == there(path, "SELECT CAST(a AS BLOB) FROM t")
    report = inspector.export(lambda _: None, form="csv", table="t")
    assert report.notices == ("1 text is not valid: U+FFFD stands for what is broken (SQL keeps every byte)",)


def test_large_values_go_through_in_pieces(inspect: Inspect, make: Make) -> None:
    size = 9_000_001
    path = make(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v, twice AS (id * 2)); INSERT INTO t(v) VALUES"
        f" (zeroblob({size})), (replace(hex(zeroblob({size // 2})), '00', 'é\"')), ('small')"
    )
    inspector = inspect(path)
    (found,) = loaded(exported(inspector, "sql"), "SELECT v, twice FROM t")
    assert found == there(path, "SELECT v, twice FROM t")
    objects = json.loads(exported(inspector, "json"))
    text = 'é"' * (size // 2)
    assert objects[0]["v"] == {"blob": "00" * size}
    assert objects[1]["v"] == text
    csv.field_size_limit(1 << 30)
    rows = list(csv.reader(io.StringIO(exported(inspector, "csv"), newline="")))
    assert rows[2][1] == text
    answer = exported(inspector, "jsonl", "", sql="SELECT v FROM t WHERE id = 2")
    assert json.loads(answer) == {"v": text}


def test_tables_of_every_kind_can_be_loaded_again(inspect: Inspect, make: Make) -> None:
    path = make(
        """
        CREATE TABLE plain(id INTEGER PRIMARY KEY AUTOINCREMENT, g AS (id + 1) STORED, v CHECK (v <> 2));
        CREATE TABLE keyed(k TEXT PRIMARY KEY, v) WITHOUT ROWID; -- said of it
        CREATE VIRTUAL TABLE words USING fts5(body);
        CREATE VIEW seen AS SELECT v, k, v FROM keyed;
        INSERT INTO plain(v) VALUES (1), (3); INSERT INTO keyed VALUES ('a', 1.5);
        INSERT INTO words VALUES ('hi');
        """
    )
    inspector = inspect(path)
    assert loaded(exported(inspector, "sql", "plain"), "SELECT id, g, v FROM plain") == [
        [(1, 2, 1), (2, 3, 3)]
    ]
    assert loaded(exported(inspector, "sql", "keyed"), "SELECT * FROM keyed") == [[(b"a", 1.5)]]
    assert loaded(exported(inspector, "sql", "words"), "SELECT * FROM words") == [[(b"hi",)]]
    assert loaded(exported(inspector, "sql", "seen"), "SELECT * FROM seen") == [[(1.5, b"a", 1.5)]]
    sequence = exported(inspector, "sql", "sqlite_sequence")
    assert loaded(sequence, 'SELECT * FROM "copy of sqlite_sequence"') == [[(b"plain", 2)]]
    assert json.loads(exported(inspector, "json", "seen")) == [{"v": 1.5, "k": "a", "v:1": 1.5}]


def test_rows_alone_go_into_a_table_that_is_there(inspect: Inspect, make: Make) -> None:
    path = make("CREATE TABLE t(a, b); INSERT INTO t VALUES (1, 'x')")
    sql = exported(inspect(path), "sql", create=False)
    assert loaded(f"CREATE TABLE t(b, a, c); {sql}", "SELECT a, b, c FROM t") == [[(1, b"x", None)]]


def test_the_view_decides_on_rows_order_and_columns(inspect: Inspect, make: Make) -> None:
    path = make(
        "CREATE TABLE t(a, b, c); CREATE INDEX by_b ON t(b);"
        "INSERT INTO t VALUES (1, 9, 0), (2, 8, 0), (3, 7, 0)"
    )
    view = View(order="by_b", where="a < 3", columns=("b", "a"))
    assert exported(inspect(path), "csv", view=view) == "b,a\r\n8,2\r\n9,1\r\n"
    assert loaded(exported(inspect(path), "sql", view=view), "SELECT * FROM t") == [[(8, 2), (9, 1)]]


@pytest.mark.parametrize(
    ("schema", "taken"),
    [
        ("CREATE TABLE t(a); DROP TABLE victim", False),
        ("DROP TABLE victim", False),
        ("CREATE TABLE t(a DEFAULT ';') -- and; so on", True),
        ("create table [t;](a) /* ; */", True),
        ("CREATE TABLE t(a) /* open", True),
    ],
)
def test_a_schema_cannot_smuggle_statements_into_the_file(schema: str, taken: bool) -> None:
    made = create_table("t", ["a"], schema)
    assert made.startswith(schema) == taken
    if not taken:
        assert made == 'CREATE TABLE "t"("a")'


def test_the_file_is_whole_private_and_never_replaces_one(
    inspect: Inspect, make: Make, tmp_path: Path
) -> None:
    path = make("CREATE TABLE t(a); INSERT INTO t VALUES (1), (2)")
    before = sorted(os.listdir(tmp_path))
    output = tmp_path / "out.csv"
    report = export(inspect(path), Wanted("t"), output, "csv")
    assert (report.rows, output.read_text()) == (2, "a\n1\n2\n")
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    assert sorted(os.listdir(tmp_path)) == sorted([*before, "out.csv"]), "nothing beside the database"
    with pytest.raises(RefusedError, match="exists already"):
        export(inspect(path), Wanted("t"), output, "csv")
    with pytest.raises(RefusedError, match="cannot write"):
        export(inspect(path), Wanted("t"), tmp_path / "nowhere" / "out.csv", "csv")


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"


def test_nothing_is_left_of_an_export_that_was_stopped(inspect: Inspect, make: Make, tmp_path: Path) -> None:
    inspector = inspect(make("CREATE TABLE t(a)"))
    output, cancel = tmp_path / "out.csv", CancelToken()

    def stop_soon(state: Any) -> None:
        if state.done > 1000:
            cancel.cancel()

    with pytest.raises(Cancelled):
        export(inspector, Wanted(sql=ENDLESS), output, "csv", progress=stop_soon, cancel=cancel)
    with pytest.raises(TimedOut):
        export(inspector, Wanted(sql=ENDLESS), output, "sql", seconds=0.2)
    with pytest.raises(StatementError):
        export(inspector, Wanted(sql="SELECT nosuch FROM t"), output, "csv")
    with pytest.raises(UsageError):
        export(inspector, Wanted(sql="DELETE FROM t"), output, "csv")
    assert os.listdir(tmp_path) == ["app.db"]


def test_damage_is_told_with_the_rows_before_it(inspect: Inspect, make: Make, tmp_path: Path) -> None:
    path = make(
        "CREATE TABLE t(a); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)"
        " INSERT INTO t SELECT hex(randomblob(100)) FROM n"
    )
    with path.open("r+b") as file:
        file.seek(4096 * 20)
        file.write(b"\xff" * 4096)
    with pytest.raises(DamagedError, match="rows can be read before the damage"):
        export(inspect(path), Wanted("t"), tmp_path / "out.sql", "sql")
    assert os.listdir(tmp_path) == ["app.db"]


def test_a_value_is_saved_byte_by_byte(inspect: Inspect, make: Make, tmp_path: Path) -> None:
    path = make("CREATE TABLE t(v); INSERT INTO t VALUES (x'00ff' || zeroblob(5000000))")
    assert save_value(inspect(path), Spot(0, 0, "v", "t"), tmp_path / "value.bin") == len(
        (tmp_path / "value.bin").read_bytes()
    )
