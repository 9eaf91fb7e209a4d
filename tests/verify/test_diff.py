"""Two databases are compared row by row, exactly, whatever their tables are, and while one is written to."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlite_recovery_tui.errors import DamagedError, NotFoundError, RecoverError, UsageError
from sqlite_recovery_tui.sqlite.comparison import BrokenText, Comparison, RowChange, Shape
from sqlite_recovery_tui.verify.diff import TableDiff, comparing
from tests.support.sql_process import SqlProcess

Pair = Callable[..., tuple[Path, Path]]


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    """Make two databases: the same script on both, then one of its own on each."""

    def make(both: str, left: str = "", right: str = "") -> tuple[Path, Path]:
        paths = tmp_path / "left.db", tmp_path / "right.db"
        for path, own in zip(paths, (left, right), strict=True):
            path.unlink(missing_ok=True)
            with closing(sqlite3.connect(path)) as connection:
                connection.executescript(f"{both};{own}")
        return paths

    return make


def rows_of(left: Path, right: Path, table: str, **more: Any) -> tuple[TableDiff, list[tuple[Any, ...]]]:
    """Return how a table differs, with exact rows."""
    found: list[tuple[Any, ...]] = []

    def keep(_: Shape, change: RowChange) -> None:
        found.append((change.change, change.left, change.right))

    with comparing(left, right) as diff:
        return diff.table(table, on_row=keep, exact=True, **more), found


def test_rows_are_matched_by_primary_key(pair: Pair) -> None:
    left, right = pair(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a); INSERT INTO t VALUES (1,'x'),(2,'y'),(3,'z')",
        "DELETE FROM t WHERE id = 1",
        "UPDATE t SET a = 'w' WHERE id = 2; DELETE FROM t WHERE id = 3",
    )
    table, rows = rows_of(left, right, "t")
    assert (table.left_rows, table.right_rows) == (2, 2)
    assert (table.removed, table.changed, table.added) == (1, 1, 1)
    assert rows == [("~", (2, "y"), (2, "w")), ("-", (3, "z"), None), ("+", None, (1, "x"))]


@pytest.mark.parametrize(
    ("create", "key"),
    [
        ("CREATE TABLE t (k TEXT PRIMARY KEY, v)", ("k",)),
        ("CREATE TABLE t (k TEXT COLLATE NOCASE PRIMARY KEY, v)", ("k",)),
        ("CREATE TABLE t (k, v, PRIMARY KEY (k)) WITHOUT ROWID", ("k",)),
        ("CREATE TABLE t (k, v)", ("rowid",)),
        ("CREATE TABLE t (rowid, k, v)", ("_rowid_",)),
        ('CREATE TABLE t (k, v, "odd ""name?" DEFAULT 1)', ("rowid",)),
        ("CREATE TABLE t (k, v, g AS (k || v))", ("rowid",)),
    ],
)
def test_every_kind_of_key_works(create: str, key: tuple[str, ...], pair: Pair) -> None:
    left, right = pair(
        f"{create}; INSERT INTO t (k, v) VALUES ('a', 1), ('b', 2), ('c', 3)",
        right="UPDATE t SET v = 9 WHERE k = 'b'",
    )
    table, rows = rows_of(left, right, "t")
    assert table.key == key
    assert [row[0] for row in rows] == ["~"]
    assert (table.added, table.removed, table.changed) == (0, 0, 1)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1", "1.0"),
        ("'1'", "1"),
        ("'a'", "'A'"),
        ("x'61'", "'a'"),
        ("NULL", "''"),
        ("'a' || char(0) || 'b'", "'a' || char(0) || 'c'"),
        ("CAST(x'ff' AS TEXT)", "CAST(x'fe' AS TEXT)"),
        ("9e999", "-9e999"),
        ("1e-300", "2e-300"),
        ("9007199254740993", "9007199254740992"),
    ],
)
def test_values_differ_when_their_type_or_bytes_do(one: str, other: str, pair: Pair) -> None:
    create = "CREATE TABLE t (id INTEGER PRIMARY KEY, v COLLATE NOCASE)"
    left, right = pair(create, f"INSERT INTO t VALUES (1, {one})", f"INSERT INTO t VALUES (1, {other})")
    assert rows_of(left, right, "t")[0].changed == 1
    left, right = pair(f"{create}; INSERT INTO t VALUES (1, {one})")
    assert rows_of(left, right, "t")[0].is_same


def test_text_that_is_none_comes_as_bytes(pair: Pair) -> None:
    left, right = pair("CREATE TABLE t (v)", "INSERT INTO t VALUES (CAST(x'61ff' AS TEXT))")
    _, rows = rows_of(left, right, "t")
    assert rows == [("-", (1, BrokenText(b"a\xff")), None)]


def test_the_schema_is_compared_too(pair: Pair) -> None:
    left, right = pair(
        "CREATE TABLE t (a)",
        "CREATE TABLE gone (a); INSERT INTO gone VALUES (1), (2)",
        "CREATE INDEX i ON t (a); ALTER TABLE t ADD COLUMN b",
    )
    with comparing(left, right) as diff:
        assert [(change.kind, change.name) for change in diff.schema] == [
            ("index", "i"),
            ("table", "gone"),
            ("table", "t"),
        ]
        assert diff.tables() == ["gone", "t"]
        gone = diff.table("gone")
        assert (gone.left_rows, gone.right_rows, gone.removed) == (2, None, None)
        with pytest.raises(NotFoundError, match="there is no table 'none'"):
            diff.tables(["none"])


def test_what_cannot_be_matched_says_so(pair: Pair) -> None:
    left, right = pair("", "CREATE TABLE t (a PRIMARY KEY, b)", "CREATE TABLE t (a, b PRIMARY KEY)")
    with comparing(left, right) as diff:
        assert "key is not the same" in diff.table("t").problem
    left, right = pair("", "PRAGMA encoding = 'UTF-16'; CREATE TABLE t (a)", "CREATE TABLE t (a)")
    with pytest.raises(UsageError, match="encodings differ"), comparing(left, right):
        pass


def test_conditions_choose_rows_of_the_left(pair: Pair) -> None:
    left, right = pair(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a)", "INSERT INTO t VALUES (1,'x'),(2,'y'),(3,'y')"
    )
    _, rows = rows_of(left, right, "t", where="a = 'y' AND id < 3")
    assert rows == [("-", (2, "y"), None)]
    with comparing(left, right) as diff:
        refused = diff.table("t", where="1); DROP TABLE t; --")
    assert refused.problem


@pytest.mark.parametrize("flipped", [False, True])
def test_production_may_be_written_to_meanwhile(flipped: bool, pair: Pair) -> None:
    """It stands still for the comparison, and the other application is not held up."""
    scratch, live = pair(
        "PRAGMA journal_mode = wal; CREATE TABLE t (id INTEGER PRIMARY KEY, a); INSERT INTO t VALUES (1, 'x')"
    )
    with SqlProcess(live) as application:
        application.rows("INSERT INTO t VALUES (2, 'new')")
        sides = (live, scratch) if flipped else (scratch, live)
        with comparing(*sides) as diff:
            application.rows("INSERT INTO t VALUES (3, 'newer')")
            table = diff.table("t")
    assert (table.removed, table.added) == ((1, 0) if flipped else (0, 1))


def test_two_that_are_both_in_use_are_refused(pair: Pair) -> None:
    left, right = pair("PRAGMA journal_mode = wal; CREATE TABLE t (a)")
    with SqlProcess(left) as one, SqlProcess(right) as other:
        for process in (one, other):
            process.rows("SELECT count(*) FROM t")
        with pytest.raises(RecoverError, match="both in use"), comparing(left, right):
            pass


def test_a_damaged_side_is_an_error_in_words(pair: Pair) -> None:
    left, right = pair("CREATE TABLE t (a, b); INSERT INTO t SELECT 1, zeroblob(9000)")
    left.write_bytes(left.read_bytes()[:4096] + b"\xff" * 12288)
    with pytest.raises(DamagedError), comparing(left, right) as diff:
        diff.table("t")


VALUES = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(max_size=5),
    st.binary(max_size=5),
)
ROWS = st.dictionaries(st.integers(0, 6), st.tuples(VALUES, VALUES), max_size=6)


@settings(max_examples=25, deadline=None)
@given(ROWS, ROWS)
def test_the_differences_are_those_of_dictionaries(
    tmp_path_factory: pytest.TempPathFactory, one: dict[int, Any], other: dict[int, Any]
) -> None:
    folder = tmp_path_factory.mktemp("diff")
    for name, rows in (("left", one), ("right", other)):
        with closing(sqlite3.connect(folder / f"{name}.db")) as connection:
            connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a, b)")
            connection.executemany("INSERT INTO t VALUES (?, ?, ?)", [(k, *v) for k, v in rows.items()])
            connection.commit()
    _, found = rows_of(folder / "left.db", folder / "right.db", "t")

    def same(a: Any, b: Any) -> bool:
        return [(type(x), x) for x in a] == [(type(x), x) for x in b]

    expected = {("-", key) for key in one.keys() - other.keys()}
    expected |= {("+", key) for key in other.keys() - one.keys()}
    expected |= {("~", key) for key in one.keys() & other.keys() if not same(one[key], other[key])}
    assert {(change, (left or right)[0]) for change, left, right in found} == expected


def test_who_only_reads_the_restored_one_is_in_nobodys_way(pair: Pair) -> None:
    left, right = pair("CREATE TABLE t (a)", "INSERT INTO t VALUES (1), (2)")
    with left.open("rb") as file, SqlProcess(right) as writer:
        writer.rows("SELECT count(*) FROM t")
        with subprocess.Popen(["/bin/sleep", "60"], stdin=file) as reader:
            try:
                table, rows = rows_of(left, right, "t", where="a = 2")
            finally:
                reader.kill()
    assert [row[0] for row in rows] == ["-"]
    assert table.removed == 1


def test_a_condition_on_the_side_that_is_in_use_is_refused_not_forgotten(pair: Pair) -> None:
    left, right = pair("CREATE TABLE t (a)", "INSERT INTO t VALUES (1), (2)")
    with SqlProcess(left) as writer:
        writer.rows("PRAGMA journal_mode = wal")
        writer.rows("INSERT INTO t VALUES (3)")
        with pytest.raises(RecoverError, match="cannot be chosen"):
            rows_of(left, right, "t", where="a = 2")


MANY = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)"
WIDE = f"""
CREATE TABLE quiet (id INTEGER PRIMARY KEY, a); CREATE TABLE long (id INTEGER PRIMARY KEY, body);
CREATE TABLE keyed (k TEXT PRIMARY KEY, v) WITHOUT ROWID; CREATE TABLE busy (id INTEGER PRIMARY KEY, a);
{MANY} INSERT INTO quiet SELECT i, 'row ' || i FROM n; {MANY} INSERT INTO keyed SELECT 'k' || i, i FROM n;
{MANY} INSERT INTO busy SELECT i, 'row ' || i FROM n;
{MANY} INSERT INTO long SELECT i, printf('%09999d', i) FROM n WHERE i < 200;
"""


def compared(
    left: Path, right: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[dict[str, TableDiff], set[str]]:
    """Return how every table differs, and whose rows were compared."""
    found, read = {}, set()
    original = Comparison.changes
    with comparing(left, right) as diff:
        for name in diff.tables():

            def noted(self: Comparison, name: str = name, **more: Any) -> Iterator[RowChange]:
                read.add(name)
                return original(self, **more)

            monkeypatch.setattr(Comparison, "changes", noted)
            found[name] = diff.table(name)
    return found, read


def test_only_tables_with_a_page_that_differs_are_read(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    left, right = pair(WIDE)
    shutil.copyfile(left, right)
    for sql in (
        "UPDATE busy SET a = 'other' WHERE id = 1500",
        "UPDATE long SET body = printf('%09999d', 7) WHERE id = 150",
        "UPDATE keyed SET v = 0 WHERE k = 'k77'",
    ):
        with closing(sqlite3.connect(right)) as connection, connection:
            connection.execute(sql)
        found, read = compared(left, right, monkeypatch)
        table = sql.split()[1]
        assert read == {table}
        assert {name for name, each in found.items() if not each.is_same} == {table}
        assert {each.left_rows for each in found.values()} == {3000, 199}
        shutil.copyfile(left, right)


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE quiet ADD COLUMN b DEFAULT 5",
        "ALTER TABLE quiet RENAME COLUMN a TO b",
        "DROP TABLE quiet; CREATE TABLE quiet (id INTEGER PRIMARY KEY, a)",
        "PRAGMA page_size = 8192; VACUUM",
        "PRAGMA auto_vacuum = 1; VACUUM",
    ],
)
def test_a_table_that_was_made_or_laid_out_another_way_is_read(
    change: str, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    left, right = pair(WIDE)
    shutil.copyfile(left, right)
    with closing(sqlite3.connect(right)) as connection:
        connection.executescript(change)
    found, read = compared(left, right, monkeypatch)
    assert "quiet" in read
    assert found["busy"].is_same
    assert found["quiet"].removed == (3000 if "DROP" in change else 0)


def test_a_file_that_is_written_while_it_is_compared_gives_no_answer(pair: Pair) -> None:
    left, right = pair("CREATE TABLE t (a)", "INSERT INTO t VALUES (1), (2)")

    def write(_: Shape, __: RowChange) -> None:
        with left.open("r+b") as file:
            file.seek(-1, 2)
            file.write(b"x")
        os.utime(left, ns=(0, 0))

    with comparing(left, right) as diff:
        assert not diff.table("t").is_same
        with pytest.raises(RecoverError, match="was written while it was compared"):
            diff.table("t", on_row=write)
