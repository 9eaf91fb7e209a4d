"""What a configuration says of the daemon: Litestream's keys and ours, each fault with its line."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from sqlite_recovery_tui.config import DaemonConfig, Settings
from tests.config.conftest import Loader, Refused


def test_without_a_word_the_defaults_hold(loaded: Loader) -> None:
    daemon = loaded("dbs: [{path: /a}]").daemon
    assert daemon == Settings().daemon == DaemonConfig()
    assert (daemon.addr, daemon.command, daemon.shutdown_sync_timeout) == ("", "", timedelta(seconds=30))


def test_everything_can_be_said(loaded: Loader) -> None:
    settings = loaded(
        """\
        addr: ":9090"
        exec: node server.js
        logging: {level: WARN, type: json}
        shutdown-sync-timeout: 1m
        sqlrecover:
          control-socket: ~/control.sock
          shutdown-sync-timeout: 5s
          spool-max: 1GiB
          uploads: 3
          snapshots: 1
          drill: {every: 24h, at: latest, webhook: "https://user:hunter2@alarm.example.com/hook"}
        dbs: [{path: /a, restore-if-db-not-exists: true}, {path: /b}]
        """,
        environ={"HOME": "/home/me"},
    )
    daemon = settings.daemon
    assert daemon.command == "node server.js"
    assert daemon.command not in repr(settings)
    assert (daemon.addr, daemon.log_level, daemon.log_json) == (":9090", "warning", True)
    assert daemon.control_socket == Path("/home/me/control.sock")
    assert daemon.shutdown_sync_timeout == timedelta(seconds=5)
    assert (daemon.spool_max, daemon.uploads, daemon.snapshots) == (1 << 30, 3, 1)
    assert (daemon.drill_every, daemon.drill_at) == (timedelta(days=1), "latest")
    assert daemon.drill_webhook is not None
    assert daemon.drill_webhook.reveal() == "https://user:hunter2@alarm.example.com/hook"
    assert "hunter2" not in repr(settings)
    assert [database.restore_if_db_not_exists for database in settings.databases] == [True, False]
    assert settings.warnings == ()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("addr: nowhere", "addr: expected HOST:PORT"),
        ("addr: ':99999'", "addr: expected HOST:PORT"),
        ("logging: {level: loud}", "logging.level: expected debug, info, warn or error"),
        ("logging: {type: xml}", "logging.type: expected text or json"),
        ("sqlrecover: {uploads: 0}", "sqlrecover.uploads: expected at least 1"),
        ("sqlrecover: {spool-max: 1KiB}", "sqlrecover.spool-max: expected at least 16MiB"),
        ("sqlrecover: {shutdown-sync-timeout: -1s}", "sqlrecover.shutdown-sync-timeout: expected no less"),
        ("sqlrecover: {drill: {every: 1ms}}", "sqlrecover.drill.every: expected no less than 1s"),
        ("sqlrecover: {drill: {every: 1h, at: never}}", "sqlrecover.drill.at: expected random or latest"),
        ("sqlrecover: {drill: {at: latest}}", "sqlrecover.drill: every is missing"),
        (f"sqlrecover: {{control-socket: /{'a' * 120}}}", "sqlrecover.control-socket: longer than"),
        ("dbs: [{path: /a, sqlrecover: {uploads: 1}}]", "belongs in sqlrecover at the top of the file"),
    ],
)
def test_a_fault_has_its_line(refused: Refused, line: str, said: str) -> None:
    error = refused(f"\n{line}\n")
    assert said in error.message
    assert error.line == 2
