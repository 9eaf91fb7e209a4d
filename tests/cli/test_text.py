"""Nothing hostile reaches a terminal, and columns stay columns."""

from __future__ import annotations

import unicodedata
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlite_recovery_tui.cli.text import cell_width, go_duration, pad, printable

HOSTILE = {
    "\x1b[2J\x1b[31mred": "\\x1b[2J\\x1b[31mred",
    "a\nb\r\tc": "a\\nb\\r\\tc",
    "\x00\x07\x7f": "\\x00\\x07\\x7f",
    "\x9b31m": "\\x9b31m",
    "user\u202egpj.exe": "user\\u202egpj.exe",
    "zero\u200bwidth\ufeff": "zero\\u200bwidth\\ufeff",
    "line\u2028para\u2029": "line\\u2028para\\u2029",
    "bad\udcff": "bad\\udcff",
    "\U000e0041": "\\U000e0041",
    "plain, ünïcode, 漢字, 🙂": "plain, ünïcode, 漢字, 🙂",
}


@pytest.mark.parametrize(("raw", "shown"), HOSTILE.items())
def test_control_and_reordering_characters_are_spelt_out(raw: str, shown: str) -> None:
    assert printable(raw) == shown


@given(st.text(alphabet=st.characters(codec=None)))
def test_no_text_keeps_a_character_that_moves_the_cursor(raw: str) -> None:
    for char in printable(raw):
        assert unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp")


@pytest.mark.parametrize("mark", ["\u0301", "\u20dd"])
def test_combining_marks_cannot_paint_over_other_lines(mark: str) -> None:
    assert printable("e" + mark * 4) == "e" + mark * 3 + f"\\u{ord(mark):04x}"


def test_widths_count_columns_not_characters() -> None:
    assert cell_width("漢字") == 4
    assert cell_width("e\u0301") == 1
    assert pad("漢", 4) == "漢  "


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(0), "0s"),
        (timedelta(microseconds=250), "250µs"),
        (timedelta(milliseconds=-3), "-3ms"),
        (timedelta(seconds=1.56), "1.5s"),
        (timedelta(seconds=10, milliseconds=900), "10s"),
        (timedelta(seconds=62), "1m2s"),
        (timedelta(hours=1, seconds=5), "1h0m5s"),
    ],
)
def test_lags_are_cut_as_litestream_cuts_them(length: timedelta, text: str) -> None:
    assert go_duration(length) == text
