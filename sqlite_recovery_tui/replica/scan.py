"""List a replica into a `Timeline`, telling what is known while the rest still arrives."""

from __future__ import annotations

from collections.abc import Callable

from sqlite_recovery_tui.clock import SYSTEM, Clock
from sqlite_recovery_tui.progress import CancelToken, Progress, ProgressFn, ignore_progress
from sqlite_recovery_tui.replica.timeline import Timeline, TimelineBuilder
from sqlite_recovery_tui.storage.base import Store

PARTIAL_SECONDS = 0.5
"""How often an unfinished timeline is handed out, after the first page."""


def scan(
    store: Store,
    *,
    progress: ProgressFn = ignore_progress,
    cancel: CancelToken | None = None,
    on_partial: Callable[[Timeline], None] | None = None,
    clock: Clock = SYSTEM,
) -> Timeline:
    """List everything in `store` and return its timeline.

    `on_partial` gets the timeline so far after the first page and then every half second. Raises
    `StorageError`, and `Cancelled` when `cancel` asks for it.
    """
    builder = TimelineBuilder()
    count = 0
    next_partial = clock.monotonic()
    for page in store.list(""):
        if cancel is not None:
            cancel.check()
        for item in page:
            builder.add(item.key, item.size, item.time, item.etag)
        count += len(page)
        progress(Progress("listing", count, None, "objects"))
        if on_partial is not None and clock.monotonic() >= next_partial:
            on_partial(builder.timeline())
            next_partial = clock.monotonic() + PARTIAL_SECONDS
    return builder.timeline()
