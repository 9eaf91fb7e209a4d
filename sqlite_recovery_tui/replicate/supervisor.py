"""Many databases in one process: one scheduler for when each is looked at, a few workers that look."""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from sqlite_recovery_tui import __version__
from sqlite_recovery_tui.clock import SYSTEM, Clock
from sqlite_recovery_tui.config import DaemonConfig, DatabaseConfig
from sqlite_recovery_tui.errors import RecoverError, RefusedError
from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.replicate.events import Event, EventKind
from sqlite_recovery_tui.replicate.minder import Minder, Shared
from sqlite_recovery_tui.replicate.missing import restore_missing
from sqlite_recovery_tui.replicate.outlet import Outlet, Slots
from sqlite_recovery_tui.replicate.status import DaemonStatus, DatabaseStatus
from sqlite_recovery_tui.replicate.watch import Watch

MOST_WORKERS = 4
_QUIET: frozenset[EventKind] = frozenset({"began", "resumed", "truncated", "sink-recovered"})

logger = logging.getLogger("sqlite_recovery_tui.replicate")


class Supervisor:
    """Keeps databases from `start` to `stop`."""

    def __init__(
        self,
        databases: Sequence[DatabaseConfig],
        config: DaemonConfig,
        *,
        restore: bool = False,
        clock: Clock = SYSTEM,
        notify: bool = True,
        source: str = "",
        verified: Callable[[str], datetime | None] = lambda _url: None,
    ) -> None:
        """Take the databases; `restore` those that are missing, all of them or those that ask for it.

        `verified` tells when a restore of the replica at a URL was last proven.
        """
        self._verified = verified
        self._clock, self._since = clock, clock.now()
        self._source = source
        self._config, self._restore = config, restore
        self._watch = Watch(notify=notify)
        self._cancel = CancelToken()
        shared = Shared(
            clock=clock,
            slots=Slots(config.uploads),
            snapshots=threading.Semaphore(config.snapshots),
            spool_max=config.spool_max,
            tell=_tell,
            tell_protected=self._tell_protected,
            arm=self._watch.arm,
            wake=self._wake,
        )
        named = zip(databases, _names(databases), strict=True)
        self.minders = tuple(Minder(database, name, shared) for database, name in named)
        self._due = dict.fromkeys(self.minders, 0.0)
        self._busy: set[Minder] = set()
        self._restored: set[Minder] = set()
        self._lock = threading.Lock()
        self._work: queue.SimpleQueue[Minder | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []

    def restore_missing(self, cancel: CancelToken) -> None:
        """Restore what is missing and wished for, before anything is begun; raise `RecoverError`."""
        for minder in self.minders:
            self._restore_one(minder, cancel)

    def start(self) -> None:
        """Begin; raise `RefusedError` when another daemon has one of the databases."""
        for minder in self.minders:
            try:
                if not self._wants_restore(minder):
                    minder.open()
            except RefusedError:
                raise
            except RecoverError as error:
                logger.warning("%s", error, extra={"db": minder.name})
        workers = min(MOST_WORKERS, len(self.minders))
        self._threads = [
            threading.Thread(target=self._worker, name=f"look {number}", daemon=True)
            for number in range(workers)
        ]
        self._threads.append(threading.Thread(target=self._schedule, name="schedule", daemon=True))
        for thread in self._threads:
            thread.start()

    def stop(self, seconds: float) -> str:
        """Look once more, ship what is there within `seconds`; return what is not durable, "" when all is."""
        until = self._clock.monotonic() + seconds
        self._cancel.cancel()
        self._watch.wake()
        for _ in self._threads:
            self._work.put(None)
        for minder in self.minders:
            minder.stop(max(until - self._clock.monotonic(), 0.0))
        missing = [lost for minder in self.minders if (lost := minder.missing())]
        return "; ".join(missing)

    def close(self) -> None:
        """Let go of everything where it stands, when `stop` was never called; harmless after it."""
        self._cancel.cancel()
        self._watch.wake()

    def status(self) -> DaemonStatus:
        """Return how everything fares."""
        return DaemonStatus(
            pid=os.getpid(),
            version=__version__,
            since=self._since,
            now=self._clock.now(),
            config=self._source,
            databases=tuple(self._with_proofs(minder.status()) for minder in self.minders),
        )

    def _with_proofs(self, status: DatabaseStatus) -> DatabaseStatus:
        replicas = (replace(each, verified=self._verified(each.url)) for each in status.replicas)
        return replace(status, replicas=tuple(replicas))

    def now(self) -> datetime:
        """Return the time that commits are seen at."""
        return self._clock.now()

    def find(self, database: Path) -> Minder | None:
        """Return who keeps the database at `database`, links followed."""
        real = os.path.realpath(database)
        return next((minder for minder in self.minders if os.path.realpath(minder.path) == real), None)

    # ── the scheduler ──

    def _schedule(self) -> None:
        for minder in self.minders:
            self._watch.add(minder.path)
        while not self._cancel.cancelled:
            now = self._clock.monotonic()
            with self._lock:
                ready = [
                    minder for minder, due in self._due.items() if due <= now and minder not in self._busy
                ]
                self._busy.update(ready)
                rest = [due for minder, due in self._due.items() if minder not in self._busy]
            for minder in ready:
                self._work.put(minder)
            for path in self._watch.wait(max(min(rest) - now, 0.0) if rest else None):
                if moved := self._by_path(path):
                    self._put_off(moved, moved.moved())

    def _by_path(self, path: Path) -> Minder | None:
        return next((minder for minder in self.minders if minder.path == path), None)

    def _wake(self, minder: Minder) -> None:
        self._put_off(minder, 0.0)
        self._watch.wake()

    def _put_off(self, minder: Minder, seconds: float) -> None:
        """Have a minder stepped in so many seconds, unless it is its turn before."""
        due = self._clock.monotonic() + seconds
        with self._lock:
            self._due[minder] = min(self._due[minder], due)

    def _worker(self) -> None:
        while (minder := self._work.get()) is not None:
            with self._lock:
                self._due[minder] = float("inf")
            try:
                wait = self._stepped(minder)
            except Exception:  # a fault of ours must not end the others
                logger.exception("a fault of the program", extra={"db": minder.name})
                wait = 1.0
            with self._lock:
                self._due[minder] = min(self._due[minder], self._clock.monotonic() + wait)
                self._busy.discard(minder)
            self._watch.wake()

    def _stepped(self, minder: Minder) -> float:
        if self._wants_restore(minder):
            try:
                self._restore_one(minder, self._cancel)
            except RecoverError as error:
                logger.error("it is missing and cannot be restored: %s", error, extra={"db": minder.name})
                return 30.0
        return minder.step()

    # ── databases that are missing ──

    def _wants_restore(self, minder: Minder) -> bool:
        wished = self._restore or minder.database.restore_if_db_not_exists
        return wished and minder not in self._restored and not minder.path.exists()

    def _restore_one(self, minder: Minder, cancel: CancelToken) -> None:
        if not self._wants_restore(minder):
            return
        result = restore_missing(minder.database, clock=self._clock, cancel=cancel)
        self._restored.add(minder)
        if result is None:
            logger.warning("no replica holds anything to restore", extra={"db": minder.name})
        else:
            logger.info("restored as of %s", result.time.isoformat(), extra={"db": minder.name})

    def _tell_protected(self, minder: Minder, outlet: Outlet) -> None:
        logger.info(
            "protected at %s", outlet.replica.url, extra={"db": minder.name, "replica": outlet.replica.name}
        )


def _tell(minder: Minder, event: Event) -> None:
    level = logging.INFO if event.kind in _QUIET else logging.WARNING
    logger.log(level, "%s: %s", event.kind, event.detail, extra={"db": minder.name})


def _names(databases: Sequence[DatabaseConfig]) -> list[str]:
    """Return what each is called in logs and metrics: as little of its path as tells it from the others."""
    parts = 1
    while True:
        names = ["/".join(database.path.parts[-parts:]) for database in databases]
        if len(set(names)) == len(names) or parts > max(len(each.path.parts) for each in databases):
            return names
        parts += 1
