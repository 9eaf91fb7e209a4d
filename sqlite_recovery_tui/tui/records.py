"""The history as the console holds it: proofs in memory for every screen, acts written by whoever does them.

SQLite is imported, and the ledger read and written, in threads alone: a ledger that is locked for a while
holds nobody up. Nothing is read before the first paint.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlite_recovery_tui.clock import Clock
from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.tui.engine import Engine, Owner, Queue

if TYPE_CHECKING:
    from sqlite_recovery_tui.history.act import Act
    from sqlite_recovery_tui.history.entry import Proven
    from sqlite_recovery_tui.history.ledger import Ledger
    from sqlite_recovery_tui.tui.engine import Report
    from sqlite_recovery_tui.tui.jobs import Job

LOGGER = logging.getLogger(__name__)
T = TypeVar("T")
KINDS = {"delete": "scratch-delete"}
"""Kinds of jobs that the history calls by another name."""
Proofs = Mapping[str, "tuple[Proven, ...]"]


class Records:
    """What screens know of the history without waiting, and how to write it."""

    def __init__(
        self,
        engine: Engine,
        owner: Owner,
        clock: Clock,
        changed: Callable[[], None],
        path: Path | None = None,
    ) -> None:
        """Read with `engine` on behalf of `owner`; call `changed` whenever there is something new."""
        self._engine = engine
        self._owner = owner
        self._clock = clock
        self._changed = changed
        self._path = path
        self._lock = threading.Lock()
        self._ledger: Ledger | None = None
        self._proofs: Proofs = {}
        self._reading = self._stale = False
        self.warnings: list[str] = []
        """What kept acts from being recorded; for the screen that shows the history."""

    # for every screen, at once

    def last_proof(self, url: str) -> Proven | None:
        """Return when a replica was last shown to be restorable; None as far as is known: never."""
        return next((proof for proof in self._proofs.get(url, ()) if proof.ok), None)

    def last_failure(self, url: str) -> Proven | None:
        """Return the last look at a replica if that found it damaged."""
        newest = next(iter(self._proofs.get(url, ())), None)
        return newest if newest is not None and not newest.ok else None

    def proofs(self, url: str) -> tuple[Proven, ...]:
        """Return every time a replica was shown to be restorable, the newest first."""
        return tuple(proof for proof in self._proofs.get(url, ()) if proof.ok)

    def refresh(self) -> None:
        """Read in the background what was proven, if anything was recorded since, by whichever process."""
        if self._reading:
            self._stale = True  # what is being read may have been read before the news
            return
        self._reading = True
        self._engine.ask(
            Queue.RECORD,
            self._owner,
            lambda _: self.ledger.all_proofs(),
            then=self._take,
            failed=lambda _: self._take(self._proofs),
        )

    def _take(self, proofs: Proofs) -> None:
        self._reading = False
        if proofs is not self._proofs:
            self._proofs = proofs
            self._changed()
        if self._stale:
            self._stale = False
            self.refresh()

    # in threads

    @property
    def ledger(self) -> Ledger:
        """The ledger itself; may wait, so never to be used on the screen's thread."""
        with self._lock:
            if self._ledger is None:
                from sqlite_recovery_tui.history.ledger import Ledger

                self._ledger = Ledger.open(self._path, warn=self._warn)
            return self._ledger

    def act(self, kind: str, **members: Any) -> Act:
        """Return an act to be recorded by the thread that does it, as a context manager."""
        from sqlite_recovery_tui.history.act import Act

        return Act(self.ledger, kind, clock=self._clock, **members)

    def carry_out(self, job: Job[T], report: Report) -> T:
        """Do the work of a job; its beginning and its end are recorded, whatever that is."""
        from sqlite_recovery_tui.tui.jobs.record import as_begun, as_done

        with self.act(KINDS.get(job.kind, job.kind), **as_begun(job)) as act:
            act.begin()
            result = job.carry_out(report)
            act.finish(**as_done(job, result))
        return result

    def checked(self, path: Path, integrity: str, report: Mapping[str, Any]) -> None:
        """Record in the background what the checks of a restored file found."""
        self._engine.ask(
            Queue.CLEAN,
            self._owner,
            lambda _: self.ledger.checked(path, integrity, report),
            then=lambda _: self.refresh(),
            failed=_forget,
        )

    def _warn(self, message: str) -> None:
        self.warnings.append(message)
        LOGGER.warning("%s", message)


def _forget(error: RecoverError) -> None:
    LOGGER.warning("%s", error)
