"""A database whose pages come on demand answers as the same file does, whatever is in it."""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest

from sqlite_recovery_tui.errors import DamagedError, RecoverError
from sqlite_recovery_tui.sqlite.inspector import Inspector
from sqlite_recovery_tui.sqlite.lazy.btree import links
from sqlite_recovery_tui.sqlite.lazy.source import FetchLimits
from sqlite_recovery_tui.sqlite.messages import RowPage, TableInfo
from tests.support.pages import FilePages
from tests.support.soak import usually

from .conftest import Inspect, Make

TREES = """
    CREATE TABLE plain(a, b TEXT, c BLOB);
    CREATE TABLE keyed(id INTEGER PRIMARY KEY, name TEXT UNIQUE, amount REAL NOT NULL CHECK (amount >= 0));
    CREATE TABLE clustered(k TEXT COLLATE NOCASE, v INT, body, PRIMARY KEY (k, v)) WITHOUT ROWID;
    CREATE TABLE falling(k INT, PRIMARY KEY (k DESC)) WITHOUT ROWID;
    CREATE TABLE computed(a INT, twice AS (a * 2), text TEXT AS (printf('%.*c', a % 6000, 'z')) STORED);
    CREATE TABLE empty(a);
    CREATE INDEX plain_b ON plain(b, a);
    CREATE INDEX some ON keyed(amount) WHERE id % 3 = 0;
    CREATE VIEW joined AS SELECT k.name, p.a FROM keyed k JOIN plain p ON p.a = k.id;
    CREATE VIEW broken AS SELECT * FROM no_such_table;
    CREATE TRIGGER quiet AFTER DELETE ON plain BEGIN SELECT 1; END;
    CREATE VIRTUAL TABLE words USING fts5(text, content_rows UNINDEXED);
    CREATE VIRTUAL TABLE boxes USING rtree(id, left, right);
"""


def fill(connection: Any, seed: int) -> None:
    """Fill the tables with rows of all sizes, then make holes in them."""
    chance = random.Random(seed)
    size = lambda: chance.choice((0, 3, 80, 600, 600, 5000, 90_000 if chance.random() < 0.02 else 9))  # noqa: E731
    text = lambda: "".join(chance.choices("abcdeäß🦆 ", k=40)) * (size() // 40 + 1)  # noqa: E731
    rows = range(1, 300)
    execute = connection.executemany
    execute("INSERT INTO plain VALUES (?, ?, ?)", [(each, text(), chance.randbytes(size())) for each in rows])
    execute("INSERT INTO keyed VALUES (?, ?, ?)", [(each * 3, f"name {each}", each / 7) for each in rows])
    execute("INSERT INTO clustered VALUES (?, ?, ?)", [(text()[:9], each, text()) for each in rows])
    execute("INSERT INTO falling VALUES (?)", [(each * 7 % 1000,) for each in rows])
    execute("INSERT INTO computed(a) VALUES (?)", [(each * 11,) for each in rows if each % 9 == 0])
    execute("INSERT INTO words VALUES (?, ?)", [(text(), each) for each in rows])
    execute("INSERT INTO boxes VALUES (?, ?, ?)", [(each, each, each + 5) for each in rows])
    for table in ("plain", "keyed"):
        connection.execute(f"DELETE FROM {table} WHERE rowid % 10 = {seed % 10} OR rowid BETWEEN 200 AND 260")


def build(path: Path, seed: int, *pragmas: str, reserved: int = 0) -> Path:
    """Build a database with apsw, which can do what the standard library cannot."""
    connection = apsw.Connection(str(path))
    with closing(connection):
        if reserved:
            connection.reserve_bytes("main", reserved)
        for pragma in ("synchronous = OFF", *pragmas):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        connection.execute(TREES)
        with connection:
            fill(connection, seed)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return path


def everything(inspector: Inspector) -> dict[str, Any]:
    """Ask an inspector all it can be asked; an error is an answer too."""
    answers: dict[str, Any] = {}

    def ask(name: str, question: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        try:
            answers[name] = question(*arguments, **options)
        except RecoverError as error:
            answers[name] = type(error), error.message
        return answers[name]

    ask("summary", inspector.summary)
    tables = [each for each in ask("tables", inspector.tables) if isinstance(each, TableInfo)]
    for name in (each.name for each in tables):
        for offset in (0, 37, 200, 5, 1_000_000):
            ask(f"{name} {offset}", inspector.rows, name, offset=offset, limit=30)
        total = ask(f"count of {name}", inspector.count, name)
        if isinstance(total, int) and total:
            ask(f"end of {name}", inspector.rows, name, offset=total - 1)
            ask(f"middle of {name}", inspector.rows, name, offset=total // 2)
        ask(f"query of {name}", inspector.query, f"SELECT * FROM {name} LIMIT 20")
        ask(f"last of {name}", inspector.query, f"SELECT * FROM {name} ORDER BY 1 DESC LIMIT 9")
    ask("free", inspector.query, "PRAGMA freelist_count")
    ask("no table", inspector.rows, "no such table")
    ask("no query", inspector.query, "SELEKT")
    ask("no writing", inspector.query, "DELETE FROM plain RETURNING a")
    for kind in ("quick", "full"):
        report = ask(kind, inspector.check, kind)
        answers[kind] = (report.verdict, report.messages)
    return answers


FEW, MANY = 8192, 4 << 20
"""Bytes that are asked for at a time."""


def assert_same_answers(path: Path, inspect: Inspect, *windows: int, damaged: bool = False) -> dict[str, Any]:
    """Compare the inspector of a file with those that get its pages, a few at a time or many."""
    expected = everything(inspect(path))
    for window in usually(windows, (FEW, MANY)):
        fetch = FetchLimits(checks=True, window_bytes=window)
        answers = everything(inspect(path, pages=FilePages(path), fetch=fetch))
        for question, answer in answers.items():
            if answer != expected[question]:
                assert damaged, question
                assert_reads_more(answer, expected[question])
        assert answers.keys() == expected.keys()
    return expected


def assert_reads_more(answer: Any, expected: Any) -> None:
    """What is damaged at the far end of a large value does not matter to who reads only its beginning."""
    assert isinstance(answer, RowPage), answer
    if isinstance(expected, RowPage):
        assert "cannot be read" in expected.notice
        assert answer.rows[: len(expected.rows)] == expected.rows
    else:
        assert expected[0] is DamagedError


@pytest.mark.parametrize(
    ("pragmas", "reserved"),
    [
        ((), 0),
        (("page_size = 512",), 0),
        (("page_size = 65536",), 0),
        (("page_size = 1024", "auto_vacuum = FULL"), 0),
        (("auto_vacuum = INCREMENTAL", "encoding = 'UTF-16le'"), 0),
        (("journal_mode = WAL", "encoding = 'UTF-16be'"), 0),
        (("page_size = 2048",), 32),
    ],
    ids=str,
)
def test_every_answer_is_that_of_the_whole_file(
    tmp_path: Path, inspect: Inspect, pragmas: tuple[str, ...], reserved: int
) -> None:
    path = build(tmp_path / "app.db", len(str(pragmas)) + reserved, *pragmas, reserved=reserved)
    answers = assert_same_answers(path, inspect, *((FEW,) if pragmas else (FEW, MANY)))
    assert answers["full"][0] == "ok"
    assert answers["count of plain"] > 150
    assert answers["summary"].journal_mode == ("wal" if "journal_mode = WAL" in pragmas else "rollback")


@pytest.mark.parametrize("seed", usually([0, 3], range(12)))
def test_garbage_has_the_same_faults(tmp_path: Path, inspect: Inspect, seed: int) -> None:
    """Pages overwritten with noise, with each other, with zeros: answers and errors stay the same."""
    path = build(tmp_path / "app.db", seed, "page_size = 1024")
    chance, data = random.Random(seed), bytearray(path.read_bytes())
    pages = len(data) // 1024
    for _ in range(2 + seed * 8):
        at = 1024 * chance.randrange(1 if seed % 2 else 3, pages)
        other = 1024 * chance.randrange(pages)
        data[at : at + 1024] = chance.choice(
            (chance.randbytes(1024), bytes(1024), data[other : other + 1024])
        )
        spot = 1024 * chance.randrange(pages) + chance.randrange(100, 1000)
        data[spot] ^= 1 << chance.randrange(8)
    path.write_bytes(data)
    assert_same_answers(path, inspect, FEW if seed else MANY, damaged=True)


def test_a_large_value_whose_beginning_is_lost_ends_the_rows(make: Make, inspect: Inspect) -> None:
    path = make("CREATE TABLE t(a); INSERT INTO t VALUES (zeroblob(16900)), (zeroblob(16900)), ('behind it')")
    data = bytearray(path.read_bytes())
    second = links(bytes(data[4096:8192]), 2, 4096).heads[1].to_bytes(4, "big")
    data[data.index(second, 4096)] = 1
    path.write_bytes(data)
    page = inspect(path, pages=FilePages(path)).rows("t")
    assert page == inspect(path).rows("t")
    assert len(page.rows) == 1
    assert "cannot be read" in page.notice


@pytest.mark.parametrize("header", [b"", b"SQLite format 3\0" + bytes(4080), bytes(8192), b"x" * 4096])
def test_what_is_no_database_is_none_either_way(tmp_path: Path, inspect: Inspect, header: bytes) -> None:
    path = tmp_path / "app.db"
    path.write_bytes(header)
    source = FilePages(path)
    source.page_size, source.pages = 4096, len(header) // 4096
    answers = [
        everything(inspect(path)),
        everything(inspect(path, pages=source, fetch=FetchLimits(checks=True))),
    ]
    assert answers[0] == answers[1]


def test_pages_behind_the_lock_page_are_found(make: Make, inspect: Inspect) -> None:
    """A file of more than 1 GiB, most of it a hole: what is written then lies behind the lock page."""
    path = make("PRAGMA page_size = 65536; CREATE TABLE t(id INTEGER PRIMARY KEY, a);")
    with open(path, "r+b") as file:
        file.truncate(1 << 30)
        os.pwrite(file.fileno(), (16384).to_bytes(4, "big"), 28)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.executemany(
            "INSERT INTO t(a) VALUES (?)", [(bytes(200_000),), ("here",), (bytes(70_000),)]
        )
    source = FilePages(path)
    assert source.pages > 16385 + 3
    inspector = inspect(path, pages=source)
    assert [row[1].size_bytes for row in inspector.rows("t").rows] == [200_000, 4, 70_000]
    assert inspector.query("SELECT hex(substr(a, 190000, 3)) FROM t").rows[0][0].value == "000000"
    assert inspector.summary().pages == source.pages
    assert any(number > 16385 for call in source.calls for number in call)
    assert not any(number == 16385 for call in source.calls for number in call)
