"""Little is fetched, in few calls, and nothing twice: looking at a large database costs what is shown."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sqlite_recovery_tui.sqlite.inspector import Inspector
from sqlite_recovery_tui.sqlite.lazy.source import FetchLimits
from tests.support.pages import FilePages, counting

NUMBERS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT {}) "
ROWS = 50_000
PAGE = 4096


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of more than 200 MB, the tables of interest in the midst of others."""
    path = tmp_path_factory.mktemp("large") / "app.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        for number in range(20):
            connection.execute(f"CREATE TABLE other{number}(a, b)")
        connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, filler TEXT)")
        connection.execute("CREATE INDEX t_name ON t(name)")
        connection.execute("CREATE TABLE files(id INTEGER PRIMARY KEY, body BLOB, name TEXT)")
        connection.execute("CREATE TABLE last(id INTEGER PRIMARY KEY, body BLOB)")
        connection.execute("INSERT INTO other0 VALUES (zeroblob(80000000), 1)")
        connection.execute(
            f"{NUMBERS.format(ROWS)} INSERT INTO t SELECT x * 2, printf('%d', x * 7919 % {ROWS}),"
            " printf('%.*c', 900, 'x') FROM n"
        )
        connection.execute(f"{NUMBERS.format(300)} INSERT INTO files SELECT x, zeroblob(30000), 'n' FROM n")
        connection.execute(f"{NUMBERS.format(300)} INSERT INTO last SELECT x, zeroblob(100000) FROM n")
        connection.execute("INSERT INTO other1 VALUES (zeroblob(40000000), 1)")
        connection.commit()
    assert path.stat().st_size > 200_000_000
    return path


@pytest.fixture
def source(large: Path) -> FilePages:
    return FilePages(large)


@pytest.fixture
def inspector(large: Path, source: FilePages, tmp_path: Path) -> Iterator[Inspector]:
    with Inspector(tmp_path / "preview", pages=source) as inspector:
        yield inspector
        asked = [number for call in source.calls for number in call]
        assert len(asked) == len(set(asked)), "nothing is fetched twice"
        assert inspector.fetched_pages == len(asked)
        assert inspector.fetched_bytes == PAGE * len(asked)


def test_schema_and_first_rows_cost_a_few_dozen_pages(inspector: Inspector, source: FilePages) -> None:
    assert inspector.fetched_bytes == 0
    assert len(inspector.tables()) == 23
    assert len(inspector.rows("t", limit=50).rows) == 50
    assert inspector.fetched_pages <= 60
    assert len(source.calls) <= 6


def test_what_was_fetched_is_not_fetched_again(inspector: Inspector, source: FilePages) -> None:
    first = inspector.rows("t", limit=50)
    with counting(source) as pages:
        assert inspector.rows("t", limit=50) == first
        assert inspector.query("SELECT name FROM t WHERE id = 100").rows
    assert not pages


def test_a_deep_page_reads_what_lies_before_once_and_in_large_pieces(
    inspector: Inspector, source: FilePages
) -> None:
    assert inspector.rows("t", offset=30_000, limit=100).rows[0][0].value == 60_002
    assert inspector.fetched_bytes < 30_000 * 1000 * 1.3
    assert len(source.calls) < 20
    before = len(source.calls)
    for offset in (30_100, 29_900, 15_000, 10_007):
        assert inspector.rows("t", offset=offset, limit=100).rows[0][0].value == 2 * offset + 2
    assert len(source.calls) - before <= 1


def test_a_count_reads_the_smallest_tree(inspector: Inspector, source: FilePages) -> None:
    assert inspector.count("t") == ROWS
    assert inspector.fetched_bytes < 2_000_000
    assert len(source.calls) < 15


def test_a_scan_keeps_its_pace_over_the_edges_of_interior_pages(
    inspector: Inspector, source: FilePages
) -> None:
    sql = "SELECT sum(length(filler)) FROM t"
    assert inspector.query(sql).rows[0][0].value == 900 * ROWS
    assert len(source.calls) < inspector.fetched_bytes / (4 << 20) + 10
    assert max(len(call) for call in source.calls) * PAGE <= FetchLimits().window_bytes


def test_a_backward_scan_is_read_ahead_backwards(inspector: Inspector, source: FilePages) -> None:
    rows = inspector.query("SELECT id FROM t ORDER BY id DESC", limit=3000).rows
    assert [row[0].value for row in rows] == list(range(2 * ROWS, 2 * ROWS - 6000, -2))
    assert len(source.calls) < 12
    assert inspector.fetched_bytes < 3000 * 1000 * 4


def test_lookups_here_and_there_fetch_little_each(inspector: Inspector, source: FilePages) -> None:
    rows = inspector.query("SELECT id FROM t WHERE filler > '' ORDER BY name LIMIT 400").rows
    assert len(rows) == 400
    assert inspector.fetched_pages < 3 * 400
    with counting(source) as pages:
        assert inspector.query("SELECT name FROM t WHERE id = 77778").rows
    assert len(pages) <= 16


def test_the_beginnings_of_large_values_cost_a_page_each(inspector: Inspector, source: FilePages) -> None:
    page = inspector.rows("last", limit=100)
    assert [row[1].size_bytes for row in page.rows] == [100_000] * 100
    assert all(len(row[1].value) == 1024 for row in page.rows)
    assert inspector.fetched_pages < 500
    assert len(source.calls) < 20


def test_a_column_behind_a_large_value_is_reached_in_large_pieces(
    inspector: Inspector, source: FilePages
) -> None:
    """Overflow pages are a chain: SQLite reads one after another."""
    page = inspector.rows("files", limit=100)
    assert [(row[1].size_bytes, row[2].value) for row in page.rows] == [(30_000, "n")] * 100
    assert inspector.fetched_bytes < 2 * 100 * 30_000
    assert len(source.calls) < 20


def test_rows_that_are_costly_make_a_shorter_page(large: Path, tmp_path: Path) -> None:
    source = FilePages(large)
    with Inspector(tmp_path / "preview", pages=source, fetch=FetchLimits(call_bytes=2 << 20)) as inspector:
        seen: list[object] = []
        while True:
            page = inspector.rows("files", offset=len(seen), limit=100)
            seen += [row[0].value for row in page.rows]
            if not page.has_more:
                break
            assert "costly to fetch" in page.notice
            assert 10 <= len(page.rows) < 100
        assert seen == list(range(1, 301))
