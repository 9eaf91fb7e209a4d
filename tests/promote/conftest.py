"""A production database and a file that is to take its place, each with rows that tell which one it is."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

Make = Callable[..., Path]


def make_database(
    path: Path,
    state: str,
    *,
    rows: int = 300,
    wal: bool = True,
    page_size: int = 4096,
    encoding: str = "UTF-8",
) -> Path:
    """Write a closed database whose every row says `state`."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA page_size = {page_size}")
        connection.execute(f"PRAGMA encoding = '{encoding}'")
        connection.execute(f"PRAGMA journal_mode = {'wal' if wal else 'delete'}")
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, state TEXT, body TEXT)")
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO t (state, body) VALUES (?, ?)", [(state, f"{state} {n} " * 20) for n in range(rows)]
        )
        connection.execute("COMMIT")
    return path


def state_of(path: Path) -> tuple[str, int]:
    """Return which state a database holds, and how many rows of it; fails for a mix or a broken one."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        states = [row[0] for row in connection.execute("SELECT DISTINCT state FROM t")]
        count = connection.execute("SELECT count(*) FROM t").fetchone()[0]
        body = connection.execute("SELECT count(*) FROM t WHERE body NOT LIKE state || ' %'").fetchone()[0]
    assert len(states) == 1, states
    assert body == 0
    return states[0], count


@pytest.fixture
def production(tmp_path: Path) -> Path:
    """A database with a write-ahead log, as production's are."""
    folder = tmp_path / "srv"
    folder.mkdir()
    return make_database(folder / "app.db", "old")


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """What was restored."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    return make_database(folder / "app.db", "new", rows=400)
