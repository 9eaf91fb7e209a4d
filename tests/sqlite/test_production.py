"""A connection for an application: what it is told holds, and what cannot hold is refused with the reason."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sqlite_recovery_tui.errors import RefusedError
from sqlite_recovery_tui.sqlite import filesystem
from sqlite_recovery_tui.sqlite.production import Settings, configure, connect, connect_apsw, writing

OPENERS = [connect, connect_apsw]


@pytest.fixture(params=OPENERS, ids=["stdlib", "apsw"])
def opener(request: pytest.FixtureRequest) -> Callable[..., Any]:
    found: Callable[..., Any] = request.param
    return found


def held(connection: Any, pragma: str) -> Any:
    return next(iter(connection.execute(f"PRAGMA {pragma}")))[0]


def test_the_defaults_hold(opener: Callable[..., Any], tmp_path: Path) -> None:
    connection = opener(tmp_path / "app.db")
    found = {
        name: held(connection, name)
        for name in ("journal_mode", "synchronous", "cache_size", "foreign_keys", "busy_timeout", "mmap_size")
    }
    connection.close()
    assert found == {
        "journal_mode": "wal",
        "synchronous": 1,
        "cache_size": -65536,
        "foreign_keys": 1,
        "busy_timeout": 5000,
        "mmap_size": 268435456,
    }


def test_each_setting_can_be_another_one(opener: Callable[..., Any], tmp_path: Path) -> None:
    own = Settings("FULL", cache_size=-1000, foreign_keys=False, busy_timeout_ms=10, mmap_size=0)
    connection = opener(tmp_path / "app.db", settings=own)
    found = [
        held(connection, name)
        for name in ("synchronous", "cache_size", "foreign_keys", "busy_timeout", "mmap_size")
    ]
    connection.close()
    assert found == [2, -1000, 0, 10, 0]


def test_a_reader_cannot_write_and_does_not_make_a_file(opener: Callable[..., Any], tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=r"app\.db cannot be opened"):
        opener(tmp_path / "app.db", read_only=True)
    assert not (tmp_path / "app.db").exists()
    opener(tmp_path / "app.db").close()
    reader = opener(tmp_path / "app.db", read_only=True)
    with pytest.raises(Exception, match="readonly"):
        reader.execute("CREATE TABLE t (a)")
    reader.close()


def test_a_writer_takes_its_lock_at_the_beginning(tmp_path: Path) -> None:
    first, second = (
        connect(tmp_path / "app.db", settings=Settings(busy_timeout_ms=0)),
        connect(tmp_path / "app.db", settings=Settings(busy_timeout_ms=0)),
    )
    first.execute("CREATE TABLE t (a)")
    first.execute("INSERT INTO t VALUES (1)")  # begins by itself
    with pytest.raises(sqlite3.OperationalError, match="locked"), writing(second):
        pass
    first.commit()
    with writing(second):
        second.execute("INSERT INTO t VALUES (2)")
    with pytest.raises(sqlite3.OperationalError, match="no such table"), writing(second):
        _write_then_fail(second)
    assert first.execute("SELECT a FROM t").fetchall() == [(1,), (2,)]
    first.close()
    second.close()


def _write_then_fail(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO t VALUES (3)")
    connection.execute("INSERT INTO missing VALUES (3)")


def test_a_file_in_another_mode_is_switched_and_a_reader_says_how(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    old = sqlite3.connect(path)
    old.execute("CREATE TABLE t (a)")
    with pytest.raises(RefusedError, match="not in WAL mode, but in mode delete"):
        connect(path, read_only=True)
    old.close()
    connect(path).close()
    with path.open("rb") as file:
        assert file.read(20)[18:] == b"\x02\x02"


def test_who_holds_it_exclusively_is_told_of_as_a_lock(opener: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    code = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "c.execute('PRAGMA locking_mode = EXCLUSIVE'); c.execute('CREATE TABLE t (a)');"
        "print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        try:
            with pytest.raises(RefusedError, match="locked"):
                opener(path, settings=Settings(busy_timeout_ms=0))
        finally:
            holder.communicate()


@pytest.mark.parametrize("name", ["no/such/folder/app.db", ":memory:"])
def test_what_cannot_be_opened_is_named(opener: Callable[..., Any], tmp_path: Path, name: str) -> None:
    path = name if name == ":memory:" else tmp_path / name
    with pytest.raises(RefusedError, match="cannot be opened for an application"):
        opener(path)
    assert not Path(":memory:").exists()


def test_a_file_that_is_no_database_is_named(opener: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    path.write_bytes(b"nothing of the kind" * 100)
    with pytest.raises(RefusedError, match="not a database"):
        opener(path)
    assert path.read_bytes() == b"nothing of the kind" * 100


def test_a_database_that_only_memory_holds_cannot_have_a_wal() -> None:
    connection = sqlite3.connect(":memory:")
    with pytest.raises(RefusedError, match="stays in mode memory"):
        configure(connection)
    connection.close()


def test_within_a_transaction_what_does_not_hold_is_said(tmp_path: Path) -> None:
    connect(tmp_path / "app.db").close()
    connection = sqlite3.connect(tmp_path / "app.db", isolation_level=None)
    connection.execute("BEGIN")
    with pytest.raises(RefusedError, match=r"(foreign_keys|synchronous|Safety level)"):
        configure(connection)
    connection.close()


def test_a_network_drive_is_refused_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(
        f"22 1 8:1 / / rw - ext4 /dev/sda rw\n40 22 0:50 / {tmp_path}/share\\040one rw - nfs4 host:/x rw\n"
    )
    share = tmp_path / "share one"
    share.mkdir()
    assert filesystem.kind(share / "app.db", mounts) == "nfs4"
    assert filesystem.kind(tmp_path / "share", mounts) == "ext4"
    assert filesystem.kind(share, tmp_path / "missing") == ""
    kind = filesystem.kind
    monkeypatch.setattr(filesystem, "kind", lambda path: kind(path, mounts))
    with pytest.raises(RefusedError, match=r"network file system \(nfs4\)"):
        connect(share / "app.db")
    assert not any(share.iterdir())


def test_it_needs_nothing_but_the_standard_library() -> None:
    code = (
        "import sys; import sqlite_recovery_tui.sqlite.write_queue;"
        "print(sorted({'apsw', 'numpy', 'textual', 'click', 'boto3', 'obstore'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
