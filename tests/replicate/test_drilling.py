"""The daemon restores what it replicated when the last proof is too old, and tells what is lost."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlite_recovery_tui.history.ledger import Ledger
from sqlite_recovery_tui.replicate.drilling import is_due
from tests.support.daemon import Daemon
from tests.support.sql_process import SqlProcess

NOW = datetime(2026, 3, 26, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def test_a_drill_is_due_when_a_proof_is_missing_or_old_and_the_last_try_too() -> None:
    fresh, old = NOW - timedelta(hours=1), NOW - timedelta(days=2)
    assert is_due(NOW, DAY, None, [fresh, None])
    assert is_due(NOW, DAY, None, [fresh, old])
    assert is_due(NOW, DAY, old, [old])
    assert not is_due(NOW, DAY, None, [fresh, fresh])
    assert not is_due(NOW, DAY, fresh, [old, None])


def test_what_is_replicated_is_proven_and_damage_is_told(tmp_path: Path) -> None:
    database, replica, state = tmp_path / "app.db", tmp_path / "replica", tmp_path / "state"
    config = tmp_path / "replicate.yml"
    config.write_text(
        f"dbs:\n  - path: {database}\n    replicas:\n      - path: {replica}\n"
        "sqlrecover:\n  drill:\n    every: 1s\n    at: latest\n"
    )
    with (
        SqlProcess(database, "rwc") as application,
        Daemon("-config", config, environ={"XDG_STATE_HOME": str(state)}) as daemon,
    ):
        application.rows("PRAGMA journal_mode=WAL")
        application.rows("CREATE TABLE t (body)")
        daemon.wait_for("drill: SQLRECOVER OK - 1 replica restored and checked")
        proof = Ledger.open(state / "sqlrecover" / "history.db").last_proof(replica.as_uri())
        assert proof is not None
        assert proof.how == "a full restore"
        for stored in replica.rglob("*.lz4"):
            with stored.open("r+b") as opened:
                opened.seek(-8, os.SEEK_END)
                opened.write(b"\xff" * 8)
        assert "CRITICAL" in daemon.wait_for("drill: SQLRECOVER CRITICAL")
        assert daemon.end() == 0
