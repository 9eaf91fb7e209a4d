"""`query` runs one statement that reads, within its time, and prints what it gives."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.cli.shop import make_shop

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_shop(tmp_path_factory.mktemp("query") / "app.db")


def test_rows_are_printed_as_a_table_and_as_json(cli: Cli, shop: Path) -> None:
    answer = cli("query", shop, "SELECT id, customer FROM orders ORDER BY id")
    assert "Bob \\x1b[31m" in answer.out
    assert "3 rows" in answer.out
    document = cli("query", "--json", shop, "SELECT * FROM orders", "-limit", 2).document
    assert document["columns"] == ["id", "customer", "paid", "raw"]
    assert document["rows"][0] == [1, "Ann", 9.5, {"blob": "00ff", "size": 2, "truncated": False}]
    assert document["rows"][1][2] == {"real": "inf"}
    assert document["has_more"] is True


def test_csv_has_every_value_whole(cli: Cli, shop: Path) -> None:
    out = cli("query", "--csv", shop, "SELECT customer, raw FROM orders ORDER BY id").out
    rows = list(csv.reader(io.StringIO(out, newline="")))
    assert rows[2] == ["Bob \x1b[31m", ""]
    assert rows[3][1] == f"x'{'00' * 3000}'"
    assert "\x1b" not in cli("query", "--csv", shop, "SELECT customer FROM orders", terminal=True).out
    assert len(cli("query", "--csv", shop, "SELECT id FROM orders", "-limit", 2).out.split()) == 3


def test_the_way_sqlite_would_go_can_be_seen(cli: Cli, shop: Path) -> None:
    assert "by_customer" in cli("query", "-plan", shop, "SELECT * FROM orders WHERE customer = 'Ann'").out


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT id FRM orders", "syntax error"),
        ("SELECT nosuch\nFROM orders", "line 1, column 8: SELECT ▸nosuch"),
        ("SELECT 1; SELECT 2", "one statement at a time"),
        ("DELETE FROM orders", "read-only"),
        ("", "no statement"),
    ],
)
def test_what_cannot_be_run_says_why_and_where(cli: Cli, shop: Path, sql: str, words: str) -> None:
    answer = cli("query", shop, sql)
    assert answer.code == 2
    assert words in answer.err


def test_the_place_of_an_error_is_in_the_document(cli: Cli, shop: Path) -> None:
    error = cli("query", "--json", shop, "SELECT nosuch FROM orders").error
    assert (error["kind"], error["offset"]) == ("sql", 7)


def test_time_is_limited(cli: Cli, shop: Path) -> None:
    answer = cli("query", "-seconds", "0.2", shop, ENDLESS)
    assert answer.code == 1
    assert "time limit" in answer.err


@pytest.mark.parametrize("words", [["--csv", "--json"], ["-limit", "20000"], ["-seconds", "-1"]])
def test_contradictions_are_refused(cli: Cli, shop: Path, words: list[str]) -> None:
    assert cli("query", shop, "SELECT 1", *words).code == 2
