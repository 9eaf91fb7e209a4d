"""An untrusted file is opened so that nothing can be written or run, even past the first line of defence."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from sqlite_recovery_tui.sqlite.connect import immutable_uri, open_untrusted
from sqlite_recovery_tui.sqlite.guard import Guard

from .conftest import Make, rewrite_schema


@pytest.fixture
def path(make: Make) -> Path:
    return make("CREATE TABLE t(a); INSERT INTO t VALUES (1); CREATE VIRTUAL TABLE r USING rtree(id, x0, x1)")


WRITES = (
    "INSERT INTO t VALUES (2)",
    "INSERT INTO r_node VALUES (9, x'00')",
    "DELETE FROM r_rowid",
    "CREATE TABLE u(a)",
    "CREATE TEMP TABLE u(a)",
    "UPDATE sqlite_master SET sql = ''",
    "ATTACH ':memory:' AS other",
    "VACUUM INTO 'copy.db'",
)


@pytest.mark.parametrize("sql", WRITES)
@pytest.mark.parametrize("guarded", [True, False])
def test_nothing_can_be_written(path: Path, monkeypatch: pytest.MonkeyPatch, sql: str, guarded: bool) -> None:
    """The guard is one of several walls: without it the others hold."""
    monkeypatch.chdir(path.parent)
    before = path.read_bytes()
    with closing(open_untrusted(path)) as connection:
        if not guarded:
            connection.authorizer = None
        if not guarded and "TEMP" in sql:
            pytest.skip("temporary tables are in memory: only the guard denies them")
        with pytest.raises(apsw.Error):
            connection.execute(sql)
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == ["app.db"]


def test_the_protections_cannot_be_taken_off(path: Path) -> None:
    with closing(open_untrusted(path)) as connection:
        for pragma in (
            "query_only = OFF",
            "writable_schema = ON",
            "trusted_schema = ON",
            "cell_size_check = OFF",
        ):
            with pytest.raises(apsw.AuthError):
                connection.execute(f"PRAGMA {pragma}")
        settings = {
            name: connection.pragma(name)
            for name in ("query_only", "trusted_schema", "mmap_size", "cell_size_check")
        }
        assert settings["trusted_schema"] == 0
        assert settings["query_only"] == 1
        assert settings["mmap_size"] in (0, None)
        assert connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, -1) == 1
        assert connection.limit(apsw.SQLITE_LIMIT_ATTACHED) == 0


def test_a_schema_calls_no_function_that_acts(make: Make) -> None:
    path = make("CREATE VIEW v AS SELECT load_extension('evil.so'); CREATE VIEW w AS SELECT abs(-1) AS a")
    with closing(open_untrusted(path)) as connection:
        with pytest.raises(apsw.SQLError, match=r"unsafe use of load_extension|not authorized"):
            connection.execute("SELECT * FROM v")
        assert connection.execute("SELECT a FROM w").fetchall() == [(1,)]


def test_a_guard_says_what_it_denied(path: Path) -> None:
    guard = Guard()
    with closing(open_untrusted(path, guard=guard)) as connection:
        for sql, denied in (
            ("DELETE FROM t", "DELETE from t"),
            ("BEGIN", "TRANSACTION"),
            ("ANALYZE", "ANALYZE"),
        ):
            with pytest.raises(apsw.AuthError):
                connection.execute(sql)
            assert denied in guard.denied or sql == "ANALYZE"


@pytest.mark.parametrize(
    "name", [b"a b.db", b"a?mode=rwc&x.db", b"a#b%20c.db", b"\xff\xfe.db", "ü🦆.db".encode()]
)
def test_a_uri_means_exactly_the_file(path: Path, name: bytes) -> None:
    target = os.path.join(os.fsencode(path.parent), name)
    os.rename(path, target)
    with closing(open_untrusted(target)) as connection:
        assert connection.execute("SELECT a FROM t").fetchall() == [(1,)]
    assert immutable_uri(target).endswith("?mode=ro&immutable=1")
    assert os.listdir(os.fsencode(path.parent)) == [name]


def test_a_broken_schema_is_an_error_of_sqlite(make: Make) -> None:
    def build(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE t(a)")
        rewrite_schema(connection, ("t", "CREATE TABLE t(a,"))

    with pytest.raises(apsw.CorruptError, match="malformed database schema"):
        open_untrusted(make(build))
