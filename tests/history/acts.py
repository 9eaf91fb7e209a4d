"""Acts as the two faces record them, for tests of the ledger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlite_recovery_tui.history.entry import Entry
from sqlite_recovery_tui.history.process import who

MOMENT = datetime(2026, 3, 26, 14, 3, 12, 250_000, tzinfo=UTC)
URL = "s3://backup/app"


def restored(minute: int = 0, **members: Any) -> Entry:
    """Return a restore that succeeded `minute` minutes after `MOMENT`, with a check that passed."""
    started = MOMENT + timedelta(minutes=minute)
    known: dict[str, Any] = {
        "kind": "restore",
        "started": started,
        "ended": started + timedelta(seconds=2),
        "duration": 2.0,
        "version": "0.2.0",
        "database": "/srv/app.db",
        "replica": "s3",
        "url": URL,
        "lineage": "5f3a91c2d4e5f607",
        "position": "5f3a91c2d4e5f607/00000012:00041038",
        "point_time": started - timedelta(minutes=1),
        "asked": "5 min ago",
        "output": "/tmp/out.db",
        "outcome": "ok",
        "verdict": "proven",
        "integrity": "ok",
        "command": "sqlrecover restore -o /tmp/out.db s3://backup/app",
        **who(),
    }
    return Entry(**{**known, **members})
