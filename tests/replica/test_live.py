"""The age of a production database is told without opening it."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from sqlite_recovery_tui.replica.live import changed_at


def test_the_newer_of_database_and_log_counts(tmp_path: Path) -> None:
    database, log = tmp_path / "a.db", tmp_path / "a.db-wal"
    assert changed_at(database) is None
    for file, second in ((database, 1_000), (log, 2_000)):
        file.touch()
        os.utime(file, ns=(second * 10**9 + 123_456_789,) * 2)
    assert changed_at(database) == datetime.fromtimestamp(2_000, UTC).replace(microsecond=123_456)
    os.utime(database, (3_000, 3_000))
    assert changed_at(database) == datetime.fromtimestamp(3_000, UTC)


def test_a_name_that_no_file_can_have_cannot_be_seen() -> None:
    assert changed_at(Path("/no\0where")) is None
