"""`export` writes a private file that is whole, in the form its name says, and replaces none."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.cli.shop import make_shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_shop(tmp_path_factory.mktemp("export") / "app.db")


def test_sql_brings_the_table_back(cli: Cli, shop: Path) -> None:
    answer = cli("export", shop, "orders", "-o", "orders.sql")
    assert answer.code == 0
    assert "3 rows" in answer.out
    assert stat.S_IMODE(os.stat("orders.sql").st_mode) == 0o600
    query = "SELECT *, typeof(paid) FROM orders"
    with closing(sqlite3.connect(":memory:")) as copy, closing(sqlite3.connect(shop)) as original:
        copy.executescript(Path("orders.sql").read_text())
        assert copy.execute(query).fetchall() == original.execute(query).fetchall()


def test_the_name_decides_on_the_form_unless_one_is_given(cli: Cli, shop: Path) -> None:
    document = cli("export", "--json", shop, "--sql", "SELECT id, paid FROM orders", "-o", "a.json").document
    assert (document["format"], document["rows"], document["notices"]) == ("json", 3, [])
    assert json.loads(Path("a.json").read_text())[1] == {"id": 2, "paid": float("inf")}
    assert cli("export", shop, "orders", "-format", "jsonl", "-o", "a.txt").code == 0
    assert len(Path("a.txt").read_text().splitlines()) == 3
    refused = cli("export", shop, "orders", "-o", "b.txt")
    assert refused.code == 2
    assert "-format" in refused.err


def test_rows_and_columns_can_be_chosen(cli: Cli, shop: Path) -> None:
    wish = ("-where", "id > 1", "-columns", "customer, id", "-no-create", "-o", "some.sql")
    assert cli("export", shop, "orders", *wish).code == 0
    lines = Path("some.sql").read_text().splitlines()
    assert lines[2].startswith('INSERT INTO "orders"("customer", "id") VALUES(')
    assert not any("CREATE" in line for line in lines)
    assert len(lines) == 5
    wrong = cli("export", shop, "orders", "-where", "id >", "-o", "none.csv")
    assert wrong.code == 2
    assert not Path("none.csv").exists()


def test_nothing_is_replaced_and_nothing_is_left_of_a_failure(cli: Cli, shop: Path) -> None:
    Path("there.csv").write_text("mine")
    refused = cli("export", shop, "orders", "-o", "there.csv")
    assert refused.code == 7
    assert Path("there.csv").read_text() == "mine"
    assert cli("export", shop, "nosuch", "-o", "new.csv").code == 3
    assert os.listdir(".") == ["there.csv"]
    assert os.listdir(shop.parent) == ["app.db"]


@pytest.mark.parametrize("words", [[], ["orders", "--sql", "SELECT 1"], ["--sql", "SELECT 1", "-where", "1"]])
def test_contradictions_are_refused(cli: Cli, shop: Path, words: list[str]) -> None:
    assert cli("export", shop, *words, "-o", "x.csv").code == 2
