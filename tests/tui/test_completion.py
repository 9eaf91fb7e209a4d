"""Names that fit what is typed, and statements that are kept: bounded, private, found again."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from sqlite_recovery_tui.tui.completion import Names, complete, written
from sqlite_recovery_tui.tui.sql_history import MOST, NAME, SqlHistory, keep, load

NAMES = Names(
    (("orders", ("id", "customer")), ("order lines", ("id", "Größe")), ("t", ("id",))), ("max", "min")
)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("SELECT cus", ["customer"]),
        ("select * from ord", ["orders", '"order lines"', "ORDER"]),
        ('select * from "ord', ["orders", '"order lines"']),
        ("select orders.", ["id", "customer"]),
        ('select "order lines".', ["id", '"Größe"']),
        ("select nosuch.c", ["customer"]),
        ("select ma", ["max("]),
        ("sel", ["SELECT"]),
        ("select 1 ", []),
        ("", []),
        ("select 'it", []),
    ],
)
def test_names_fit_the_word_in_front_of_the_cursor(typed: str, words: list[str]) -> None:
    assert list(complete(typed, len(typed), NAMES).words) == words


def test_columns_of_the_table_in_view_come_first() -> None:
    assert complete("i", 1, NAMES, table="orders").words[:2] == ("id", "INNER")
    assert complete("select x from t", 8, NAMES).start == 7


def test_all_that_fits_shares_a_beginning() -> None:
    assert complete("ord", 3, Names((("Orders", ()), ("order_lines", ())))).common == "Order"
    assert complete("o", 1, Names((("Orders", ()), ("other", ())))).common == "O"


@pytest.mark.parametrize(
    ("name", "sql"), [("plain_1", "plain_1"), ("select", '"select"'), ('a"b', '"a""b"'), ("1st", '"1st"')]
)
def test_names_are_written_as_sql_takes_them(name: str, sql: str) -> None:
    assert written(name) == sql


def test_history_goes_back_and_forth_among_what_begins_alike() -> None:
    history = SqlHistory(["select 1", "explain x", "select 2"])
    place = history.older(None, "sel")
    assert place == 2
    place = history.older(place, "sel")
    assert place == 0
    assert history.older(place, "sel") is None
    assert history.newer(place, "sel") == 2
    assert history.newer(2, "sel") is None


def test_a_statement_is_kept_once_at_the_end() -> None:
    history = SqlHistory(["a", "b"])
    history.add("a")
    assert history.statements == ["b", "a"]


def test_what_is_kept_is_private_bounded_and_survives_a_broken_file(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    assert load(folder) == []
    folder.mkdir()
    (folder / NAME).write_bytes(b'"first"\n{"no": 1}\n\xff\n"sec')
    keep(folder, "second\nline")
    assert load(folder) == ["first", "second\nline"]
    assert stat.S_IMODE((folder / NAME).stat().st_mode) == 0o600
    keep(folder, "x" * 100_000)
    (folder / NAME).write_text("".join(f'"select {number}"\n' for number in range(2 * MOST)))
    keep(folder, "last")
    kept = load(folder)
    assert (len(kept), kept[-1]) == (MOST, "last")


def test_a_folder_that_cannot_be_written_is_nobodys_business(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    keep(tmp_path / "file" / "state", "select 1")
    assert load(tmp_path / "file" / "state") == []
