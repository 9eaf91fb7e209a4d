"""Our listings hold the values that Litestream 0.3.13 prints for the same replica, column for column."""

from __future__ import annotations

import contextlib
import io
import subprocess
from pathlib import Path

import pytest

from sqlite_recovery_tui.cli.main import run
from tests.support.corpus import case, cases
from tests.support.litestream import litestream

# Litestream's own columns; between `name`, `generation` and the times of `generations` stands the lag,
# which depends on the moment of the call.
COLUMNS = {"generations": (0, 1, 3, 4), "snapshots": (0, 1, 2, 3, 4), "wal": (0, 1, 2, 3, 4, 5)}


def _theirs(words: list[str]) -> list[list[str]]:
    done = subprocess.run(
        [litestream("0.3.13"), *words], capture_output=True, text=True, check=True, timeout=60
    )
    return [line.split() for line in done.stdout.splitlines()]


def _ours(words: list[str]) -> list[list[str]]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert run(words) == 0
    return [line.split() for line in out.getvalue().splitlines()]


@pytest.mark.parametrize("command", COLUMNS)
@pytest.mark.parametrize("name", cases("v03"))
def test_a_url_lists_the_same(command: str, name: str, tmp_path: Path) -> None:
    words = [command, case(name, tmp_path).url]
    columns = COLUMNS[command]
    theirs = [tuple(row[column] for column in columns) for row in _theirs(words)]
    ours = [tuple(row[column] for column in columns) for row in _ours(words)]
    assert ours[0] == theirs[0]
    assert sorted(ours[1:]) == sorted(theirs[1:])
    assert len(ours) > 1


@pytest.mark.parametrize("command", [*COLUMNS, "databases"])
def test_a_configured_database_lists_the_same(command: str, tmp_path: Path) -> None:
    database, file = tmp_path / "app.db", tmp_path / "litestream.yml"
    database.touch()
    replica = case("v03-snapshots", tmp_path).replica
    file.write_text(
        f"dbs:\n  - path: {database}\n    replicas:\n      - path: {replica}\n        name: near\n"
    )
    words = [command, "-config", str(file), *([str(database)] if command != "databases" else [])]
    columns = COLUMNS.get(command, (0, 1))
    theirs = [tuple(row[column] for column in columns) for row in _theirs(words)]
    ours = [tuple(row[column] for column in columns) for row in _ours(words)]
    assert ours[0] == theirs[0]
    assert sorted(ours[1:]) == sorted(theirs[1:])


def test_the_lag_is_worded_as_litestream_words_it(tmp_path: Path) -> None:
    words = ["generations", case("v03-generations", tmp_path).url]
    theirs = {row[1]: row[2] for row in _theirs(words)[1:]}
    ours = {row[1]: row[2] for row in _ours(words)[1:]}
    assert ours.keys() == theirs.keys()
    # Between the two calls at most a few seconds pass; the hours and minutes before them are the same.
    assert all(ours[key].count("h") == theirs[key].count("h") for key in ours)
    assert all(ours[key].endswith("s") for key in ours)
