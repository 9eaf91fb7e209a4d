"""Databases of a watched directory: followed from when they appear, let go of when they are gone, kept."""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from sqlite_recovery_tui.clock import SYSTEM
from sqlite_recovery_tui.config import DaemonConfig, Settings, load
from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.replicate import directories
from sqlite_recovery_tui.replicate.directories import Directories
from sqlite_recovery_tui.replicate.missing import restore_missing
from sqlite_recovery_tui.replicate.supervisor import Supervisor
from tests.support.daemon import Daemon, wait_until
from tests.support.litestream import litestream
from tests.support.sql_process import SqlProcess


def settings_of(folder: Path) -> Settings:
    """Return the configuration of all tenants below `folder`."""
    file = folder / "sqlrecover.yml"
    file.write_text(
        f'dbs:\n- {{dir: {folder}/tenants, pattern: "*.db", recursive: true, watch: true,\n'
        f"   restore-if-db-not-exists: true, replica: {{path: {folder}/replica}}}}\n"
        f"sqlrecover: {{control-socket: {folder}/socket}}\n"
    )
    return load(file, environ={})


def write(path: Path, text: str) -> None:
    """Commit a row in a process of its own, the database made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with SqlProcess(path, "rwc") as application:
        application.rows("PRAGMA journal_mode = wal")
        application.rows("CREATE TABLE IF NOT EXISTS t (a)")
        application.rows(f"INSERT INTO t VALUES ('{text}')")


def rows(path: Path) -> list[str]:
    with SqlProcess(path) as application:
        return [row[0] for row in application.rows("SELECT a FROM t")]


def restored(settings: Settings, name: str, folder: Path) -> list[str]:
    """Return the rows that both programs restore of a tenant, whose own file is away."""
    database = settings.database(str(folder / "tenants" / name))
    assert not database.path.exists()
    assert restore_missing(database, clock=SYSTEM, cancel=CancelToken()) is not None
    theirs = folder / "theirs.db"
    theirs.unlink(missing_ok=True)
    command = [litestream("0.3.13"), "restore", "-o", theirs, f"file://{folder}/replica/{name}"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    assert rows(theirs) == rows(database.path)
    return rows(theirs)


def delete(path: Path) -> None:
    for each in path.parent.glob(f"{path.name}*"):
        each.unlink()


def health(supervisor: Supervisor) -> dict[str, str]:
    return {each.name: each.health for each in supervisor.status().databases}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Callable[[Settings], Supervisor]:
    """Follow what a configuration says, in this process; at the end everything must be durable."""
    monkeypatch.setattr(directories, "GONE_SECONDS", 0.2)

    def begin(settings: Settings) -> Supervisor:
        supervisor = Supervisor(settings.databases, DaemonConfig(shutdown_sync_timeout=timedelta(seconds=20)))
        supervisor.start()
        looking = Directories(settings.directories, settings.databases, supervisor, seconds=0.05)

        def end() -> None:
            looking.close()
            lost = supervisor.stop(20)
            supervisor.close()
            assert lost == ""

        request.addfinalizer(end)
        return supervisor

    return begin


def test_databases_come_and_go_and_none_is_lost(
    run: Callable[[Settings], Supervisor], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tenants = tmp_path / "tenants"
    write(tenants / "a.db", "first")
    settings = settings_of(tmp_path)
    (tenants / "late.db").touch()
    supervisor = run(settings)
    wait_until(lambda: health(supervisor) == {"a.db": "protected"}, "the first is never protected")

    write(tenants / "eu/b.db", "second")
    write(tenants / "late.db", "third")
    write(tenants / "us/b.db", "fourth")
    (tenants / "notes.db").write_text("not a database")
    expected = dict.fromkeys(("a.db", "b.db", "late.db", "us/b.db"), "protected")
    found = {**expected, "eu/b.db": "protected"}
    wait_until(
        lambda: len(health(supervisor)) == 4 and set(health(supervisor).values()) == {"protected"},
        f"they are never found: {found}",
    )
    with caplog.at_level(logging.INFO):
        write(tenants / "us/b.db", "fifth")
        delete(tenants / "us/b.db")
        delete(tenants / "a.db")
        wait_until(lambda: caplog.text.count("let go of, with") == 2, "the deleted ones are never given up")
    assert len(health(supervisor)) == 2
    assert "its file is gone" in caplog.text
    assert "fault" not in caplog.text
    assert restored(settings, "us/b.db", tmp_path) == ["fourth", "fifth"]
    wait_until(lambda: len(health(supervisor)) == 3, "what came back is not followed")
    assert not (tenants / "a.db").exists()  # what somebody deleted is not restored by itself
    assert restored(settings, "a.db", tmp_path) == ["first"]


def test_the_daemon_begins_with_an_empty_directory(tmp_path: Path) -> None:
    (tmp_path / "tenants").mkdir()
    settings_of(tmp_path)
    with Daemon("--config", tmp_path / "sqlrecover.yml") as daemon:
        wait_until((tmp_path / "socket").exists, "it never listens")
        write(tmp_path / "tenants/a.db", "first")
        daemon.wait_for("protected at")
        assert daemon.end() == 0
    delete(tmp_path / "tenants/a.db")
    assert restored(settings_of(tmp_path), "a.db", tmp_path) == ["first"]
