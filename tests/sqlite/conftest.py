"""Databases for the tests of the inspector, honest and crafted, and inspectors that are closed at the end."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from sqlite_recovery_tui.sqlite.inspector import Inspector
from sqlite_recovery_tui.sqlite.messages import Limits

Build = Callable[[sqlite3.Connection], object]
Make = Callable[..., Path]
Inspect = Callable[..., Inspector]

QUICK = Limits(call_seconds=5.0, grace_seconds=0.3, stall_seconds=5.0)


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Build a database from SQL, or with a function that gets a connection to it."""

    def build(content: str | Build, name: str = "app.db") -> Path:
        path = tmp_path / name
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA synchronous = OFF")
            if isinstance(content, str):
                connection.executescript(content)
            else:
                content(connection)
            connection.commit()
        return path

    return build


@pytest.fixture
def inspect() -> Iterator[Inspect]:
    """Start inspectors; they are closed when the test ends."""
    with ExitStack() as stack:
        yield lambda path, limits=QUICK, **pages: stack.enter_context(Inspector(path, limits=limits, **pages))


def rewrite_schema(connection: sqlite3.Connection, *changes: tuple[str, str]) -> None:
    """Replace the SQL of objects, by name, behind SQLite's back."""
    connection.commit()
    connection.execute("PRAGMA writable_schema = ON")
    for name, sql in changes:
        connection.execute("UPDATE sqlite_master SET sql = ? WHERE name = ?", (sql, name))
    connection.commit()


def register(connection: sqlite3.Connection) -> None:
    """Give a connection what an application would: a collation and a function."""
    connection.create_collation("german", lambda left, right: (left.lower() > right.lower()) - (left < right))
    connection.create_function("stem", 1, lambda word: str(word)[:3], deterministic=True)
