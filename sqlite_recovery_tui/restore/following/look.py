"""What a follower sees of a replica: mostly the place where the next change appears, now and then all.

The names of what comes next are known, and to ask for one costs the same however large the replica is.
Whatever does not connect there, or belongs elsewhere (a new generation, another format, a history that
began anew), shows when everything is listed.
"""

from __future__ import annotations

from sqlite_recovery_tui.clock import Clock
from sqlite_recovery_tui.domain import StoredObject
from sqlite_recovery_tui.errors import ObjectNotFound
from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.replica.scan import scan
from sqlite_recovery_tui.replica.timeline import Timeline
from sqlite_recovery_tui.restore.changes import CannotAdvance
from sqlite_recovery_tui.restore.live.mark import Mark
from sqlite_recovery_tui.restore.target import format_utc
from sqlite_recovery_tui.storage.base import ObjectInfo, Store

FULL_SECONDS = 30.0
"""How often everything is listed."""


class Look:
    """Looks at one replica, and knows when the next full one is due."""

    def __init__(self, store: Store, clock: Clock, cancel: CancelToken) -> None:
        """Begin with a full look due."""
        self._store = store
        self._clock = clock
        self._cancel = cancel
        self._taken_at: float | None = None

    @property
    def is_due(self) -> bool:
        """Whether a look at single objects will not do."""
        now = self._clock.monotonic()
        return self._taken_at is None or now - self._taken_at >= FULL_SECONDS

    def forget(self) -> None:
        """Let the next look be a full one."""
        self._taken_at = None

    def full(self) -> Timeline:
        """List everything."""
        began = self._clock.monotonic()
        timeline = scan(self._store, cancel=self._cancel, clock=self._clock)
        self._taken_at = began
        return timeline

    def find(self, key: str) -> ObjectInfo | None:
        """Return what is known of one object, None when it is not there; no request costs less."""
        try:
            return self._store.head(key)
        except ObjectNotFound:
            return None

    def folders(self, prefix: str) -> frozenset[str]:
        """Return the names of the folders directly below `prefix`."""
        found = self._store.list_folders(prefix)
        return frozenset(folder.removeprefix(prefix).rstrip("/") for folder in found)


def check_nothing_newer(timeline: Timeline, since: Mark) -> None:
    """Raise `CannotAdvance` when history went on in another lineage than that of `since`."""
    reached = timeline.reached(None)
    if reached is None:
        return
    lineage, point = reached
    if lineage.id != since.lineage and point.time >= since.time:
        raise CannotAdvance(
            f"the copy's history has ended: it goes on in {lineage.title} since {format_utc(lineage.start)}",
            object=point.key,
            next_good=point,
        )


def same_object(one: StoredObject, other: StoredObject) -> bool:
    """Tell whether two listings of a key show the same content, whatever became of the object's times."""
    if one.etag is not None and one.etag == other.etag:
        return True
    return (one.size, one.time) == (other.size, other.time)
