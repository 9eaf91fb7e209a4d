"""Databases that come and go in watched directories while the daemon runs.

Directories are looked at, not listened to: that holds on every file system. Nothing is read again where no
folder has changed, and never a database that is followed.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from sqlite_recovery_tui.config import DatabaseConfig, DirectoryConfig
from sqlite_recovery_tui.config.directories import candidates, find, folders

LOOK_SECONDS = 1.0
GONE_SECONDS = 5.0
"""How long a file must be away before its database is given up: somebody may be exchanging it."""
_ANYWAY_SECONDS = 60.0
_UNSETTLED_NS = 2_000_000_000
"""What changed less than this ago may change again and keep its time."""

logger = logging.getLogger("sqlite_recovery_tui.replicate")


class Keeper(Protocol):
    """Who follows databases."""

    def paths(self) -> frozenset[Path]:
        """Return the databases that are followed, or waited for."""

    def add(self, database: DatabaseConfig) -> None:
        """Follow one more."""

    def remove(self, path: Path) -> None:
        """Ship what there is of it, and follow it no more."""


class Directories:
    """Looks at watched directories until `close`; calls its keeper from a thread of its own."""

    def __init__(
        self,
        directories: Iterable[DirectoryConfig],
        databases: Sequence[DatabaseConfig],
        keeper: Keeper,
        seconds: float = LOOK_SECONDS,
    ) -> None:
        """Begin to look every so many `seconds`; `databases` were found before."""
        self._watched = [_Watched(directory, databases, keeper) for directory in directories]
        self._seconds = seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="directories", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            for watched in self._watched:
                try:
                    watched.look()
                except Exception:  # a fault of ours must not end the others
                    logger.exception("a fault of the program", extra={"db": str(watched.directory.path)})


class _Watched:
    """One directory: what was found in it, and what it looked like then."""

    def __init__(
        self, directory: DirectoryConfig, databases: Sequence[DatabaseConfig], keeper: Keeper
    ) -> None:
        self.directory, self._keeper = directory, keeper
        self._mine = {each.path for each in databases if each.directory == directory.path}
        self._away: dict[Path, float] = {}
        self._times: dict[Path, int] = {}
        self._again_at = 0.0
        self._told: set[str] = set()

    def look(self) -> None:
        if time.monotonic() >= self._again_at or self._times != dict(_times(self._times)):
            self._scan()
        elif not self._away:
            return
        for path in sorted(self._mine):
            self._judge(path)

    def _scan(self) -> None:
        began = time.time_ns()
        times = dict(_times(folder for folder, _ in folders(self.directory)))
        followed = self._keeper.paths()
        found = {each.path: each for each in find(self.directory, self._tell, followed)}
        for path in found.keys() - followed:
            self._mine.add(path)
            logger.info("found in %s", self.directory.path, extra={"db": str(path)})
            self._keeper.add(found[path])
        times |= _times(path for path in candidates(self.directory) if path not in found)
        is_settled = all(began - changed > _UNSETTLED_NS for changed in times.values())
        self._times = times
        self._again_at = time.monotonic() + (_ANYWAY_SECONDS if is_settled else 0.0)

    def _judge(self, path: Path) -> None:
        """Let go of a database whose file has been away for long enough."""
        if os.path.lexists(path):
            self._away.pop(path, None)
            return
        if time.monotonic() - self._away.setdefault(path, time.monotonic()) < GONE_SECONDS:
            return
        del self._away[path]
        self._mine.discard(path)
        logger.warning(
            "its file is gone: it is followed no more, and its history stays", extra={"db": str(path)}
        )
        self._keeper.remove(path)

    def _tell(self, trouble: str) -> None:
        if trouble not in self._told:
            self._told.add(trouble)
            logger.warning("%s", trouble, extra={"db": str(self.directory.path)})


def _times(paths: Iterable[Path]) -> Iterator[tuple[Path, int]]:
    """Yield when each path last changed; -1 for what is not there."""
    for path in paths:
        changed = -1
        with suppress(OSError):
            changed = path.stat().st_mtime_ns
        yield path, changed
