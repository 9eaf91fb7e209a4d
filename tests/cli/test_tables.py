"""`tables` lists what a file holds and what its schema says, and touches nothing."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.cli.shop import make_shop


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "shop").mkdir()
    return make_shop(tmp_path / "shop" / "app.db")


def test_tables_are_listed_with_rows_columns_and_indexes(cli: Cli, shop: Path) -> None:
    answer = cli("tables", shop)
    assert answer.code == 0
    assert answer.out.splitlines()[1].split() == [
        *("orders", "table", "3", "id,", "customer,", "paid,", "raw", "by_customer")
    ]
    document = cli("tables", "--json", shop).document
    assert [(each["name"], each["kind"], each["rows"]) for each in document["tables"]] == [
        ("orders", "table", 3),
        ("large", "view", 2),
    ]


def test_counting_can_be_left_out(cli: Cli, shop: Path) -> None:
    document = cli("tables", "--json", "-no-count", shop).document
    assert [each["rows"] for each in document["tables"]] == [None, None]


def test_one_table_is_told_in_full(cli: Cli, shop: Path) -> None:
    answer = cli("tables", shop, "orders")
    for words in ("by_customer: (customer)", "not null, default 'nobody'", "CREATE TRIGGER bite", "rows"):
        assert words in answer.out
    document = cli("tables", "--json", shop, "orders").document
    assert document["rows"] == 3
    assert document["triggers"][0]["name"] == "bite"
    assert document["indexes"][0]["columns"] == ["customer"]


def test_a_live_database_is_only_read(cli: Cli, shop: Path, configured: object) -> None:
    with closing(sqlite3.connect(shop)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("INSERT INTO orders(id) VALUES (4)")
        connection.commit()
        before = {name: os.stat(shop.parent / name).st_mtime_ns for name in os.listdir(shop.parent)}
        assert cli("tables", "--json", shop).document["tables"][0]["rows"] == 4
        assert {name: os.stat(shop.parent / name).st_mtime_ns for name in os.listdir(shop.parent)} == before
    assert cli("query", shop, "SELECT 1").code == 0
    assert os.listdir(shop.parent) == ["app.db"]


@pytest.mark.parametrize("words", [["nosuch.db"], ["."]])
def test_what_is_no_file_is_answered_with_what_to_name(cli: Cli, words: list[str]) -> None:
    answer = cli("tables", *words)
    assert answer.code in (2, 3)
    assert "Traceback" not in answer.err


def test_an_unknown_table_is_named(cli: Cli, shop: Path) -> None:
    answer = cli("tables", shop, "ordres")
    assert answer.code == 3
    assert "orders" in answer.err
