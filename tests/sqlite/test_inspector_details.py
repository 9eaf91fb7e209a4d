"""A table in full from its schema, and single values in pieces or whole."""

from __future__ import annotations

import pytest

from sqlite_recovery_tui.errors import Cancelled, NotFoundError, UsageError
from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.sqlite.values import Spot
from sqlite_recovery_tui.sqlite.view import View
from tests.sqlite.conftest import Inspect, Make

SCHEMA = """
CREATE TABLE parent(id INTEGER PRIMARY KEY);
CREATE TABLE "od""d"(
  a INTEGER NOT NULL DEFAULT (1 + 1), b TEXT COLLATE NOCASE, c AS (a * 2),
  p REFERENCES parent ON DELETE CASCADE,
  PRIMARY KEY(b, a)
);
CREATE UNIQUE INDEX by_b ON "od""d"(b DESC, a);
CREATE INDEX some ON "od""d"(a) WHERE a > 1;
CREATE TRIGGER bite AFTER INSERT ON "od""d" BEGIN DELETE FROM parent; END;
CREATE VIEW seen AS SELECT a, b AS shown FROM "od""d";
INSERT INTO "od""d"(b) VALUES ('x');
"""


def test_everything_the_schema_says_of_a_table_is_told(inspect: Inspect, make: Make) -> None:
    found = inspect(make(SCHEMA)).details('od"d', sizes=True)
    assert found.sql.startswith("CREATE TABLE")
    assert [(each.name, each.type, each.primary_key) for each in found.columns] == [
        ("a", "INTEGER", 2),
        ("b", "TEXT", 1),
        ("c", "", 0),
        ("p", "", 0),
    ]
    assert found.columns[0].default == "1 + 1"
    assert found.columns[2].generated
    by_b = next(each for each in found.indexes if each.name == "by_b")
    assert by_b.columns == ("b COLLATE NOCASE DESC", "a")
    assert (by_b.unique, by_b.pageable, by_b.sql.startswith("CREATE UNIQUE")) == (True, True, True)
    assert not next(each for each in found.indexes if each.name == "some").pageable
    (key,) = found.foreign_keys
    assert (key.columns, key.table, key.referred, key.on_delete) == (("p",), "parent", (), "CASCADE")
    assert [each.name for each in found.triggers] == ["bite"]
    assert found.bytes == 4096
    assert by_b.bytes == 4096


def test_a_view_tells_its_columns_and_no_size(inspect: Inspect, make: Make) -> None:
    found = inspect(make(SCHEMA)).details("SEEN", sizes=True)
    assert [each.name for each in found.columns] == ["a", "shown"]
    assert found.bytes is None


def test_a_table_that_is_not_there_is_named(inspect: Inspect, make: Make) -> None:
    with pytest.raises(NotFoundError, match="parnt"):
        inspect(make(SCHEMA)).details("parnt")


BIG = 30 << 20


def test_a_value_comes_in_pieces_however_large_it_is(inspect: Inspect, make: Make) -> None:
    path = make(
        f"CREATE TABLE t(id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES (1, zeroblob({BIG}) || x'0102'),"
        " (2, 'text with é'), (3, 1e999), (4, NULL), (5, -9223372036854775808);"
        "UPDATE t SET v = CAST(v AS BLOB) WHERE id = 1"
    )
    inspector = inspect(path)

    def spot(row: int) -> Spot:
        return Spot(row, 1, "v", table="t")

    end = inspector.value(spot(0), first=BIG - 2, size=100)
    assert (end.type, end.size_bytes, end.data) == ("blob", BIG + 2, b"\0\0\x01\x02")
    assert not end.is_whole
    text = inspector.value(spot(1))
    assert (text.is_whole, text.text) == (True, "text with é")
    assert inspector.value(spot(1), size=11).text == "text with ", "a character is not cut in two"
    assert inspector.value(spot(2)).number == float("inf")
    assert inspector.value(spot(3)).type == "null"
    assert inspector.value(spot(4)).number == -(1 << 63)
    pieces: list[bytes] = []
    assert inspector.value_bytes(spot(0), pieces.append).size_bytes == BIG + 2
    assert b"".join(pieces) == bytes(BIG) + b"\x01\x02"
    with pytest.raises(NotFoundError):
        inspector.value(spot(5))


def test_a_value_is_that_of_the_row_in_the_view(inspect: Inspect, make: Make) -> None:
    path = make(
        "CREATE TABLE t(a, b); CREATE INDEX by_b ON t(b);"
        " INSERT INTO t VALUES ('one', 3), ('two', 1), ('three', 2)"
    )
    inspector = inspect(path)
    view = View(order="by_b", descending=True, where="b < 3")
    assert [inspector.value(Spot(row, 0, "a", "t", view)).text for row in (0, 1)] == ["three", "two"]


def test_a_value_of_an_answer_is_read_again_in_full(inspect: Inspect, make: Make) -> None:
    inspector = inspect(make("CREATE TABLE t(a); INSERT INTO t VALUES ('x')"))
    sql = "SELECT 1, hex(zeroblob(3000)) || a AS long FROM t;"
    assert inspector.query(sql).rows[0][1].truncated
    assert inspector.value(Spot(0, 1, "long", sql=sql)).text == "00" * 3000 + "x"
    with pytest.raises(UsageError):
        inspector.value(Spot(0, 1, "x", sql="DELETE FROM t"))


def test_reading_a_value_can_be_cancelled(inspect: Inspect, make: Make) -> None:
    path = make(f"CREATE TABLE t(v); INSERT INTO t VALUES (zeroblob({BIG}))")
    inspector, cancel = inspect(path), CancelToken()
    with pytest.raises(Cancelled):
        inspector.value_bytes(Spot(0, 0, "v", "t"), lambda _: cancel.cancel(), cancel=cancel)
    assert inspector.count("t") == 1, "the conversation goes on"
