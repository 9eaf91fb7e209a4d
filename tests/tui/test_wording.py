"""What the engine says reads as the console's own words: no options of the command line, no microseconds."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import sqlite_recovery_tui
from sqlite_recovery_tui.tui import wording

PACKAGE = Path(sqlite_recovery_tui.__file__).parent
ENGINE = ("config", "replica", "restore", "sqlite", "storage", "verify")
NOT_FOR_FACES = {
    "restore/recipe.py": "shell lines, to be copied",
    "restore/follow.py": "the console follows nothing",
    "restore/changes.py": "the console follows nothing",
}
OPTION = re.compile(r"(?<![\w/.-])--?[a-z][a-z]*(?:-[a-z]+)*\b")
OTHER_PROGRAMS = re.compile(r"\b(?:find|ssh-keyscan)\b")
SIDECARS = re.compile(r"(?<!\S)-(?:wal|shm|journal)\b")


def _sentences() -> Iterator[tuple[str, str]]:
    """Yield every sentence that the engine may say and that names an option, with where it is said."""
    for part in ENGINE:
        for file in (PACKAGE / part).rglob("*.py"):
            name = file.relative_to(PACKAGE).as_posix()
            if name not in NOT_FOR_FACES:
                yield from ((name, text) for text in _texts(file) if " " in text and OPTION.search(text))


def _texts(file: Path) -> Iterator[str]:
    """Yield the strings of a module but for docstrings, an X in place of whatever is filled in."""
    tree = ast.parse(file.read_text())
    skipped = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            skipped |= {id(part) for part in node.values}
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            yield node.value


def test_no_sentence_names_an_option_of_the_command_line() -> None:
    found = list(_sentences())
    assert len(found) > 10, "the search finds what it is for"
    left = [
        f"{where}: {said}"
        for where, text in found
        if OPTION.search(SIDECARS.sub("", said := wording.words(text))) and not OTHER_PROGRAMS.search(said)
    ]
    assert not left, "teach tui/wording.py to say these without options:\n" + "\n".join(left)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            "oldest available is 2026-03-26T13:01:08.123456Z, 3,668.412 s after the time asked for",
            "oldest available is 2026-03-26 13:01:08Z, 1 h 01 min after the time asked for",
        ),
        (
            "restore up to 2026-03-26T13:49:58.5Z with --to-last-good; another replica may be whole",
            "restore up to 2026-03-26 13:49:58Z; another replica may be whole",
        ),
        ("ask for a later time, or add --nearest to take the oldest",
         "ask for a later time, or take the oldest"),
        ("choose another -o, or add --force to replace it", "choose another file"),
        ("it reaches 2026-03-26T13:01:08Z, 0.9 s newer than any other",
         "it reaches 2026-03-26 13:01:08Z, 0.9 s newer than any other"),
        ("94760 bytes of WAL are missing", "94760 bytes of WAL are missing"),
        ("TXID 000000000000001a is missing", "TXID 000000000000001a is missing"),
    ],
)  # fmt: skip
def test_times_and_hints_are_said_for_people_at_a_console(said: str, shown: str) -> None:
    assert wording.words(said) == shown
