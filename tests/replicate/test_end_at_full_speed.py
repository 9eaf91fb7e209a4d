"""SIGTERM while an application writes at full speed: it ends in time, and all that was committed is there."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from sqlite_recovery_tui.storage.files import FileStore
from tests.support.daemon import Daemon, wait_until
from tests.support.full_speed import command, committed, running
from tests.support.shelf import content_of
from tests.support.sql_process import SqlProcess

SECONDS = 25
"""What the daemon has to make the last commits durable; 0 is its exit code when it did so in time."""


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    path = tmp_path / "app.db"
    with SqlProcess(path, "rwc") as application:
        application.rows("PRAGMA journal_mode=WAL")
        application.rows("CREATE TABLE t (number INTEGER PRIMARY KEY, body TEXT)")
    (tmp_path / "config.yml").write_text(
        f"sqlrecover: {{shutdown-sync-timeout: {SECONDS}s}}\n"
        f"dbs: [{{path: {path}, replicas: [{{path: {tmp_path / 'replica'}}}]}}]\n"
    )
    return path


def wait_shipped(folder: Path) -> None:
    """Wait until the application is under way, and so is what it wrote."""
    wait_until(lambda: committed(folder / "noted") > 2000, "the application does not write")
    wait_until(lambda: len(list((folder / "replica").rglob("*.wal.lz4"))) > 1, "nothing is shipped")


def rows(folder: Path) -> int:
    """Return how many rows the replica restores: from the first on, none left out, each as it was written."""
    (folder / "restored.db").write_bytes(content_of(FileStore(folder / "replica")))
    with SqlProcess(folder / "restored.db") as restored:
        assert restored.rows("PRAGMA integrity_check") == [["ok"]]
        ((count, last, changed),) = restored.rows(
            "SELECT count(*), max(number), total(body NOT LIKE 'row ' || number || ' %') FROM t"
        )
    assert (count, changed) == (last, 0)
    return int(count)


def test_what_was_committed_before_the_signal_is_there(database: Path, tmp_path: Path) -> None:
    with Daemon("-config", tmp_path / "config.yml") as daemon, running(database, tmp_path / "noted"):
        daemon.wait_for("protected")
        wait_shipped(tmp_path)
        before = committed(tmp_path / "noted")
        assert daemon.end() == 0, daemon.said
        wait_until(lambda: committed(tmp_path / "noted") > before, "the application was ended as well")
    assert rows(tmp_path) >= before


def test_all_that_the_application_ever_committed_is_there(database: Path, tmp_path: Path) -> None:
    application = shlex.join(command(database, tmp_path / "noted"))
    with Daemon("-config", tmp_path / "config.yml", "-exec", application) as daemon:
        wait_shipped(tmp_path)
        assert daemon.end() == 0, daemon.said
    assert rows(tmp_path) == committed(tmp_path / "noted") > 2000
