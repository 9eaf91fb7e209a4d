"""A check tells what is sound, what is broken, and what only the application could tell."""

from __future__ import annotations

import os
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sqlite_recovery_tui.errors import Cancelled, NotFoundError, RefusedError, UsageError
from sqlite_recovery_tui.progress import CancelToken, Progress
from sqlite_recovery_tui.sqlite.messages import Limits

from .conftest import Inspect, Make, register, rewrite_schema

KINDS = ("quick", "full")
SHOP = """
    CREATE TABLE customers(id INTEGER PRIMARY KEY, name TEXT NOT NULL, mail TEXT UNIQUE);
    CREATE TABLE orders(id INTEGER PRIMARY KEY, customer REFERENCES customers, cents INT CHECK(cents >= 0));
    CREATE TABLE settings(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
    CREATE TABLE prices(net INT, gross AS (net * 119 / 100) STORED, shown AS (net || ' c'));
    CREATE INDEX big_orders ON orders(cents) WHERE cents > 1000;
    CREATE INDEX lower_names ON customers(lower(name));
    INSERT INTO customers SELECT value, 'customer ' || value, value || '@example.net'
        FROM (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n LIMIT 500)
              SELECT * FROM n);
    INSERT INTO orders SELECT id * 3, id, id * 7 FROM customers;
    INSERT INTO settings VALUES ('a', 1), ('b', x'00ff');
    INSERT INTO prices(net) VALUES (100), (250);
"""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "pragma",
    [
        "encoding = 'UTF-8'",
        "encoding = 'UTF-16le'",
        "encoding = 'UTF-16be'",
        "auto_vacuum = FULL",
        "page_size = 512",
    ],
)
def test_a_sound_database_is_ok(make: Make, inspect: Inspect, kind: str, pragma: str) -> None:
    inspector = inspect(make(f"PRAGMA {pragma}; {SHOP}"))
    report = inspector.check(kind)
    assert (report.verdict, report.messages, report.kind) == ("ok", (), kind)
    assert inspector.foreign_keys().ok


@pytest.mark.parametrize("kind", KINDS)
def test_search_and_spatial_tables_can_be_checked_and_read(make: Make, inspect: Inspect, kind: str) -> None:
    path = make("""
        CREATE VIRTUAL TABLE notes USING fts5(body);
        CREATE VIRTUAL TABLE letters USING fts4(body);
        CREATE VIRTUAL TABLE places USING rtree(id, x0, x1, y0, y1);
        INSERT INTO notes VALUES ('hello world');
        INSERT INTO letters VALUES ('dear world');
        INSERT INTO places VALUES (1, 2, 3, 4, 5);
    """)
    inspector = inspect(path)
    assert inspector.check(kind).verdict == "ok"
    assert inspector.rows("places").rows[0][1].value == 2.0
    assert (
        inspector.query("SELECT body FROM notes WHERE notes MATCH 'world'").rows[0][0].value == "hello world"
    )
    assert {table.name: table.kind for table in inspector.tables()}["places_node"] == "shadow"


def test_an_index_that_lost_a_row_is_damage_for_the_full_check_only(make: Make, inspect: Inspect) -> None:
    def build(connection: sqlite3.Connection) -> None:
        connection.executescript(
            "CREATE TABLE t(a); CREATE INDEX i ON t(a); INSERT INTO t VALUES (1), (2), (3);"
        )
        # Swapping the roots of two equal trees would be found by anyone; this changes one value of the table.
        connection.execute("CREATE TABLE u(a)")
        connection.execute("INSERT INTO u VALUES (1), (2), (9)")
        rows = dict(connection.execute("SELECT name, rootpage FROM sqlite_master"))
        connection.commit()
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_master SET rootpage = ? WHERE name = 't'", (rows["u"],))
        connection.execute("UPDATE sqlite_master SET rootpage = ? WHERE name = 'u'", (rows["t"],))

    inspector = inspect(make(build))
    assert inspector.check("quick").verdict == "ok"
    report = inspector.check("full")
    assert report.verdict == "damaged"
    assert any("missing from index i" in message for message in report.messages)


def test_a_page_that_belongs_to_nothing_is_damage(make: Make, inspect: Inspect) -> None:
    """A table at a time this is not seen: no table is the poorer for it."""
    path = make(lambda connection: connection.execute("CREATE TABLE t(a)"))
    with path.open("r+b") as file:
        file.seek(28)
        file.write((3).to_bytes(4, "big"))
        file.truncate(3 * 4096)
    for kind in KINDS:
        report = inspect(path).check(kind)
        assert report.verdict == "damaged"
        assert any("never used" in message for message in report.messages)


def test_one_page_under_two_tables_is_damage(make: Make, inspect: Inspect) -> None:
    def build(connection: sqlite3.Connection) -> None:
        connection.executescript("CREATE TABLE t(a); CREATE TABLE u(a); INSERT INTO t VALUES (1);")
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_master SET rootpage = 2")

    report = inspect(make(build)).check("full")
    assert report.verdict == "damaged"
    assert any("2nd reference to page 2" in message for message in report.messages)


@pytest.mark.parametrize("kind", KINDS)
def test_broken_constraints_are_damage(make: Make, inspect: Inspect, kind: str) -> None:
    """SQLite itself leaves CHECK constraints out when the file is read-only."""
    path = make("""
        CREATE TABLE t(a CHECK (a <> ')' AND a > 0), b /* check (b) */,
                       "check (c" CHECK ("check (c" IN (1, 2)));
        CREATE TABLE u(a NOT NULL);
        CREATE TABLE fine(a CHECK (length(a) < 5));
        PRAGMA ignore_check_constraints = ON;
        INSERT INTO t VALUES (1, 0, 1), (1, 0, 7);
        INSERT INTO u VALUES (1);
        INSERT INTO fine VALUES ('abc'), (NULL);
    """)
    report = inspect(path).check(kind)
    assert (report.verdict, report.messages) == ("damaged", ("CHECK constraint failed in t",))


@pytest.mark.parametrize("kind", KINDS)
def test_what_only_the_application_has_is_named_and_no_damage(
    make: Make, inspect: Inspect, kind: str
) -> None:
    def build(connection: sqlite3.Connection) -> None:
        register(connection)
        connection.executescript("""
            CREATE TABLE fine(a);
            CREATE TABLE words(a TEXT COLLATE german); CREATE INDEX by_word ON words(a);
            CREATE TABLE stems(a, b AS (stem(a)) NOT NULL); CREATE INDEX by_stem ON stems(stem(a));
            CREATE TABLE strict(a CHECK (stem(a) <> 'x'));
            CREATE TABLE tree(a TEXT COLLATE german PRIMARY KEY) WITHOUT ROWID;
            INSERT INTO words VALUES ('b'), ('A'), ('c'); INSERT INTO stems(a) VALUES ('hello'), ('abc');
            INSERT INTO tree VALUES ('b'), ('A'); INSERT INTO strict VALUES ('y');
            CREATE VIRTUAL TABLE geo USING rtree(id, x0, x1);
        """)
        rewrite_schema(connection, ("geo", "CREATE VIRTUAL TABLE geo USING spatialindex(id, x0, x1)"))

    report = inspect(make(build)).check(kind)
    assert report.verdict == "not-checkable"
    text = "\n".join(report.messages)
    assert "table words cannot be checked without the collation german" in text
    assert "table tree cannot be checked without the collation german" in text
    assert "table stems cannot be checked without the function stem" in text
    assert "CHECK constraints of table strict cannot be checked without the function stem" in text
    assert "table geo cannot be checked without the module spatialindex" in text
    assert "fine" not in text
    assert "the file" not in text


def test_damage_is_found_beside_what_cannot_be_checked(make: Make, inspect: Inspect) -> None:
    def build(connection: sqlite3.Connection) -> None:
        register(connection)
        connection.executescript("""
            CREATE TABLE words(a TEXT COLLATE german); CREATE INDEX by_word ON words(a);
            INSERT INTO words VALUES ('b'), ('A');
            CREATE TABLE t(a);
            INSERT INTO t SELECT randomblob(900) FROM (VALUES (1), (2), (3), (4), (5), (6), (7));
        """)

    path = make(build)
    with closing(sqlite3.connect(path)) as connection:
        root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 't'").fetchone()[0]
    with path.open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(b"\xee" * 64)
    for kind in KINDS:
        report = inspect(path).check(kind)
        assert report.verdict == "damaged"
        assert "table t: database disk image is malformed" in report.messages
        assert any("collation german" in message for message in report.messages)


def test_foreign_keys_are_checked_table_by_table(make: Make, inspect: Inspect) -> None:
    path = make("""
        CREATE TABLE parent(a, b);
        CREATE TABLE mismatch(x REFERENCES parent(a));
        CREATE TABLE city(id INTEGER PRIMARY KEY);
        CREATE TABLE person(id INTEGER PRIMARY KEY, city REFERENCES city);
        CREATE TABLE keyed(k TEXT PRIMARY KEY, city REFERENCES city) WITHOUT ROWID;
        INSERT INTO mismatch VALUES (1);
        INSERT INTO city VALUES (1);
        INSERT INTO person VALUES (7, 1), (8, 99);
        INSERT INTO keyed VALUES ('k', 98);
    """)
    report = inspect(path).foreign_keys()
    assert report.verdict == "damaged"
    assert report.kind == "foreign-keys"
    assert "row 8 of table person refers to a row of table city that is not there" in report.messages
    assert "a row of table keyed refers to a row of table city that is not there" in report.messages
    assert any("mismatch" in message for message in report.messages)


def test_a_foreign_key_that_cannot_work_is_a_message(make: Make, inspect: Inspect) -> None:
    path = make(
        "CREATE TABLE parent(a); CREATE TABLE child(x REFERENCES parent(a)); INSERT INTO child VALUES (1)"
    )
    report = inspect(path).foreign_keys()
    assert report.verdict == "not-checkable"
    assert "foreign key mismatch" in report.messages[0]


def test_messages_are_limited_and_it_is_said(make: Make, inspect: Inspect) -> None:
    path = make("""
        CREATE TABLE city(id INTEGER PRIMARY KEY); CREATE TABLE person(city REFERENCES city);
        INSERT INTO person WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 5000)
            SELECT x FROM n;
    """)
    report = inspect(path).foreign_keys()
    assert len(report.messages) == 101
    assert report.messages[-1] == "and more: only 100 are listed"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"SQLite format 3\0", "header cut short: 16 of 100 bytes"),
        (
            b"not a database at all, but longer than a header would be" * 20,
            "not a SQLite database, or an encrypted",
        ),
        (random.Random(1).randbytes(8192), "not a SQLite database, or an encrypted"),
    ],
)
def test_a_file_that_is_no_database_is_damaged(
    tmp_path: Path, inspect: Inspect, content: bytes, said: str
) -> None:
    path = tmp_path / "app.db"
    path.write_bytes(content)
    report = inspect(path).check("full")
    assert report.verdict == "damaged"
    assert any(said in message for message in report.messages), report.messages


def test_a_truncated_file_is_damaged(make: Make, inspect: Inspect) -> None:
    path = make(SHOP)
    os.truncate(path, path.stat().st_size // 2 // 4096 * 4096)
    assert inspect(path).check("quick").verdict == "damaged"


def test_a_schema_that_does_not_parse_is_damage(make: Make, inspect: Inspect) -> None:
    def build(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE t(a)")
        rewrite_schema(connection, ("t", "CREATE TABLE t(a, a, a"))

    report = inspect(make(build)).check("full")
    assert report.verdict == "damaged"
    assert "malformed database schema" in report.messages[0]


def test_a_file_that_is_not_there_or_no_file_is_an_error(tmp_path: Path, inspect: Inspect) -> None:
    with pytest.raises(NotFoundError, match=r"there is no file .*absent\.db"):
        inspect(tmp_path / "absent.db").check("quick")
    with pytest.raises(UsageError, match="is a directory"):
        inspect(tmp_path).check("quick")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="not a regular file"):
        inspect(tmp_path / "pipe").check("quick")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_one_may_not_read_is_refused(make: Make, inspect: Inspect) -> None:
    path = make(SHOP)
    path.chmod(0)
    with pytest.raises(RefusedError, match="permission denied"):
        inspect(path).check("quick")


@pytest.mark.parametrize(
    "name", ["a b?mode=rwc#x%41.db", "ünï🦆.db", os.fsdecode(b"\xff\xfe.db"), "'\";--.db"]
)
def test_any_file_name_can_be_opened(make: Make, inspect: Inspect, name: str) -> None:
    path = make(SHOP).rename(make(SHOP, "other.db").with_name(name))
    before = sorted(os.listdir(path.parent))
    assert inspect(path).check("quick").verdict == "ok"
    assert inspect(path).summary().pages > 5
    assert sorted(os.listdir(path.parent)) == before


def test_a_link_leads_to_the_file(make: Make, inspect: Inspect) -> None:
    path = make(SHOP)
    link = path.with_name("link.db")
    link.symlink_to(path)
    assert inspect(link).check("quick").verdict == "ok"


def test_the_summary_tells_of_the_whole(make: Make, inspect: Inspect) -> None:
    path = make(f"PRAGMA encoding = 'UTF-16le'; PRAGMA user_version = 7; PRAGMA application_id = 99; {SHOP}")
    summary = inspect(path).summary()
    assert summary.size_bytes == path.stat().st_size == summary.pages * summary.page_size
    assert (summary.encoding, summary.user_version, summary.application_id) == ("UTF-16le", 7, 99)
    assert (summary.journal_mode, summary.schema_objects, summary.notice) == ("rollback", 7, "")
    assert summary.sqlite_version == sqlite3.sqlite_version


def test_progress_names_the_tables_and_counts_the_pages(make: Make, inspect: Inspect) -> None:
    seen: list[Progress] = []
    inspector = inspect(make(SHOP))
    inspector.check("full", progress=seen.append)
    totals = {report.phase: (report.total, report.unit) for report in seen}
    assert totals["checking tables"] == (5, "tables")
    assert totals["accounting for pages"] == (inspector.summary().pages, "pages")
    inspector.check("quick", progress=seen.append)
    assert "checking pages" in {report.phase for report in seen}


def test_a_table_that_takes_long_is_named_while_it_does(make: Make, inspect: Inspect) -> None:
    seen: list[Progress] = []
    inspect(make(_large)).check("full", progress=seen.append)
    assert any((report.detail, report.unit) == ("t", "tables") for report in seen)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("vacuum", ["NONE", "INCREMENTAL"])
def test_free_pages_are_accounted_for(make: Make, inspect: Inspect, kind: str, vacuum: str) -> None:
    path = make(f"""
        PRAGMA page_size = 512; PRAGMA auto_vacuum = {vacuum};
        CREATE TABLE t(a); CREATE TABLE u(a);
        INSERT INTO t WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 500)
            SELECT zeroblob(900) FROM n;
        DELETE FROM t WHERE rowid > 100;
    """)
    assert inspect(path).summary().freelist_pages > 500
    assert inspect(path).check(kind).ok
    with path.open("r+b") as file:
        trunk = int.from_bytes(file.read(36)[32:], "big")
        file.seek((trunk - 1) * 512 + 8)
        stolen = file.read(4)
        file.seek((trunk - 1) * 512 + 12)
        file.write(stolen)
    report = inspect(path).check(kind)
    assert report.verdict == "damaged"
    assert any(f"2nd reference to page {int.from_bytes(stolen, 'big')}" in text for text in report.messages)
    assert any("never used" in text for text in report.messages)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        (32, 0, "never used"),
        (32, 99, "invalid page number"),
        (32, 2, "2nd reference to page 2"),
        (36, 7, "reelist"),
    ],
)
def test_a_freelist_that_leads_astray_is_damage(
    make: Make, inspect: Inspect, field: int, value: int, said: str
) -> None:
    path = make("CREATE TABLE t(a); CREATE TABLE gone(a); INSERT INTO t VALUES (1); DROP TABLE gone")
    with path.open("r+b") as file:
        file.seek(field)
        file.write(value.to_bytes(4, "big"))
    report = inspect(path).check("full")
    assert report.verdict == "damaged"
    assert any(said in text for text in report.messages), report.messages


def test_a_cancelled_check_is_cancelled_and_the_next_one_works(make: Make, inspect: Inspect) -> None:
    inspector = inspect(make(_large))
    token = CancelToken()
    with pytest.raises(Cancelled):
        inspector.check("full", progress=lambda _: token.cancel(), cancel=token)
    assert inspector.check("quick").ok


def test_the_time_limit_is_a_verdict(make: Make, inspect: Inspect) -> None:
    report = inspect(make(_large)).check("full", seconds=0.02)
    assert report.verdict == "timed-out"
    assert "time limit" in report.messages[-1]


def test_a_check_that_needs_too_much_memory_says_so(make: Make, inspect: Inspect) -> None:
    path = make("CREATE TABLE t(a CHECK (length(hex(zeroblob(a))) > 0)); INSERT INTO t VALUES (400000)")
    assert inspect(path).check("quick").ok
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute("UPDATE t SET a = 400000000")
    report = inspect(path, Limits(memory_bytes=256 << 20)).check("quick")
    assert report.verdict == "not-checkable"
    assert "memory" in report.messages[0]


def _large(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE t(a, b)")
    connection.execute("CREATE INDEX i ON t(b, a)")
    connection.execute(
        "INSERT INTO t WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 150000)"
        " SELECT x, abs(random() % 100000) FROM n"
    )
