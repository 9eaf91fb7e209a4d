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
from sqlite_recovery_tui.domain import Position
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
        proven: Callable[[str], Sequence[Position]] = lambda _url: (),
    ) -> None:
        """Take the databases; `restore` those that are missing, all of them or those that ask for it.

        `verified` tells when a restore of the replica at a URL was last proven, `proven` which positions
        were, the newest first.
        """
        self._verified = verified
        self._clock, self._since = clock, clock.now()
        self._source = source
        self._config, self._restore = config, restore
        self._watch = Watch(notify=notify)
        self._cancel = CancelToken()
        self._shared = Shared(
            clock=clock,
            slots=Slots(config.uploads),
            snapshots=threading.Semaphore(config.snapshots),
            spool_max=config.spool_max,
            tell=_tell,
            tell_protected=self._tell_protected,
            arm=self._watch.arm,
            wake=self._wake,
            proven=proven,
        )
        named = zip(databases, _names(databases), strict=True)
        self.minders = tuple(Minder(database, name, self._shared) for database, name in named)
        self._due = dict.fromkeys(self.minders, 0.0)
        self._busy: set[Minder] = set()
        self._restored: set[Minder] = set()
        self._lock = threading.Lock()
        self._work: queue.SimpleQueue[Minder | None] = queue.SimpleQueue()
        self._came: queue.SimpleQueue[Minder] = queue.SimpleQueue()
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
        for minder in self.minders:
            self._came.put(minder)
        self._begin(threading.Thread(target=self._schedule, name="schedule", daemon=True))
        self._employ(len(self.minders))

    def _employ(self, minders: int) -> None:
        """Have as many workers as so many databases need, beside the scheduler."""
        for number in range(len(self._threads), min(MOST_WORKERS, minders) + 1):
            self._begin(threading.Thread(target=self._worker, name=f"look {number}", daemon=True))

    def _begin(self, thread: threading.Thread) -> None:
        self._threads.append(thread)
        thread.start()

    def paths(self) -> frozenset[Path]:
        """Return the databases that are followed, or waited for."""
        return frozenset(minder.path for minder in self.minders)

    def add(self, database: DatabaseConfig) -> None:
        """Follow one more database, from now on."""
        with self._lock:
            if self._cancel.cancelled:
                return
            name = _name_beside(database, {minder.name for minder in self.minders})
            minder = Minder(database, name, self._shared)
            self.minders += (minder,)
            self._due[minder] = 0.0
            self._employ(len(self.minders))
        self._came.put(minder)
        self._watch.wake()

    def remove(self, path: Path) -> None:
        """Ship what there is of a database within the time for an end, and follow it no more."""
        with self._lock:
            minder = next((each for each in self.minders if each.path == path), None)
            if minder is None or self._cancel.cancelled:
                return
            self.minders = tuple(each for each in self.minders if each is not minder)
            del self._due[minder]
        minder.stop(self._config.shutdown_sync_timeout.total_seconds())
        if missing := minder.missing():
            logger.error("not durable when it was let go of: %s", missing, extra={"db": minder.name})
        else:
            logger.info("let go of, with everything shipped", extra={"db": minder.name})

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
        while not self._cancel.cancelled:
            while not self._came.empty():
                self._watch.add(self._came.get().path)
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
            self._sooner(minder, due)

    def _sooner(self, minder: Minder, due: float) -> None:
        if minder in self._due:
            self._due[minder] = min(self._due[minder], due)

    def _worker(self) -> None:
        while (minder := self._work.get()) is not None:
            with self._lock:
                if minder in self._due:
                    self._due[minder] = float("inf")
            try:
                wait = self._stepped(minder)
            except Exception:  # a fault of ours must not end the others
                logger.exception("a fault of the program", extra={"db": minder.name})
                wait = 1.0
            with self._lock:
                self._sooner(minder, self._clock.monotonic() + wait)
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
        if minder.database.directory is not None:
            return False  # it was there when it was found: somebody deleted it
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


def _name_beside(database: DatabaseConfig, taken: set[str]) -> str:
    """Return what one more is called, beside those that have their names."""
    parts = database.path.parts
    tails = ("/".join(parts[-number:]) for number in range(1, len(parts) + 1))
    return next((name for name in tails if name not in taken), str(database.path))


def _names(databases: Sequence[DatabaseConfig]) -> list[str]:
    """Return what each is called in logs and metrics: as little of its path as tells it from the others."""
    parts = 1
    while True:
        names = ["/".join(database.path.parts[-parts:]) for database in databases]
        if len(set(names)) == len(names) or parts > max(len(each.path.parts) for each in databases):
            return names
        parts += 1
