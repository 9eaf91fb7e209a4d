"""Data becomes text that a terminal may show, and only that."""

from __future__ import annotations

import pytest
from rich.cells import cell_len
from textual.content import Content

from sqlite_recovery_tui.tui import text
from tests.tui.hostile import HOSTILE, offending


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_nothing_that_steers_a_terminal_survives(hostile: str) -> None:
    shown = text.safe(hostile)
    assert not offending(shown)
    assert len(shown) <= text.LIMIT * 8 + 1
    assert text.safe(shown) == shown


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_content_is_never_read_as_markup(hostile: str) -> None:
    made = text.content(hostile, "bold")
    assert made.plain == text.safe(hostile)
    assert {str(span.style) for span in made.spans} <= {"bold"}


def test_what_cannot_be_shown_is_spelt_out_not_lost() -> None:
    assert text.safe("a\x1b[2Jb\0\n\u202e\x9b") == "a\\x1b[2Jb\\0\\n\\u202e\\x9b"


def test_plain_text_is_left_alone() -> None:
    assert text.safe("Grüße, 表 ✓ [not markup]") == "Grüße, 表 ✓ [not markup]"


def test_combining_marks_do_not_pile_up() -> None:
    assert text.safe("e" + "\u0301" * 500) == "e" + "\u0301" * 3


def test_a_cut_shows_that_it_is_one() -> None:
    assert text.safe("x" * 50, limit=10) == "x" * 10 + "…"


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("cells", [0, 1, 2, 5, 20, 80])
def test_fitted_text_takes_exactly_its_cells(hostile: str, cells: int) -> None:
    for align in ("left", "right"):
        assert cell_len(text.fit(text.safe(hostile, 200), cells, align)) == cells
    assert cell_len(text.middle(text.safe(hostile, 200), cells)) <= cells


def test_both_ends_of_a_path_stay_readable() -> None:
    assert text.middle("/var/lib/replicas/production/app.db", 20) == "/var/lib/…ion/app.db"


def test_a_line_is_joined_from_parts_that_are_safe_each() -> None:
    made = text.line("restored ", ("[b]x", "$success"), Content(" done"))
    assert made.plain == "restored [b]x done"
    assert [str(span.style) for span in made.spans] == ["$success"]


def test_lines_of_a_value_stay_lines() -> None:
    assert text.safe_lines("a\nb\x1b\r\nc") == ["a", "b\\x1b", "c"]
    assert text.safe_lines("abcdef", limit=4) == ["abcd", "… 2 more characters"]


@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
def test_every_character_takes_its_own_cells_on_every_terminal(value: str) -> None:
    shown = text.safe(value, 300)
    assert text.width(shown) == sum(map(text.width, shown)), "nothing is drawn into its neighbour"
    assert not any("\U0001f1e6" <= each <= "\U0001f1ff" for each in shown)
    for cells in (1, 2, 7, 30):
        assert text.width(text.fit(shown, cells)) == cells
        assert text.width(text.fit(text.middle(shown, cells), cells)) == cells
