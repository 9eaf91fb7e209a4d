"""A good database passes; each thing that is wrong with one fails its own check, for the reason it should."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sqlite_recovery_tui.doctor.database import (
    Log,
    Pages,
    examine,
    judge_file_system,
    judge_free,
    judge_log,
    judge_proof,
)
from sqlite_recovery_tui.doctor.rate import Rate
from sqlite_recovery_tui.replica.health import Check
from tests.doctor.support import bad, by_name, database
from tests.support.sql_process import SqlProcess

NOW = datetime(2026, 3, 26, 12, 0, tzinfo=UTC)
SOUND = NOW - timedelta(days=1)


def looked(path: Path, *, replicated: bool = True, proven: datetime | None = SOUND) -> list[Check]:
    return list(examine(path, now=NOW, replicated=replicated, proven=proven, writes=Rate(5, 0, 2.0)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "app.db"


@pytest.fixture
def process(path: Path) -> Iterator[SqlProcess]:
    path.touch()
    with SqlProcess(path) as running:
        yield running


def test_a_good_database_passes_and_is_left_as_it_was(path: Path) -> None:
    database(path, "INSERT INTO t VALUES (1)")
    before = path.read_bytes()
    assert bad(looked(path)) == {}
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_missing_file_and_one_that_is_no_database(path: Path) -> None:
    (check,) = looked(path)
    assert (check.name, check.status, check.hint) == ("file", "fail", "restore it: sqlrecover restore")
    path.write_text("not a database" * 20)
    (check,) = looked(path)
    assert (check.name, check.status) == ("file", "fail")


def test_a_rollback_journal_cannot_be_replicated(path: Path) -> None:
    database(path, "PRAGMA journal_mode=DELETE")
    assert bad(looked(path)) == {"journal mode": "fail"}
    assert bad(looked(path, replicated=False)) == {"journal mode": "warn"}


def test_a_format_that_is_not_sqlites(path: Path) -> None:
    database(path)
    data = bytearray(path.read_bytes())
    data[18:20] = b"\x03\x03"
    path.write_bytes(data)
    found = by_name(looked(path))
    assert found["journal mode"].status == "fail"
    assert "write version 3" in found["journal mode"].message
    assert found["opens"].status == "fail"


def test_small_pages(path: Path) -> None:
    database(path, "PRAGMA journal_mode=DELETE", "PRAGMA page_size=1024", "VACUUM", "PRAGMA journal_mode=WAL")
    assert bad(looked(path)) == {"page size": "warn"}


def test_an_old_sqlite_is_named_with_what_is_known_against_it(path: Path, process: SqlProcess) -> None:
    version = process.value("SELECT sqlite_version()")
    if tuple(map(int, version.split("."))) >= (3, 50):
        pytest.skip("the system's SQLite is too new to be old")
    process.rows("PRAGMA journal_mode=WAL")
    process.rows("CREATE TABLE t(a)")
    found = by_name(looked(path))
    assert found["last writer"].status == found["programs"].status == "warn"
    assert found["last writer"].message.startswith(f"SQLite {version}; has the WAL-reset bug")
    assert f"(pid {process.pid}): SQLite {version}; has the WAL-reset bug" in found["programs"].message
    assert "the savepoint bug" in found["programs"].message
    assert "3.51.3" in found["programs"].hint


def test_bugs_of_the_log_do_not_count_without_one(path: Path, process: SqlProcess) -> None:
    process.rows("CREATE TABLE t(a)")
    found = by_name(looked(path, replicated=False))
    assert found["last writer"].status == found["programs"].status == "ok"


def test_a_reader_that_holds_checkpoints_up_is_named(path: Path, process: SqlProcess) -> None:
    for sql in ("PRAGMA page_size=512", "PRAGMA journal_mode=WAL", "CREATE TABLE t(a)"):
        process.rows(sql)
    with SqlProcess(path) as reader:
        reader.rows("BEGIN")
        reader.rows("SELECT count(*) FROM t")
        process.rows("INSERT INTO t VALUES (zeroblob(6000000))")
        check = by_name(looked(path))["log"]
        assert check.status == "warn"
        assert "checkpoints are held up" in check.message
        assert f"(pid {reader.pid})" in check.hint


def test_a_log_that_was_long_once() -> None:
    check = judge_log(Log(100 << 20, frames=10, waiting=0, page_size=4096))
    assert check.status == "warn"
    assert "journal_size_limit" in check.hint
    assert judge_log(Log(4 << 20, frames=1000, waiting=900, page_size=4096)).status == "ok"


def test_a_file_that_is_mostly_empty(path: Path) -> None:
    database(path, "INSERT INTO t VALUES (zeroblob(20000000))", "DELETE FROM t")
    check = by_name(looked(path))["free pages"]
    assert check.status == "warn"
    assert check.message.startswith("100% of the file is empty, 19.1 MiB")
    assert judge_free(Pages(100, 90), 4096).status == "ok", "little in bytes"
    assert judge_free(Pages(100_000, 20_000), 4096).status == "ok", "little of it"


def test_a_connection_that_keeps_it_to_itself(path: Path, process: SqlProcess) -> None:
    for sql in ("PRAGMA journal_mode=WAL", "PRAGMA locking_mode=EXCLUSIVE", "CREATE TABLE t(a)"):
        process.rows(sql)
    check = by_name(looked(path))["opens"]
    assert check.status == "warn"
    assert "exclusively" in check.message


def test_an_update_that_was_broken_off_is_left_to_the_application(path: Path) -> None:
    path.touch()
    update = "INSERT INTO t VALUES (zeroblob(99999))"
    with SqlProcess(path) as writer:
        for sql in ("CREATE TABLE t(a)", "PRAGMA cache_size=1", "BEGIN", update):
            writer.rows(sql)
        writer.kill()
    before = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    assert set(before) == {"app.db", "app.db-journal"}
    assert by_name(looked(path))["opens"].status == "warn"
    assert {file.name: file.read_bytes() for file in path.parent.iterdir()} == before


def test_a_database_that_sqlite_does_not_open(path: Path) -> None:
    database(path)
    data = path.read_bytes()
    path.write_bytes(data[:100] + b"\xff" * 2000 + data[2100:])
    check = by_name(looked(path))["opens"]
    assert check.status == "fail"
    assert "does not open it" in check.message


@pytest.mark.parametrize(
    ("kind", "status"), [("ext4", "ok"), ("", "ok"), ("tmpfs", "warn"), ("overlay", "warn"), ("nfs4", "fail")]
)
def test_file_systems(kind: str, status: str) -> None:
    assert judge_file_system(kind).status == status


def test_integrity_that_was_never_shown_or_long_ago(path: Path) -> None:
    database(path)
    assert bad(looked(path, proven=None)) == {"integrity": "warn"}
    assert judge_proof(NOW - timedelta(days=31), NOW).status == "warn"


def test_writes_are_judged_only_where_they_were_watched(path: Path) -> None:
    database(path)
    assert by_name(examine(path, now=NOW, writes=Rate(20_000, 0, 2.0)))["write rate"].status == "fail"
    assert "write rate" not in by_name(examine(path, now=NOW, watched=False))
