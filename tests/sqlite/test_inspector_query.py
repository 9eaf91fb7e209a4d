"""A statement of the operator reads, once, within its limits; anything else is a sentence."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from sqlite_recovery_tui.errors import Cancelled, InspectorError, TimedOut, UsageError
from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.sqlite.inspector import Inspector
from sqlite_recovery_tui.sqlite.messages import Limits

from .conftest import Inspect, Make

ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"


@pytest.fixture
def inspector(make: Make, inspect: Inspect) -> Inspector:
    return inspect(make("CREATE TABLE t(a, b); INSERT INTO t VALUES (1, 'one'), (2, NULL), (3, x'0304')"))


def values(inspector: Inspector, sql: str, limit: int = 1000) -> list[list[object]]:
    return [[cell.value for cell in row] for row in inspector.query(sql, limit=limit).rows]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT a, b FROM t", [[1, "one"], [2, None], [3, b"\x03\x04"]]),
        ("-- why\nselect count(*) from t;", [[3]]),
        ("/* a */ VALUES (1, 'x'), (2, 'y') -- the end", [[1, "x"], [2, "y"]]),
        ("WITH q AS (SELECT max(a) AS m FROM t) SELECT m FROM q ;;  ", [[3]]),
        ("SELECT a FROM t ORDER BY a DESC LIMIT 2", [[3], [2]]),
        ("SELECT ';' UNION ALL SELECT '--'", [[";"], ["--"]]),
        ("PRAGMA page_size", [[4096]]),
        ("SELECT name FROM pragma_table_info('t')", [["a"], ["b"]]),
        ("SELECT value FROM json_each('[1, 2]')", [[1], [2]]),
    ],
)
def test_statements_that_read_give_their_rows(inspector: Inspector, sql: str, expected: list[object]) -> None:
    assert values(inspector, sql) == expected


def test_columns_have_the_names_the_statement_gives_them(inspector: Inspector) -> None:
    assert inspector.query('SELECT a AS "a b", a AS "a b", count(*) FROM t').columns == (
        "a b",
        "a b",
        "count(*)",
    )
    assert inspector.query("SELECT a AS x FROM t WHERE 0").columns == ("x",)
    assert inspector.query("EXPLAIN QUERY PLAN SELECT * FROM t").columns[-1] == "detail"


def test_each_value_is_computed_once(inspector: Inspector) -> None:
    """A random blob whose size, type and bytes came from different calls would not fit together."""
    for _ in range(20):
        cells = inspector.query("SELECT randomblob(abs(random()) % 50 + a) FROM t").rows
        assert [len(str(cell.value, "latin-1")) for (cell,) in cells] == [
            cell.size_bytes for (cell,) in cells
        ]


def test_rows_beyond_the_limit_are_announced(inspector: Inspector) -> None:
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n"
    page = inspector.query(endless, limit=3)
    assert ([row[0].value for row in page.rows], page.has_more) == ([1, 2, 3], True)
    assert inspector.query("SELECT a FROM t", limit=3).has_more is False
    assert len(inspector.query(endless, limit=1_000_000).rows) == 10_000


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT FROM t", 'near "FROM": syntax error'),
        ("SELECT a FROM nowhere", "no such table: nowhere"),
        ("SELECT a FROM t WHERE a = ?", "parameters are not supported"),
        ("SELECT 1; SELECT 2", "one statement at a time"),
        ("SELECT 1; DROP TABLE t", "one statement at a time"),
        ("", "no statement"),
        (" -- nothing\n", "no statement"),
        ("INSERT INTO t VALUES (1, 2)", "read-only: INSERT into t"),
        ("UPDATE t SET a = 1", "read-only: UPDATE of t"),
        ("DELETE FROM t", "read-only: DELETE from t"),
        ("DELETE FROM t RETURNING a", "read-only: DELETE from t"),
        ("WITH q AS (SELECT 1) INSERT INTO t SELECT 1, 1 FROM q", "read-only: INSERT into t"),
        ("CREATE TABLE u(a)", "read-only"),
        ("CREATE TEMP TABLE u(a)", "read-only"),
        ("CREATE TEMP VIEW u AS SELECT 1", "read-only"),
        ("DROP TABLE t", "read-only"),
        ("ALTER TABLE t RENAME TO u", "read-only"),
        ("ATTACH 'other.db' AS other", "read-only: ATTACH"),
        ("ATTACH ':memory:' AS other", "read-only: ATTACH"),
        ("DETACH main", "read-only"),
        ("VACUUM INTO 'other.db'", "read-only"),
        ("VACUUM", "read-only"),
        ("BEGIN", "read-only"),
        ("SAVEPOINT s", "read-only"),
        ("REINDEX", "read-only"),
        ("ANALYZE", "read-only"),
        ("PRAGMA writable_schema = ON", "read-only: PRAGMA writable_schema"),
        ("PRAGMA trusted_schema = ON", "read-only: PRAGMA trusted_schema"),
        ("PRAGMA query_only = OFF", "read-only: PRAGMA query_only"),
        ("PRAGMA mmap_size = 1000000", "read-only: PRAGMA mmap_size"),
        ("PRAGMA journal_mode = DELETE", "read-only: PRAGMA journal_mode"),
        ("PRAGMA temp_store_directory = 'x'", "read-only: PRAGMA temp_store_directory"),
        ("SELECT * FROM pragma_wal_checkpoint", "no such table"),
        ("SELECT load_extension('evil.so')", "read-only: the function load_extension()"),
        ("SELECT fts3_tokenizer('simple', x'00')", "read-only: the function fts3_tokenizer()"),
        ("SELECT readfile('/etc/hostname')", "readfile"),
        ("CREATE VIRTUAL TABLE temp.d USING dbstat", "read-only"),
    ],
)
def test_anything_else_is_refused_in_a_sentence(inspector: Inspector, sql: str, said: str) -> None:
    state = inspector.path.read_bytes()
    with pytest.raises(UsageError) as caught:
        inspector.query(sql)
    assert said in caught.value.message
    assert "\n" not in caught.value.message
    assert inspector.path.read_bytes() == state
    assert [path.name for path in inspector.path.parent.iterdir()] == ["app.db"]
    assert values(inspector, "SELECT count(*) FROM t") == [[3]]


def test_a_statement_is_stopped_at_its_time_limit(inspector: Inspector) -> None:
    pid = _pid(inspector)
    with pytest.raises(TimedOut, match="time limit"):
        inspector.query(ENDLESS, seconds=0.2)
    assert inspector.pid == pid, "SQLite stopped by itself; the child was not killed"


def test_a_statement_is_cancelled_at_once_from_another_thread(inspector: Inspector) -> None:
    pid, token = _pid(inspector), CancelToken()
    timer = threading.Timer(0.1, token.cancel)
    timer.start()
    with pytest.raises(Cancelled):
        inspector.query(ENDLESS, seconds=30, cancel=token)
    timer.join()
    assert inspector.pid == pid, "it stopped by itself before it would have been killed"


def test_a_statement_that_wants_too_much_memory_is_told_so(make: Make, inspect: Inspect) -> None:
    inspector = inspect(make("CREATE TABLE t(a)"), Limits(memory_bytes=200 << 20))
    pid = _pid(inspector)
    for sql in (
        "SELECT zeroblob(900000000)",
        "SELECT hex(zeroblob(300000000))",
        "WITH RECURSIVE n(x) AS (SELECT randomblob(9999) UNION ALL SELECT randomblob(9999) FROM n)"
        " SELECT count(DISTINCT x) FROM n",
    ):
        with pytest.raises(InspectorError, match="memory"):
            inspector.query(sql, seconds=20)
    assert inspector.pid == pid


def test_a_very_long_statement_is_refused(inspector: Inspector) -> None:
    with pytest.raises(UsageError, match="longer than"):
        inspector.query("SELECT '" + "x" * (1 << 20) + "'")
    assert values(inspector, "SELECT length('" + "x" * 1_000_000 + "')") == [[1_000_000]]


def _pid(inspector: Inspector) -> int:
    inspector.summary()
    assert inspector.pid
    return inspector.pid


def test_values_of_any_size_are_cut(inspector: Inspector) -> None:
    cell = inspector.query("SELECT printf('%.*c', 3000000, 'x')").rows[0][0]
    assert (cell.size_bytes, cell.truncated) == (3_000_000, True)
    assert cell.value == "x" * 1024


def test_nothing_is_written_into_the_working_directory(
    inspector: Inspector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "elsewhere"
    place.mkdir()
    monkeypatch.chdir(place)
    values(inspector, "SELECT a FROM t ORDER BY b")
    assert list(place.iterdir()) == []
