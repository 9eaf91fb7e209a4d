"""Rows can be paged at any depth, and no value, however large or odd, gets in the way."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing

import pytest

from sqlite_recovery_tui.errors import DamagedError, InspectorError, NotFoundError
from sqlite_recovery_tui.sqlite.inspector import Inspector
from sqlite_recovery_tui.sqlite.messages import Limits, decode_text

from .conftest import Inspect, Make, register

COUNT = 23_456
NUMBERS = f"WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT {COUNT})"
TABLES = {
    "dense": "CREATE TABLE t(x INTEGER PRIMARY KEY)",
    "sparse": "CREATE TABLE t(x)",
    "keyed": "CREATE TABLE t(x INT, name TEXT, PRIMARY KEY (name COLLATE NOCASE, x)) WITHOUT ROWID",
    "descending": "CREATE TABLE t(x INT, PRIMARY KEY (x DESC)) WITHOUT ROWID",
    "shadowed": "CREATE TABLE t(x, rowid, oid, _rowid_)",
}
ROWS = {
    "dense": "INSERT INTO t SELECT x + 17 FROM n",
    "sparse": "INSERT INTO t(rowid, x) SELECT x * x, x FROM n",
    "keyed": "INSERT INTO t SELECT x, printf('%c%c', 97 + x % 7, 65 + x % 5) FROM n",
    "descending": "INSERT INTO t SELECT x FROM n",
    "shadowed": "INSERT INTO t(x) SELECT x FROM n",
}


@pytest.mark.parametrize("shape", TABLES)
@pytest.mark.parametrize("counted", [False, True])
def test_pages_are_the_rows_in_order_wherever_one_jumps(
    make: Make, inspect: Inspect, shape: str, counted: bool
) -> None:
    path = make(f"{TABLES[shape]}; {NUMBERS} {ROWS[shape]}")
    with closing(sqlite3.connect(path)) as connection:
        expected = [x for (x,) in connection.execute("SELECT x FROM t NOT INDEXED")]
    inspector = inspect(path)
    if counted:
        assert inspector.count("t") == COUNT
    for offset in (0, 100, 5000, 5001, 12_345, 12_445, 3, COUNT - 150, COUNT - 50, COUNT - 1, 20_000, 10_001):
        page = inspector.rows("t", offset=offset, limit=100)
        assert [row[0].value for row in page.rows] == expected[offset : offset + 100], offset
        assert page.first == offset
        assert page.has_more == (offset + 100 < COUNT)
    for beyond in (COUNT, COUNT + 1, 1 << 62):
        page = inspector.rows("t", offset=beyond)
        assert (page.rows, page.has_more) == ((), False)


@pytest.mark.parametrize("step", [100, -100])
def test_deep_pages_read_what_they_show_and_not_what_lies_before(
    make: Make, inspect: Inspect, step: int
) -> None:
    def build(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE t(x, filler)")
        sql = "INSERT INTO t(rowid, x, filler) SELECT x * 2, x, hex(zeroblob(2000)) FROM n LIMIT 8000"
        connection.execute(f"{NUMBERS} {sql}")

    inspector = inspect(make(build), Limits(cell_bytes=16))
    for first in range(4000, 5000, 100):
        assert len(inspector.rows("t", offset=first).rows) == 100
    before = _bytes_read(inspector)
    for offset in range(5000 if step > 0 else 4900, 6000 if step > 0 else 4000, step):
        assert inspector.rows("t", offset=offset).rows[0][0].value == offset + 1
    assert _bytes_read(inspector) - before < 10_000_000, "1,000 rows of 4 kB"


def _bytes_read(inspector: Inspector) -> int:
    with open(f"/proc/{inspector.pid}/io") as file:
        return int(file.readline().split()[1])


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le", "UTF-16be"])
def test_values_arrive_as_they_are(make: Make, inspect: Inspect, encoding: str) -> None:
    def build(connection: sqlite3.Connection) -> None:
        connection.execute(f"PRAGMA encoding = '{encoding}'")
        connection.execute("CREATE TABLE t(a)")
        values = [
            None,
            0,
            -(1 << 63),
            (1 << 63) - 1,
            0.5,
            float("inf"),
            "",
            "ünï🦆\x1b[31m",
            "a\0b",
            b"",
            b"\x00\xff",
        ]
        connection.executemany("INSERT INTO t VALUES (?)", [(value,) for value in values])

    cells = [row[0] for row in inspect(make(build)).rows("t").rows]
    assert [cell.value for cell in cells] == [
        None,
        0,
        -(1 << 63),
        (1 << 63) - 1,
        0.5,
        float("inf"),
        "",
        "ünï🦆\x1b[31m",
        "a\0b",
        b"",
        b"\x00\xff",
    ]
    assert [cell.type for cell in cells[3:8]] == ["integer", "real", "real", "text", "text"]
    assert cells[-1].text == "x'00ff'"
    assert cells[0].text == "NULL"
    assert not any(cell.truncated for cell in cells)


def test_invalid_text_is_shown_with_replacements(make: Make, inspect: Inspect) -> None:
    path = make("CREATE TABLE t(a); INSERT INTO t VALUES (CAST(x'41ff42' AS TEXT))")
    assert inspect(path).rows("t").rows[0][0].value == "A�B"
    assert inspect(path).query("SELECT a FROM t").rows[0][0].value == "A�B"


def test_long_values_are_cut_and_their_size_is_told(make: Make, inspect: Inspect) -> None:
    path = make("""
        CREATE TABLE t(a, b);
        INSERT INTO t VALUES (printf('%.*c', 5000, 'ä'), zeroblob(70000));
    """)
    text, blob = inspect(path, Limits(cell_bytes=33)).rows("t").rows[0]
    assert (text.value, text.size_bytes, text.truncated) == ("ä" * 16, 10_000, True)
    assert text.text == "ä" * 16 + "…"
    assert (blob.value, blob.size_bytes, blob.truncated) == (bytes(33), 70_000, True)


def test_a_cut_through_a_character_is_no_replacement() -> None:
    assert decode_text("aä🦆".encode()[:-1], "UTF-8", cut=True) == "aä"
    assert decode_text("aä🦆".encode("utf-16-le")[:-2], "UTF-16le", cut=True) == "aä"


@pytest.mark.parametrize("size", [20_000_000, 300_000_000])
@pytest.mark.parametrize("kind", ["text", "blob"])
def test_a_huge_cell_costs_what_is_shown_of_it(make: Make, inspect: Inspect, kind: str, size: int) -> None:
    """The child may use 128 MB in all."""
    path = make(lambda connection: _huge(connection, kind, size))
    inspector = inspect(path, Limits(memory_bytes=128 << 20, cell_bytes=100))
    page = inspector.rows("t")
    cell = page.rows[0][1]
    assert (cell.type, cell.size_bytes, cell.truncated) == (kind, size, True)
    assert cell.value == (b"\0" * 100 if kind == "blob" else "\0" * 100)
    assert page.rows[1][1].value == "after"
    assert inspector.check("quick").verdict == "ok"


def _huge(connection: sqlite3.Connection, kind: str, size: int) -> None:
    connection.execute("PRAGMA page_size = 65536")
    connection.execute("PRAGMA journal_mode = OFF")
    connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, a)")
    value = "zeroblob(?)" if kind == "blob" else "CAST(zeroblob(?) AS TEXT)"
    connection.execute(f"INSERT INTO t VALUES (1, {value})", (size,))
    connection.execute("INSERT INTO t VALUES (2, 'after')")


def test_a_wide_table_is_cut_with_a_notice(make: Make, inspect: Inspect) -> None:
    names = [f"c{number}" for number in range(2000)]
    path = make(f"CREATE TABLE t({', '.join(names)}); INSERT INTO t(c0, c1999) VALUES ('first', 'last');")
    inspector = inspect(path)
    page = inspector.rows("t")
    assert len(page.columns) == len(page.rows[0]) == 256
    assert page.notice == "the first 256 of 2000 columns"
    assert inspector.query("SELECT * FROM t").notice == page.notice
    assert inspector.query("SELECT c1999 FROM t").rows[0][0].value == "last"
    assert len(inspector.tables()[0].columns) == 2000


def test_wide_pages_are_shorter_and_go_on(make: Make, inspect: Inspect) -> None:
    names = ", ".join(f"c{number}" for number in range(300))
    path = make(
        f"CREATE TABLE t({names}); {NUMBERS.replace(str(COUNT), '1200')} INSERT INTO t(c0) SELECT x FROM n"
    )
    inspector = inspect(path)
    offset, seen = 0, []
    while True:
        page = inspector.rows("t", offset=offset, limit=1000)
        seen += [row[0].value for row in page.rows]
        offset += len(page.rows)
        if not page.has_more:
            break
        assert 100 < len(page.rows) < 1000
    assert seen == list(range(1, 1201))


@pytest.mark.parametrize(
    "name", ["", '"', "a'b", "[x]", "🦆", "\x1b[31mred", "a\nb", "sqlite", "5", "t;--", "ünï"]
)
def test_any_name_can_be_browsed(make: Make, inspect: Inspect, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    path = make(f"CREATE TABLE {quoted}({quoted} TEXT, x); INSERT INTO {quoted} VALUES ('value', 1);")
    inspector = inspect(path)
    assert [(table.name, table.columns[0].name) for table in inspector.tables()] == [(name, name)]
    page = inspector.rows(name)
    assert page.columns == (name, "x")
    assert page.rows[0][0].value == "value"
    assert inspector.count(name) == 1
    assert inspector.check("full").verdict == "ok"


def test_an_unknown_table_is_told_with_its_nearest(make: Make, inspect: Inspect) -> None:
    inspector = inspect(make("CREATE TABLE customers(a); CREATE TABLE orders(a)"))
    with pytest.raises(NotFoundError) as caught:
        inspector.rows("custmers")
    assert "'customers'" in caught.value.hint
    assert inspector.count("CUSTOMERS") == 0


def test_tables_tell_what_they_are(make: Make, inspect: Inspect) -> None:
    path = make("""
        CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT NOT NULL UNIQUE, c AS (a + 1));
        CREATE INDEX i ON t(b) WHERE b > 'x';
        CREATE TABLE w(a, b, PRIMARY KEY (b, a)) WITHOUT ROWID;
        CREATE VIEW v AS SELECT * FROM t;
        CREATE VIRTUAL TABLE f USING fts5(body);
    """)
    tables = {table.name: table for table in inspect(path).tables()}
    assert [(column.name, column.type, column.primary_key) for column in tables["t"].columns] == [
        ("a", "INTEGER", 1),
        ("b", "TEXT", 0),
        ("c", "", 0),
    ]
    assert (tables["t"].columns[1].not_null, tables["t"].columns[2].generated) == (True, True)
    assert {(index.name, index.unique, index.partial) for index in tables["t"].indexes} == {
        ("i", False, True),
        ("sqlite_autoindex_t_1", True, False),
    }
    assert [column.primary_key for column in tables["w"].columns] == [2, 1]
    assert (tables["t"].without_rowid, tables["w"].without_rowid) == (False, True)
    assert (tables["v"].kind, tables["v"].columns, tables["v"].sql) == (
        "view",
        (),
        "CREATE VIEW v AS SELECT * FROM t",
    )
    assert (tables["f"].kind, tables["f"].module) == ("virtual", "fts5")
    assert tables["f_data"].kind == "shadow"


def test_rows_of_views_and_virtual_tables_page_too(make: Make, inspect: Inspect) -> None:
    path = make(f"""
        CREATE TABLE t(x); {NUMBERS} INSERT INTO t SELECT x FROM n;
        CREATE VIEW v AS SELECT x * 2 AS double FROM t;
        CREATE VIRTUAL TABLE f USING fts5(body); INSERT INTO f SELECT 'word ' || x FROM t WHERE x < 300;
    """)
    inspector = inspect(path)
    assert [row[0].value for row in inspector.rows("v", offset=9000, limit=2).rows] == [18_002, 18_004]
    assert inspector.rows("v").columns == ("double",)
    assert inspector.count("v") == COUNT
    assert inspector.rows("f", offset=250, limit=1).rows[0][0].value == "word 251"


def test_tables_that_need_the_application_show_what_they_can(make: Make, inspect: Inspect) -> None:
    def build(connection: sqlite3.Connection) -> None:
        register(connection)
        connection.executescript("""
            CREATE TABLE tree(a TEXT COLLATE german PRIMARY KEY, b) WITHOUT ROWID;
            CREATE TABLE stems(a, b AS (stem(a)));
            INSERT INTO tree VALUES ('b', 1), ('A', 2);
            INSERT INTO stems(a) VALUES ('hello');
        """)

    inspector = inspect(make(build))
    assert {row[0].value for row in inspector.rows("tree").rows} == {"A", "b"}
    page = inspector.rows("stems")
    assert (page.columns, page.rows[0][0].value) == (("a",), "hello")
    assert "function stem" in page.notice
    assert "german" in inspector.query("SELECT a FROM tree ORDER BY a").notice


def test_a_damaged_table_shows_the_rows_before_the_damage(make: Make, inspect: Inspect) -> None:
    path = make(f"CREATE TABLE t(x); {NUMBERS} INSERT INTO t SELECT x FROM n")
    with closing(sqlite3.connect(path)) as connection:
        leaves = [page for (page,) in connection.execute("SELECT pageno FROM dbstat WHERE pagetype = 'leaf'")]
    with path.open("r+b") as file:
        file.seek((leaves[len(leaves) // 2] - 1) * 4096)
        file.write(b"\xee" * 100)
    inspector, offset = inspect(path), 0
    while not (page := inspector.rows("t", offset=offset, limit=1000)).notice:
        offset += len(page.rows)
    assert "malformed" in page.notice
    assert COUNT // 3 < offset + len(page.rows) < COUNT
    with pytest.raises(DamagedError, match="malformed"):
        inspector.rows("t", offset=offset + len(page.rows))


def test_hostile_objects_do_not_run_unless_they_are_asked_for(make: Make, inspect: Inspect) -> None:
    path = make("""
        CREATE TABLE t(a); INSERT INTO t VALUES (1);
        CREATE VIEW endless AS
            WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n;
        CREATE VIEW loads AS SELECT load_extension('evil.so') AS a;
        CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT load_extension('evil.so'); END;
    """)
    inspector = inspect(path, Limits(call_seconds=0.4, grace_seconds=0.3))
    assert len(inspector.tables()) == 3
    assert inspector.check("full").ok
    assert inspector.rows("t").rows[0][0].value == 1
    with pytest.raises(InspectorError, match="time limit"):
        inspector.rows("endless")
    with pytest.raises(InspectorError, match="unsafe use of load_extension"):
        inspector.rows("loads")


def test_views_that_unfold_without_end_cost_their_time_limit(make: Make, inspect: Inspect) -> None:
    """Each refers twice to the one below; SQLite resolves them without ever asking whether to stop."""
    views = "".join(f"CREATE VIEW v{n} AS SELECT x.a FROM v{n - 1} x, v{n - 1} y;" for n in range(1, 25))
    inspector = inspect(
        make(f"CREATE VIEW v0 AS SELECT 1 AS a; {views}"), Limits(call_seconds=0.5, grace_seconds=0.3)
    )
    assert len(inspector.tables()) == 25
    assert inspector.check("full").ok
    with pytest.raises(InspectorError):
        inspector.rows("v15")
    assert inspector.rows("v1").rows[0][0].value == 1


def test_ten_thousand_tables_are_no_burden(make: Make, inspect: Inspect) -> None:
    path = make(lambda connection: _many_tables(connection, 10_000))
    with path.open("r+b") as file:
        first = file.seek(0, os.SEEK_END) // 512
        file.write(bytes.fromhex("0d00000000020000").ljust(512, b"\0") * 10_000)
        file.seek(28)
        file.write((first + 10_000).to_bytes(4, "big"))
    inspector = inspect(path)
    assert len(inspector.tables()) == 10_000
    assert inspector.count("t9999") == 0
    report = inspector.check("full")
    assert report.ok
    assert report.seconds < 8
    assert inspector.foreign_keys().ok


def _many_tables(connection: sqlite3.Connection, count: int) -> None:
    """Write the schema of empty tables whose pages are to follow: as statements they would take long."""
    connection.execute("PRAGMA page_size = 512")
    connection.execute("PRAGMA writable_schema = ON")
    insert = "INSERT INTO sqlite_master VALUES ('table', ?1, ?1, ?2, 'CREATE TABLE ' || ?1 || '(id, a)')"

    def write(first: int) -> int:
        connection.execute("DELETE FROM sqlite_master")
        connection.executemany(insert, [(f"t{number}", first + number) for number in range(count)])
        return int(connection.execute("PRAGMA page_count").fetchone()[0])

    pages = write(100_000)
    while (now := write(pages + 1)) != pages:
        pages = now
