"""What belongs to a moment, told by those who wrote it where a listing does not say it exactly."""

from __future__ import annotations

from datetime import datetime

from sqlite_recovery_tui.progress import CancelToken, ProgressFn, ignore_progress
from sqlite_recovery_tui.replica import commit_times
from sqlite_recovery_tui.replica.timeline import Timeline
from sqlite_recovery_tui.replica.times import exact_times
from sqlite_recovery_tui.storage.base import Store


def dated_around(
    store: Store,
    timeline: Timeline,
    moment: datetime,
    *,
    cancel: CancelToken | None = None,
    progress: ProgressFn = ignore_progress,
) -> Timeline:
    """Return the timeline with LTX files dated by their writer, and commits by our daemon, around `moment`.

    Raises `StorageError`, `Cancelled`.
    """
    exact = exact_times(store, timeline, around=moment, cancel=cancel, progress=progress)
    return commit_times.read_around(store, exact, moment, cancel=cancel)
