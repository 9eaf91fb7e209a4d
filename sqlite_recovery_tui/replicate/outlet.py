"""One replica of the daemon: a thread that ships, so many of all at a time, and how the replica fares."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from sqlite_recovery_tui.clock import Clock
from sqlite_recovery_tui.config import ReplicaConfig
from sqlite_recovery_tui.domain import Position
from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.replicate.beside import replica_store
from sqlite_recovery_tui.replicate.ship import SYNC_SECONDS, Shipper, Status
from sqlite_recovery_tui.replicate.spool import Spool
from sqlite_recovery_tui.replicate.status import Health, ReplicaStatus

WARN_LAG_SECONDS, FAIL_LAG_SECONDS = 10.0, 300.0
_SYNCS_BEHIND = 5
_WAIT_SECONDS = 3600.0
_AGAIN_SECONDS = 0.2
_TROUBLED = 4


@dataclass
class Slots:
    """How many replicas ship at a time; those that fail have places of their own, and keep nobody out."""

    uploads: int
    _good: threading.Semaphore = field(init=False)
    _troubled: threading.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._good = threading.Semaphore(self.uploads)
        self._troubled = threading.Semaphore(_TROUBLED)

    def of(self, shipper: Shipper) -> threading.Semaphore:
        """Return the places that a replica takes its turn in."""
        return self._troubled if shipper.status.trouble else self._good


class Outlet:
    """Ships one spool to one replica from `start` to `finish`."""

    def __init__(
        self,
        spool: Spool,
        replica: ReplicaConfig,
        database: Path,
        *,
        slots: Slots,
        clock: Clock,
        look: Callable[[], None],
        proven: Callable[[str], Sequence[Position]] = lambda _url: (),
    ) -> None:
        """Open the replica's place; nothing is asked of it yet. Raises `ConfigError`.

        `look` fills the spool with what was committed until now; it is called when a sync is due.
        """
        self._look = look
        self.replica = replica
        self._store = replica_store(replica, database, clock=clock)
        self.shipper = Shipper(spool, self._store, replica, clock=clock, proven=proven)
        self._slots, self._clock = slots, clock
        self._interval = replica.sync_interval.total_seconds() if replica.sync_interval else SYNC_SECONDS
        self._spool = spool
        self._stop = CancelToken()
        self._news = threading.Event()
        self._until = 0.0
        self._behind_since: float | None = None
        self.flushed = False
        """Whether everything was at the replica when it finished."""
        spool.subscribe(self._news.set)
        self._thread = threading.Thread(target=self._run, name=f"ship {replica.name}", daemon=True)

    def start(self) -> None:
        """Begin to ship."""
        self._thread.start()

    def hurry(self) -> None:
        """Ship now what there is, without waiting for the sync interval."""
        self._news.set()

    def finish(self, seconds: float) -> None:
        """Ship the rest, trying for at most `seconds`; `wait` waits for it."""
        self._until = time.monotonic() + seconds
        self._stop.cancel()
        self._news.set()

    def wait(self) -> bool:
        """Wait until it has finished or its time is over; return whether all is at the replica."""
        self._thread.join(max(self._until - time.monotonic(), 0.0) + 0.1)
        return self.flushed

    def _run(self) -> None:
        while not self._stop.cancelled:
            self._news.clear()
            with self._slots.of(self.shipper):
                wait = self.shipper.step()
            if wait is None or wait > self._interval:
                self._news.wait(wait or _WAIT_SECONDS)
            elif wait > 0 and not self._news.wait(wait):
                self._look()
        while not (self.flushed or self._until <= time.monotonic()):
            self.flushed = self.shipper.flush()
            if not self.flushed:
                time.sleep(min(_AGAIN_SECONDS, max(self._until - time.monotonic(), 0.0)))
        self._store.close()

    def has_begun(self) -> bool:
        """Tell whether the replica holds the beginning of the present generation."""
        position = self.shipper.status.position
        return position is not None and position.generation == self._spool.generation

    def status(self, *, following: bool, unread_bytes: int, gaps: int = 0) -> ReplicaStatus:
        """Return how the replica fares.

        `unread_bytes` are committed and not in the spool yet; `gaps` are in the history that it keeps.
        """
        shipped = self.shipper.status
        backlog = shipped.behind_bytes + unread_bytes
        lag = self._lag(shipped, waits=bool(backlog))
        health, reason = self._health(shipped, lag, following)
        trouble = shipped.trouble
        return ReplicaStatus(
            name=self.replica.name,
            type=self.replica.type,
            url=shipped.url,
            health=health,
            reason=reason,
            last_durable=shipped.time,
            lag_seconds=lag,
            position=shipped.position.to_json() if shipped.position else None,
            backlog_commits=shipped.behind_commits,
            backlog_bytes=backlog,
            snapshot=shipped.snapshot,
            next_snapshot=shipped.next_snapshot,
            error=str(trouble.error) if trouble else "",
            error_since=trouble.since if trouble else None,
            errors=trouble.times if trouble else 0,
            requests=shipped.requests,
            sent_bytes=shipped.bytes_sent,
            gaps=gaps,
        )

    def _lag(self, shipped: Status, *, waits: bool) -> float:
        """Return for how long the oldest commit waits, as far as can be told."""
        now = self._clock.monotonic()
        if not waits:
            self._behind_since = None
            return 0.0
        self._behind_since = self._behind_since if self._behind_since is not None else now
        known = now - self._behind_since
        if shipped.time is None:
            return known
        return max(min((self._clock.now() - shipped.time).total_seconds(), known), 0.0)

    def _health(self, shipped: Status, lag: float, following: bool) -> tuple[Health, str]:
        if not following:
            return "not protected", "the database is not followed at the moment"
        if why := self._unprotected(shipped, lag):
            return "not protected", _words(shipped) or why
        warn = max(WARN_LAG_SECONDS, self._interval * _SYNCS_BEHIND)
        if lag >= _seconds(self.replica.thresholds.behind.warn, warn) or shipped.trouble:
            return "behind", _words(shipped) or f"commits wait for {lag:.0f} s"
        return "protected", ""

    def _unprotected(self, shipped: Status, lag: float) -> str:
        """Return why what is committed now is as good as not at the replica; empty when it is there."""
        if shipped.state == "fenced":
            return "somebody else ships to it"
        if shipped.given_up:
            return shipped.given_up
        if shipped.snapshot is None or shipped.position is None:
            return "its first snapshot is under way"
        if shipped.position.generation != self._spool.generation:
            return "its new generation is under way"
        if lag >= _seconds(self.replica.thresholds.behind.fail, FAIL_LAG_SECONDS):
            return f"commits wait for {lag:.0f} s"
        return ""


def _seconds(limit: timedelta | None, otherwise: float) -> float:
    return limit.total_seconds() if limit is not None else otherwise


def _words(shipped: Status) -> str:
    return str(shipped.trouble.error) if shipped.trouble else ""
