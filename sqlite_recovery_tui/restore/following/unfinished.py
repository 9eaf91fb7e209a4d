"""Objects that do not hold, and may only be on their way: SFTP shows a file while it is written."""

from __future__ import annotations

from datetime import datetime

from sqlite_recovery_tui.domain import StoredObject
from sqlite_recovery_tui.errors import DamagedError
from sqlite_recovery_tui.restore.changes import CannotAdvance


class Unfinished:
    """Remembers how objects looked when they did not hold."""

    def __init__(self) -> None:
        """Remember nothing."""
        self._seen: dict[str, tuple[int, datetime]] = {}

    def is_spoilt(self, item: StoredObject) -> bool:
        """Tell whether an object still looks as it did when it did not hold."""
        return self._seen.get(item.key) == (item.size, item.time)

    def fault(self, item: StoredObject, message: str, *, object: str = "") -> DamagedError:
        """Return what it means that an object does not hold: damage, unless it changed since last time."""
        now = (item.size, item.time)
        before = self._seen.get(item.key, now)
        self._seen[item.key] = now
        if before != now:
            return DamagedError(f"{item.key} is still being written ({message})", object=item.key)
        return CannotAdvance(f"{object or item.key}: {message}", object=object or item.key)
