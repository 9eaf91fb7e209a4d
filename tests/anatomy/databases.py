"""Databases with every kind of page that SQLite has, made by SQLite."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from sqlite_recovery_tui.anatomy.kinds import Kind
from sqlite_recovery_tui.anatomy.page import Page, parse_page


@dataclass(frozen=True)
class Made:
    """A database file, page by page."""

    path: Path
    page_size: int

    @property
    def data(self) -> bytes:
        return self.path.read_bytes()

    @property
    def pages(self) -> int:
        return self.path.stat().st_size // self.page_size

    def image(self, number: int) -> bytes:
        with self.path.open("rb") as file:
            file.seek((number - 1) * self.page_size)
            return file.read(self.page_size)

    def parse(self, number: int, kind: Kind | None = None) -> Page:
        return parse_page(self.image(number), number, kind=kind, pages=self.pages)


def make_database(path: Path, page_size: int, *, auto_vacuum: int = 0, rows: int = 400) -> Made:
    """Make a database with tables, indexes, long records, freed pages and holes in pages."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute(f"PRAGMA page_size = {page_size}")
    db.execute(f"PRAGMA auto_vacuum = {auto_vacuum}")
    db.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, born REAL)")
    db.execute("CREATE TABLE notes (body BLOB)")
    db.execute("CREATE TABLE keyed (word TEXT PRIMARY KEY, many) WITHOUT ROWID")
    db.execute("CREATE INDEX by_name ON people (name, born)")
    db.execute("CREATE INDEX by_body ON notes (body)")
    db.execute('CREATE TABLE "we\'ird [b]name" (x)')
    db.execute("BEGIN")
    db.executemany(
        "INSERT INTO people VALUES (?, ?, ?)",
        (
            (number * 7 - 300, f"person {number:05} " + "x" * (number % 50), number / 3)
            for number in range(rows)
        ),
    )
    sizes = (
        10,
        page_size,
        page_size * 3 + 17,
        100,
        page_size // 2,
        page_size + page_size // 9,
        2 * page_size,
    )
    db.executemany(
        "INSERT INTO notes VALUES (?)",
        ((bytes([n % 251]) * sizes[n % len(sizes)],) for n in range(rows // 8)),
    )
    db.executemany("INSERT INTO keyed VALUES (?, ?)", ((f"word {n}", n) for n in range(rows)))
    db.execute("COMMIT")
    db.execute("DELETE FROM people WHERE id % 3 = 0")
    db.execute("DELETE FROM notes WHERE rowid % 4 = 1")
    db.execute("UPDATE keyed SET many = NULL WHERE many % 5 = 0")
    db.close()
    return Made(path, page_size)
