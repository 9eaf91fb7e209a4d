"""When a production database last changed, told by the times of its files alone; nothing is opened."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path


def changed_at(database: Path) -> datetime | None:
    """Return the newest time of the database and its write-ahead log; None when neither can be seen."""
    times = []
    for file in (database, Path(f"{database}-wal")):
        with contextlib.suppress(OSError, ValueError):  # a name that no file can have
            times.append(file.stat().st_mtime_ns)
    if not times:
        return None
    seconds, nanoseconds = divmod(max(times), 10**9)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=nanoseconds // 1000)
