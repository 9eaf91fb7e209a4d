"""stdout carries data and nothing else: aligned tables, or one JSON document."""

from __future__ import annotations

import io
import json

import pytest

from sqlite_recovery_tui.cli.output import Output
from tests.cli.conftest import Terminal


def test_columns_are_padded_to_the_widest_cell_plus_two_and_the_last_not_at_all() -> None:
    stream = io.StringIO()
    Output(stream=stream).table(("a", "long head", "z"), [("wide cell", 1, "end"), ("x", "漢字", "y ")])
    assert stream.getvalue().splitlines() == [
        "a          long head  z",
        "wide cell  1          end",
        "x          漢字       y ",
    ]


def test_hostile_cells_stay_in_their_row() -> None:
    stream = io.StringIO()
    out = Output(stream=stream)
    out.table(("name", "value"), [("\x1b[2Jgone\n", "a\rb")])
    out.line("key \x07")
    out.facts([("na\nme", "va\x1blue")])
    assert stream.getvalue().splitlines() == [
        "name" + " " * 11 + "value",
        "\\x1b[2Jgone\\n  a\\rb",
        "key \\x07",
        "na\\nme  va\\x1blue",
    ]


def test_json_drops_text_and_is_safe_ascii() -> None:
    stream = Terminal()
    out = Output(as_json=True, stream=stream)
    out.line("text")
    out.table(("a",), [("b",)])
    out.document({"name": "\x1b[31m é \udcff"})
    assert json.loads(stream.getvalue()) == {"name": "\x1b[31m é \udcff"}
    assert stream.getvalue().isascii()
    assert "\x1b" not in stream.getvalue()


def test_a_command_prints_one_document() -> None:
    out = Output(as_json=True, stream=io.StringIO())
    out.document({})
    with pytest.raises(AssertionError):
        out.document({})


@pytest.mark.parametrize(
    ("stream", "wanted", "environment", "coloured"),
    [
        (Terminal(), True, "", True),
        (Terminal(), False, "", False),
        (Terminal(), True, "1", False),
        (io.StringIO(), True, "", False),
    ],
)
def test_colour_only_where_a_person_wants_it(
    stream: io.StringIO, wanted: bool, environment: str, coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", environment)
    Output(colour=wanted, stream=stream).marked("fail", "FAIL", " rest")
    assert ("\x1b[31m" in stream.getvalue()) is coloured
    assert stream.getvalue().replace("\x1b[31m", "").replace("\x1b[0m", "") == "FAIL rest\n"
