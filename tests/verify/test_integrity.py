"""One verdict over structure and foreign keys of a file."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sqlite_recovery_tui.errors import Cancelled, NotFoundError
from sqlite_recovery_tui.progress import CancelToken, Progress
from sqlite_recovery_tui.sqlite.messages import CheckReport, Verdict
from sqlite_recovery_tui.verify.integrity import IntegrityReport, check_database

SQL = """
    CREATE TABLE city(id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE person(id INTEGER PRIMARY KEY, city REFERENCES city);
    INSERT INTO city VALUES (1, 'Oslo');
    INSERT INTO person VALUES (1, 1);
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "app.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SQL)
    return path


def test_a_sound_database_is_ok(path: Path) -> None:
    seen: list[Progress] = []
    report = check_database(path, progress=seen.append)
    assert report.ok
    assert [check.kind for check in report.checks] == ["full", "foreign-keys"]
    assert "checking foreign keys" in {each.phase for each in seen}
    document = json.loads(json.dumps(report.to_json()))
    assert (document["verdict"], document["ok"], document["file"]) == ("ok", True, str(path))
    assert [check["verdict"] for check in document["checks"]] == ["ok", "ok"]


def test_foreign_keys_can_be_left_out(path: Path) -> None:
    assert [check.kind for check in check_database(path, kind="quick", foreign_keys=False).checks] == [
        "quick"
    ]


def test_a_row_that_refers_to_nothing_is_damage(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO person VALUES (2, 99)")
    report = check_database(path)
    assert report.verdict == "damaged"
    assert report.messages == ("row 2 of table person refers to a row of table city that is not there",)


def test_foreign_keys_of_a_damaged_file_are_not_looked_at(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xee" * 4096)
    report = check_database(path)
    assert report.verdict == "damaged"
    assert [check.kind for check in report.checks] == ["full"]


@pytest.mark.parametrize(
    ("verdicts", "worst"),
    [
        ((), "ok"),
        (("ok", "not-checkable"), "not-checkable"),
        (("not-checkable", "timed-out"), "timed-out"),
        (("timed-out", "damaged"), "damaged"),
    ],
)
def test_the_worst_verdict_counts(verdicts: tuple[Verdict, ...], worst: Verdict) -> None:
    checks = tuple(CheckReport("full", verdict, (), 0.1) for verdict in verdicts)
    report = IntegrityReport(Path("app.db"), checks)
    assert report.verdict == worst
    assert report.ok == (worst == "ok")


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        check_database(tmp_path / "absent.db")


def test_a_check_can_be_cancelled_before_it_starts(path: Path) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        check_database(path, cancel=token)
