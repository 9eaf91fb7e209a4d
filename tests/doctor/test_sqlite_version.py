"""Which SQLite is inside a file is read, never run; what is known against a version depends on its line."""

from __future__ import annotations

import sys
from pathlib import Path

import apsw
import pytest

from sqlite_recovery_tui.doctor import programs, sqlite_version
from sqlite_recovery_tui.doctor.sqlite_version import RESET_BUG, SAVEPOINT_BUG, Version
from tests.support.sql_process import SqlProcess


@pytest.mark.parametrize(
    ("version", "known"),
    [
        ((3, 6, 23), ()),
        ((3, 40, 1), (RESET_BUG, SAVEPOINT_BUG)),
        ((3, 44, 5), (RESET_BUG, SAVEPOINT_BUG)),
        ((3, 44, 6), (SAVEPOINT_BUG,)),
        ((3, 50, 2), (RESET_BUG,)),
        ((3, 50, 7), ()),
        ((3, 51, 2), (RESET_BUG,)),
        ((3, 51, 3), ()),
        ((3, 54, 1), ()),
    ],
)
def test_bugs_of_a_version(version: Version, known: tuple[str, ...]) -> None:
    assert sqlite_version.bugs(version) == known


def test_a_number_of_the_header_is_a_version() -> None:
    assert sqlite_version.of_number(3040001) == (3, 40, 1)
    assert sqlite_version.of_number(0) is None


def test_the_version_inside_a_library() -> None:
    found = sqlite_version.in_file(Path(apsw.__file__))
    assert found.has_sqlite
    assert found.version is not None
    assert sqlite_version.words(found.version) == apsw.sqlite_lib_version()


def test_a_file_without_sqlite(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert not sqlite_version.in_file(tmp_path / "empty").has_sqlite
    (tmp_path / "other").write_bytes(b"\x003.11.7\x00 nothing of the kind")
    assert sqlite_version.in_file(tmp_path / "other").version is None


def test_several_versions_in_one_file_are_none(tmp_path: Path) -> None:
    (tmp_path / "program").write_bytes(b"\x003.11.7\0\0" + b"3.40.1\0" + b"2022-12-28 14:03:47 " + b"a" * 64)
    found = sqlite_version.in_file(tmp_path / "program")
    assert found.has_sqlite
    assert found.version is None


def test_who_has_a_database_open_and_by_which_sqlite(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    path.touch()
    with SqlProcess(path) as process:
        process.rows("CREATE TABLE t(a)")
        (version,) = process.rows("SELECT sqlite_version()")[0]
        (program,) = programs.using(path)
        assert program.pid == process.pid
        assert program.version is not None
        assert sqlite_version.words(program.version) == version
        assert program.library not in ("", sys.executable)
    assert programs.using(path) == []
