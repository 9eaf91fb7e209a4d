"""Environment expansion is Litestream's own, trap by trap, and errors still name the line of the file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlite_recovery_tui.config.environment import expand, unexpanded
from tests.config.conftest import Loader, Refused, calm
from tests.support.litestream import litestream
from tests.support.process import output

VARIABLES = {"NAME": "value", "EMPTY": "", "A_1": "one", "LINES": "a\nb\nc", "1": "first", "x y": "spaced"}
TRAPS = {
    "$NAME": "value",
    "${NAME}": "value",
    "<$NAME>": "<value>",
    "$NAME_": "",
    "$NAME-x": "value-x",
    "${NAME}_": "value_",
    "$EMPTY|": "|",
    "$UNSET|": "|",
    "${UNSET}|": "|",
    "$A_1": "one",
    "$$": "",
    "$$NAME": "NAME",
    "a$$b": "ab",
    "$2b": "b",
    "$1b": "firstb",
    "$12": "first2",
    "${1}": "first",
    "$*$#$@$!$?$-.": ".",
    "${*}.": ".",
    "${}.": ".",
    "${.": ".",
    "${NAME": "NAME",
    "$": "$",
    "x$": "x$",
    "$ x": "$ x",
    "$.": "$.",
    "$/": "$/",
    '$"': '$"',
    "$é": "$é",
    "${x y}": "spaced",
    "$}": "$}",
    "$NAME$NAME": "valuevalue",
    "\\$NAME": "\\value",
    "": "",
}


@pytest.mark.parametrize(("text", "meant"), TRAPS.items())
def test_expands_as_litestream_does(text: str, meant: str) -> None:
    assert expand(text, VARIABLES).text == meant


def test_pid_is_a_number_unless_set() -> None:
    assert expand("$PID", {}).text == str(os.getpid())
    assert expand("$PID", {"PID": "7"}).text == "7"


@pytest.mark.parametrize("version", ["0.3.13", "0.5.17"])
def test_agrees_with_litestream(version: str, tmp_path: Path) -> None:
    binary = litestream(version)  # type: ignore[arg-type]
    plain = [text for text in TRAPS if '"' not in text and "\\" not in text]
    unclosed = [text for text in plain if "${" in text and "}" not in text]
    file = tmp_path / "litestream.yml"
    for texts in ([text for text in plain if text not in unclosed], *([text] for text in unclosed)):
        paths = "".join(f'- path: "/{n} {text}|"\n  replicas: [path: /r]\n' for n, text in enumerate(texts))
        file.write_text(f"dbs:\n{paths}", encoding="utf-8")
        code, answer = output([binary, "databases", "-config", file], environ=VARIABLES)
        assert code == 0, answer
        shown = [line.partition("  ")[0] for line in answer.splitlines()[1:]]
        assert shown == [os.path.normpath(f"/{n} {TRAPS[text]}|") for n, text in enumerate(texts)]


def go_expand(text: str, environ: Mapping[str, str]) -> str:
    """Expand step by step, as Go's documentation of os.Expand and its handling of bad syntax have it."""
    out, at = "", 0
    while at < len(text):
        if text[at] != "$" or at + 1 == len(text):
            out, at = out + text[at], at + 1
            continue
        name, width = go_name(text[at + 1 :])
        if name:
            out += environ.get(name, "")
        elif width == 0:
            out += "$"
        at += 1 + width
    return out


def go_name(rest: str) -> tuple[str, int]:
    if rest[0] == "{":
        end = rest.find("}")
        return ("", 1) if end < 0 else (rest[1:end], end + 1)
    if rest[0] in "*#$@!?-0123456789":
        return rest[0], 1
    width = 0
    while width < len(rest) and rest[width].isascii() and (rest[width].isalnum() or rest[width] == "_"):
        width += 1
    return rest[:width], width


@calm
@given(st.text(alphabet="${}aN1_*#-. \né", max_size=30))
def test_any_text_expands_as_go_does(text: str) -> None:
    environ = {"a": "A\nB", "N": "${a}", "1": "", "aN": "x"}
    assert expand(text, environ).text == go_expand(text, environ)


def test_expansion_is_not_repeated() -> None:
    assert expand("$A", {"A": "$B", "B": "no"}).text == "$B"


def test_lines_are_those_of_the_file() -> None:
    many = "x\n" * 30 + "z"
    text = expand("first\n$LINES\nthird ${a\nb} fourth\nfifth", {"LINES": many})
    assert text.text == f"first\n{many}\nthird  fourth\nfifth"
    lines = {word: text.line(text.text.index(word)) for word in ("first", "z", "third", "fourth", "fifth")}
    assert lines == {"first": 1, "z": 2, "third": 3, "fourth": 4, "fifth": 5}
    assert unexpanded("a\nb").line(2) == 2


def test_errors_after_long_variables_name_the_line_in_the_file(refused: Refused) -> None:
    error = refused("addr: $LONG\n\nnonsense: 1\n", environ={"LONG": '"a\\n\n\n\nb"'})
    assert error.line == 3


def test_is_off_on_request(loaded: Loader) -> None:
    text = "dbs: [{path: '/data/$NAME.db'}]"
    assert loaded(text, environ={"NAME": "app"}).databases[0].name == "app.db"
    assert loaded(text, environ={"NAME": "app"}, expand_env=False).databases[0].name == "$NAME.db"


def test_names_unset_variables_once_but_no_part_of_a_password(loaded: Loader) -> None:
    settings = loaded(
        """\
        # $COMMENT is not read
        access-key-id: $KEY_ID
        secret-access-key: "${SECRET_KEY}"
        password: pa$wordpart
        dbs: []   # nor is $THIS
        """
    )
    (warning,) = [one for one in settings.warnings if "environment variables" in one]
    assert warning.endswith("count as empty: KEY_ID (line 2), SECRET_KEY (line 3), $… (line 4)")


def test_set_but_empty_variables_are_no_warning(loaded: Loader) -> None:
    assert not any(
        "environment variables" in one for one in loaded("region: $R\ndbs: []", environ={"R": ""}).warnings
    )
