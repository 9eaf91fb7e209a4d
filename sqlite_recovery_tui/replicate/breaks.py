"""When the history of one database broke, kept beside its spool: the holes that its replicas still have."""

from __future__ import annotations

import json
import logging
import threading
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from sqlite_recovery_tui.clock import Clock
from sqlite_recovery_tui.durable import replace_file
from sqlite_recovery_tui.replicate.ship import RETENTION

_MOST = 1000
logger = logging.getLogger("sqlite_recovery_tui.replicate")


class Breaks:
    """The times at which a new generation had to begin where there was one before; survives restarts."""

    def __init__(self, path: Path, clock: Clock) -> None:
        """Read nothing yet."""
        self._path, self._clock = path, clock
        self._times: list[datetime] | None = None
        self._lock = threading.Lock()

    def add(self, why: str) -> None:
        """Note a break now; one that cannot be written is counted until the process ends."""
        with self._lock:
            times = self._known()
            times.append(self._clock.now())
            del times[:-_MOST]
            lines = [json.dumps({"at": at.isoformat()}) for at in times]
            try:
                replace_file(self._path, "\n".join([*lines, ""]).encode())
            except OSError as error:
                logger.warning("a break (%s) could not be noted: %s", why, error.strerror or error)

    def within(self, retention: timedelta | None) -> int:
        """Return how many breaks lie in the history that a replica with this retention keeps.

        None is the default; nothing or less keeps everything.
        """
        kept = RETENTION if retention is None else retention
        with self._lock:
            times = self._known()
            since = self._clock.now() - kept
            return len(times) if kept <= timedelta(0) else sum(at >= since for at in times)

    def _known(self) -> list[datetime]:
        if self._times is None:
            self._times = _read(self._path)
        return self._times


def _read(path: Path) -> list[datetime]:
    """Return the times in a file; a line that says nothing is left out."""
    found: list[datetime] = []
    lines: list[str] = []
    with suppress(OSError, UnicodeDecodeError):
        lines = path.read_text(encoding="utf-8").splitlines()
    for line in lines:
        with suppress(ValueError, KeyError, TypeError):
            at = datetime.fromisoformat(json.loads(line)["at"])
            if at.tzinfo is not None:
                found.append(at)
    return found
