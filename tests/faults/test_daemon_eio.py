"""A disk that fails under the daemon: it says so, nothing is lost or made up, and it goes on by itself."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sqlite_recovery_tui.clock import SYSTEM
from sqlite_recovery_tui.config import DatabaseConfig, replica_from_url
from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.replicate.control import ask
from sqlite_recovery_tui.replicate.missing import restore_missing
from tests.support.daemon import Daemon, wait_until
from tests.support.litestream import litestream
from tests.support.sql_process import SqlProcess

STRACE = shutil.which("strace")
CASES = {
    # the calls that fail, of which file alone, and the event that must be logged, or else in the status
    "reading the log": ("preadv,pread64", "app.db-wal", "unreadable:"),
    "folding the log in": ("pwrite64", "app.db", "fold-failed:"),
    "making the fold last": ("fdatasync,fsync", "app.db", "fold-failed:"),
    "keeping and shipping": ("pwrite64,fsync,fdatasync", "", ""),
}


@pytest.fixture
def app(tmp_path: Path) -> Iterator[SqlProcess]:
    with SqlProcess(tmp_path / "app.db", "rwc") as application:
        application.rows("PRAGMA journal_mode = wal")
        application.rows("PRAGMA wal_autocheckpoint = 0")
        application.rows("CREATE TABLE t (a INTEGER PRIMARY KEY, b)")
        yield application


def config(folder: Path) -> Path:
    file = folder / "sqlrecover.yml"
    file.write_text(
        f"dbs: [{{path: {folder}/app.db, monitor-interval: 20ms, min-checkpoint-page-count: 20,\n"
        f"  checkpoint-interval: 1s, replicas: [{{path: {folder}/replica, sync-interval: 20ms}}]}}]\n"
        f"sqlrecover: {{control-socket: {folder}/socket}}\n"
    )
    return file


def restored(folder: Path) -> list[object]:
    """Return the rows that both programs restore."""
    found = []
    ours, theirs = folder / "ours.db", folder / "theirs.db"
    place = DatabaseConfig(ours, ours.name, (replica_from_url((folder / "replica").as_uri()),))
    assert restore_missing(place, clock=SYSTEM, cancel=CancelToken()) is not None
    command = [litestream("0.3.13"), "restore", "-o", theirs, (folder / "replica").as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    for path in (ours, theirs):
        with SqlProcess(path) as application:
            assert application.value("PRAGMA integrity_check") == "ok"
            found.append(application.rows("SELECT a, b FROM t ORDER BY a"))
    assert found[0] == found[1]
    return found[0]


@contextmanager
def failing(pid: int, calls: str, file: Path | None) -> Iterator[None]:
    """Let system calls of a process fail with EIO until the end of the block."""
    words = [str(STRACE), "-f", "-o", "/dev/null", "-e", f"trace={calls}", "-e", f"inject={calls}:error=EIO"]
    words += ["-P", str(file)] if file else []
    strace = subprocess.Popen([*words, "-p", str(pid)], stderr=subprocess.PIPE, text=True)
    with strace:
        assert strace.stderr is not None
        first = strace.stderr.readline()
        try:
            if "attached" not in first:
                pytest.skip(f"strace may not attach to a process here: {first.strip()}")
            yield
        finally:
            strace.terminate()
            strace.stderr.read()


@pytest.mark.skipif(STRACE is None, reason="strace is needed to let a disk fail")
@pytest.mark.parametrize("case", CASES)
def test_an_error_of_the_disk_is_told_and_overcome(case: str, app: SqlProcess, tmp_path: Path) -> None:
    calls, file, event = CASES[case]
    committed = 0

    def write() -> None:
        nonlocal committed
        committed += "rows" in app.ask(f"INSERT INTO t VALUES ({committed}, hex(randomblob(3000)))")

    with Daemon("--config", config(tmp_path)) as daemon:
        wait_until(lambda: is_durable(tmp_path), "it is never protected")

        def is_told() -> bool:
            write()
            return bool(daemon.messages(event)) if event else "input/output error" in told(tmp_path)

        with failing(daemon.pid, calls, tmp_path / file if file else None):
            wait_until(is_told, f"{event} is never told of")
            write()
        write()
        wait_until(lambda: is_durable(tmp_path), "it does not go on by itself")
        write()
        assert daemon.end() == 0, daemon.said
    live = app.rows("SELECT a, b FROM t ORDER BY a")
    assert app.value("PRAGMA integrity_check") == "ok"
    assert len(live) == committed
    assert restored(tmp_path) == live


def told(folder: Path) -> str:
    return json.dumps(ask(folder / "socket", {"op": "status"}, seconds=20)).lower()


def is_durable(folder: Path) -> bool:
    try:
        return bool(ask(folder / "socket", {"op": "sync", "wait": 5}, seconds=20)["durable"])
    except OSError:  # it does not listen yet
        return False
