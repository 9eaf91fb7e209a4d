"""One database of the daemon: followed, spooled and shipped, step by step; what fails here stays here.

`step` is called by one thread at a time; `status` by any.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlite_recovery_tui.clock import Clock
from sqlite_recovery_tui.config import DatabaseConfig
from sqlite_recovery_tui.domain import Position
from sqlite_recovery_tui.errors import NotFoundError, RecoverError
from sqlite_recovery_tui.replicate.account import Account
from sqlite_recovery_tui.replicate.beside import spool_folder
from sqlite_recovery_tui.replicate.breaks import Breaks
from sqlite_recovery_tui.replicate.events import Event, EventKind
from sqlite_recovery_tui.replicate.follow import Follower
from sqlite_recovery_tui.replicate.followed import FollowOptions, Polled
from sqlite_recovery_tui.replicate.frozen import FrozenDatabase
from sqlite_recovery_tui.replicate.outlet import Outlet, Slots
from sqlite_recovery_tui.replicate.spool import Spool
from sqlite_recovery_tui.replicate.status import DatabaseStatus
from sqlite_recovery_tui.replicate.stretch import Break

MONITOR_SECONDS = 1.0
IDLE_SECONDS = 15.0
"""How often a database is looked at that nothing was heard of."""
SOON_SECONDS = 0.02
"""How long after a first write is looked: a commit is published a little after it is written."""
RETRY_SECONDS = 1.0
LAST_TRY_SECONDS = 5.0
"""How long it is tried at the end to follow a database that could not be followed until then."""
LAST_LOCK_SECONDS = 1.0
"""How long a writer is waited for at the end; what it commits later is not ours to wait for."""
GLANCE_SECONDS, GLANCE_BYTES = 0.1, 8 << 20
_QUIET_LOOKS = 3
_LEAST_SECONDS = 0.01


@dataclass(frozen=True)
class Shared:
    """What all databases of a daemon have in common."""

    clock: Clock
    slots: Slots
    snapshots: threading.Semaphore
    """How many snapshots are made at a time."""
    spool_max: int
    tell: Callable[[Minder, Event], None]
    tell_protected: Callable[[Minder, Outlet], None]
    arm: Callable[[Path], bool]
    """Ask to be told of the next write; False where that cannot be."""
    wake: Callable[[Minder], None]
    """Have the minder stepped now."""
    proven: Callable[[str], Sequence[Position]] = lambda _url: ()
    """Which positions of the replica at a URL were shown to be restorable, the newest first."""


class Minder:
    """Minds one database."""

    def __init__(self, database: DatabaseConfig, name: str, shared: Shared) -> None:
        """Touch nothing yet."""
        self.database, self.name = database, name
        self.path = database.path
        self._shared, self._clock = shared, shared.clock
        self.outlets: tuple[Outlet, ...] = ()
        self._spool: Spool | None = None
        self._follower: Follower | None = None
        self._polled: Polled | None = None
        self._why = "it is being started"
        self._released = 0
        self._taking = threading.Lock()
        self._quiet = 0
        self._looked = float("-inf")
        self._asked_snapshot = False
        self._renewal: Break | None = None
        self._frozen: FrozenDatabase | None = None
        self._snapshot_done = threading.Event()
        self._account = Account(Breaks(self.folder / "breaks", shared.clock))
        self._had_generation = False
        self._protected: dict[str, datetime] = {}

    @property
    def folder(self) -> Path:
        """Where its history waits for its replicas."""
        return spool_folder(self.database)

    @property
    def rests(self) -> bool:
        """Whether nothing moves, and it is only listened for."""
        return self._quiet > _QUIET_LOOKS

    @property
    def wants_snapshot(self) -> bool:
        """Whether a snapshot was asked for, or is being made."""
        return self._asked_snapshot or self._frozen is not None

    @property
    def interval(self) -> float:
        """How often a busy database is looked at, in seconds."""
        given = [self.database.monitor_interval, *(each.sync_interval for each in self.database.replicas)]
        seconds = [each.total_seconds() for each in given if each is not None]
        return max(min([MONITOR_SECONDS, *seconds]), _LEAST_SECONDS)

    def open(self) -> None:
        """Open the spool; raise `RefusedError` when another daemon has it, `RecoverError`."""
        if self._spool is not None:
            return
        if not self.path.parent.is_dir():
            raise RecoverError(f"there is no folder {self.path.parent}", object=str(self.path.parent))
        try:
            names = [replica.name for replica in self.database.replicas]
            spool = Spool(self.folder, names, cap_bytes=self._shared.spool_max, clock=self._clock)
        except OSError as error:
            raise RecoverError(
                f"cannot use {self.folder}: {(error.strerror or str(error)).lower()}",
                object=str(self.folder),
                hint="what waits for the replicas is kept there; name another place with meta-path",
            ) from None
        self._spool, self._had_generation = spool, bool(spool.generation)
        spool.subscribe(lambda: self._shared.wake(self) if spool.wanted else None)

    def _open_outlets(self, spool: Spool) -> None:
        """Begin to ship, once there is a database: its replicas take after it in mode and owner."""
        if not self.path.exists():
            raise NotFoundError(f"there is no database {self.path}; it is waited for", object=str(self.path))
        self.outlets = tuple(
            Outlet(
                spool,
                replica,
                self.path,
                slots=self._shared.slots,
                clock=self._clock,
                look=self.glance,
                proven=self._shared.proven,
            )
            for replica in self.database.replicas
        )
        for outlet in self.outlets:
            outlet.start()

    def step(self) -> float:
        """Do what is due; return the seconds until the next step. Never raises for trouble."""
        with self._taking:
            if self._released:
                return IDLE_SECONDS
            try:
                return self._step()
            except NotFoundError as error:
                self._trouble("missing", str(error))
            except RecoverError as error:
                self._trouble("unreadable", str(error))
            except OSError as error:
                self._trouble("unreadable", error.strerror or str(error))
            return RETRY_SECONDS

    def look(self) -> None:
        """Hand on what was committed until now, out of turn."""
        with self._taking:
            self._poll(None)

    def glance(self) -> None:
        """Hand on what was committed until now, as much as goes at once; the rest is not waited for.

        Nor is a step that is under way, which hands it on as well.
        """
        if not self._taking.acquire(timeout=GLANCE_SECONDS):
            return
        try:
            self._poll(GLANCE_BYTES)
        finally:
            self._taking.release()
        if self._polled is not None and self._polled.behind_bytes >= GLANCE_BYTES:
            self._shared.wake(self)

    def _poll(self, most_bytes: int | None) -> None:
        if self._follower is not None and not self._released:
            self._polled = self._follower.poll(most_bytes)
            self._quiet = 0 if self._polled.moved else self._quiet

    def _step(self) -> float:
        self.open()
        assert self._spool is not None
        if not self.outlets:
            self._open_outlets(self._spool)
        is_new = self._follower is None
        self._follower = self._follower or self._follow(self._spool)
        self._serve_wishes(self._follower, self._spool)
        self._looked = self._clock.monotonic()
        if is_new:
            self._follower.start()
        self._polled = polled = self._follower.poll()
        if (done := self._follower.tend()) is not None:
            self._account.checkpointed(done)
        self._why = polled.detail or ("" if polled.state == "following" else f"it is {polled.state}")
        self._note_protection()
        return self._next(polled)

    def _next(self, polled: Polled) -> float:
        """Return when to look again: at the pace of the replicas while it moves, seldom once it rests."""
        interval = self.interval
        if polled.state != "following":
            return max(interval, RETRY_SECONDS)
        self._quiet = 0 if polled.moved or polled.behind_bytes else self._quiet + 1
        since = self._clock.monotonic() - self._looked
        soon = max(interval - since, _LEAST_SECONDS)
        if self._quiet < _QUIET_LOOKS or not self._shared.arm(self.path):
            return soon
        if self._quiet == _QUIET_LOOKS:  # armed: one more look for what came just before
            return soon
        is_noted = len(self._protected) == len(self.outlets)
        return IDLE_SECONDS if is_noted else max(soon, RETRY_SECONDS)

    def moved(self) -> float:
        """Take note that the system reported a write; return the seconds until it is worth a look."""
        self._quiet = 0
        since = self._clock.monotonic() - self._looked
        return max(SOON_SECONDS, self.interval - since)

    def _follow(self, spool: Spool) -> Follower:
        options = FollowOptions.of(self.database)
        return Follower(self.path, spool, self._clock, options, events=self._heard)

    def _heard(self, event: Event) -> None:
        self._account.heard(event, had_generation=self._had_generation)
        if event.kind == "began":
            self._had_generation = True
            self._protected.clear()
        self._shared.tell(self, event)

    def _trouble(self, kind: EventKind, why: str) -> None:
        if why != self._why:
            self._why = why
            self._heard(Event(kind, why, self._clock.now()))

    # ── what others ask for ──

    def _serve_wishes(self, follower: Follower, spool: Spool) -> None:
        if self._frozen is not None and self._snapshot_done.is_set():
            self._thaw(follower)
        wanted = self._renewal or spool.wanted
        if isinstance(wanted, Break):
            self._renewal = None
            follower.renew(wanted)
        elif wanted is not None or self._asked_snapshot:
            self._begin_snapshot(follower, spool)

    def _begin_snapshot(self, follower: Follower, spool: Spool) -> None:
        if self._frozen is not None or not self._shared.snapshots.acquire(blocking=False):
            return
        self._frozen = follower.freeze()
        if self._frozen is None:
            self._shared.snapshots.release()
            return
        self._asked_snapshot = False
        self._snapshot_done.clear()
        threading.Thread(
            target=self._snapshot, args=(spool, self._frozen), name=f"snapshot {self.name}", daemon=True
        ).start()

    def _snapshot(self, spool: Spool, frozen: FrozenDatabase) -> None:
        try:
            spool.snapshot(frozen)
        except OSError as error:
            self._trouble("sink-failed", f"a snapshot could not be kept: {error.strerror or error}")
        finally:
            self._snapshot_done.set()
            self._shared.wake(self)

    def _thaw(self, follower: Follower) -> None:
        follower.thaw()
        self._frozen = None
        self._shared.snapshots.release()

    def ask_snapshot(self) -> None:
        """Have a snapshot made as soon as there is a place for one."""
        self._asked_snapshot = True
        self._shared.wake(self)

    def renew(self, why: Break) -> None:
        """Have a new generation begin."""
        self._renewal = why
        self._shared.wake(self)

    def hurry(self) -> None:
        """Look now, and ship what there is."""
        self._shared.wake(self)
        for outlet in self.outlets:
            outlet.hurry()

    def release(self, seconds: float) -> None:
        """Hand the last commits on and let go of the database, until `take_back`."""
        with self._taking:
            self._released += 1
            self._leave(seconds, seconds)
            self._why = "somebody exchanges its file at the moment"

    def take_back(self) -> None:
        """Follow the database again."""
        with self._taking:
            self._released = max(self._released - 1, 0)
        self._shared.wake(self)

    def _leave(self, seconds: float, lock_seconds: float) -> None:
        """Stop following; a snapshot that is being read ends first."""
        follower, self._follower = self._follower, None
        if follower is None:
            return
        if self._frozen is not None:
            self._snapshot_done.wait(seconds)
            self._thaw(follower)
        self._polled = follower.stop(lock_seconds, seconds)

    def stop(self, seconds: float) -> None:
        """Hand the last commits on, and have the replicas ship what they lack; `missing` waits for them."""
        until = self._clock.monotonic() + seconds
        if (follower := self._follower) is not None:
            follower.hurry()
        with self._taking:
            if not self._released:
                self._try_to_follow(min(seconds, LAST_TRY_SECONDS))
            self._released += 1
            with suppress(RecoverError, OSError):
                left = max(until - self._clock.monotonic(), 0.0)
                self._leave(left, min(seconds, LAST_LOCK_SECONDS))
        seconds = max(until - self._clock.monotonic(), 0.0)
        for outlet in self.outlets:
            outlet.finish(seconds)

    def _try_to_follow(self, seconds: float) -> None:
        """Follow a database that came only just before the end, or was held by its application until then."""
        until = self._clock.monotonic() + seconds
        while not self._is_following and self.path.exists():
            with suppress(RecoverError, OSError):
                self._step()
            if self._is_following or self._clock.monotonic() >= until:
                return
            self._clock.sleep(SOON_SECONDS)

    @property
    def _is_following(self) -> bool:
        return self._polled is not None and self._polled.state == "following"

    def missing(self) -> str:
        """Wait for the replicas to finish; return what is not durable, "" when everything is."""
        left = [outlet.replica.name for outlet in self.outlets if not outlet.wait()]
        status = self.status()
        lost: list[str] = []
        if not self._is_following and self.path.exists():
            lost.append(f"it is not replicated: {self._why}")
        if status.unread_bytes:
            lost.append(f"{status.unread_bytes:,} bytes of its log could not be read ({self._why})")
        for replica in status.replicas:
            if replica.name in left:
                why = f": {replica.error or replica.reason}" if replica.error or replica.reason else ""
                lost.append(f"{replica.backlog_commits} commits are not at {replica.name}{why}")
        if self._spool is not None:
            self._spool.close()
        return f"{self.path}: {'; '.join(lost)}" if lost else ""

    # ── what it says of itself ──

    def is_durable(self, until: datetime) -> bool:
        """Tell whether everything that had been seen by `until` is at every replica."""
        status = self.status()
        return status.health == "protected" and all(
            not replica.backlog_bytes or (replica.last_durable is not None and replica.last_durable >= until)
            for replica in status.replicas
        )

    def _note_protection(self) -> None:
        """Say once, of each replica, when the present generation is there."""
        for outlet in self.outlets:
            if outlet.replica.name not in self._protected and outlet.has_begun():
                self._protected[outlet.replica.name] = self._clock.now()
                self._shared.tell_protected(self, outlet)

    def status(self) -> DatabaseStatus:
        """Return how it fares."""
        polled, spool, account = self._polled, self._spool, self._account
        following = self._follower is not None and self._is_following
        unread = polled.behind_bytes if polled else 0
        replicas = tuple(
            outlet.status(
                following=following,
                unread_bytes=unread,
                gaps=account.breaks.within(outlet.replica.retention),
            )
            for outlet in self.outlets
        )
        since = max(self._protected.values()) if len(self._protected) == len(self.outlets) > 0 else None
        return DatabaseStatus(
            path=str(self.path),
            name=self.name,
            following=following,
            reason=self._why,
            generation=spool.generation if spool else "",
            began=account.began,
            protected_since=since,
            database_bytes=_size(self.path),
            wal_bytes=polled.wal_bytes if polled else 0,
            unread_bytes=unread,
            spool_bytes=max((replica.backlog_bytes for replica in replicas), default=0),
            lock_seconds=account.lock_seconds,
            longest_lock_seconds=account.longest_lock_seconds,
            wait_seconds=account.wait_seconds,
            blocked_by=account.blocked_by,
            events=dict(account.events),
            checkpoints=dict(account.checkpoints),
            last_event=account.last_event,
            replicas=replicas,
        )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
