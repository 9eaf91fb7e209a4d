"""One replica of one database: what the spool holds goes there in order, at the replica's own pace.

An upload counts when its size was read back. At any kill -9 the replica holds an unbroken run of history,
and the next run sends again, with the same names and the same bytes, what it cannot know to be there.
"""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from sqlite_recovery_tui.clock import SYSTEM, Clock
from sqlite_recovery_tui.config import ReplicaConfig
from sqlite_recovery_tui.domain import Position
from sqlite_recovery_tui.errors import RecoverError, StorageError
from sqlite_recovery_tui.formats import generations as names
from sqlite_recovery_tui.replicate.counted import Counted
from sqlite_recovery_tui.replicate.delivery import Delivery, SpoolDamaged
from sqlite_recovery_tui.replicate.encrypt import seal_for
from sqlite_recovery_tui.replicate.items import Cut, Item, SnapshotItem
from sqlite_recovery_tui.replicate.lease import Lease, Owner
from sqlite_recovery_tui.replicate.pruning import Pruner
from sqlite_recovery_tui.replicate.retention import RetentionPlan
from sqlite_recovery_tui.replicate.shipped import Shipped
from sqlite_recovery_tui.replicate.spool import Spool
from sqlite_recovery_tui.replicate.stretch import Break
from sqlite_recovery_tui.replicate.trouble import Trouble
from sqlite_recovery_tui.replicate.units import Unit, units_of
from sqlite_recovery_tui.storage.base import Store

SYNC_SECONDS = 1.0
RETENTION = timedelta(hours=24)
LASTING_ITEMS = 32
LASTING_BYTES = 8 << 20
"""A place is noted for good at least after so much; what is behind it goes from the spool then."""

State = Literal["live", "behind", "failing", "anew", "fenced"]


@dataclass(frozen=True, slots=True)
class Status:
    """How a replica fares."""

    replica: str
    url: str
    state: State
    position: Position | None
    """Where the last segment ends that is at the replica."""
    time: datetime | None
    """When the last commit was seen that is at the replica."""
    behind_commits: int
    behind_bytes: int
    trouble: Trouble | None
    given_up: str
    """Why a backlog was thrown away; empty once the replica holds all of the present generation."""
    snapshot: datetime | None
    """When the newest snapshot was taken that is at the replica."""
    next_snapshot: datetime | None
    retention_error: StorageError | None
    """Why what is no longer needed could not be removed; shipping goes on all the same."""
    requests: dict[str, int]
    bytes_sent: int


class Shipper:
    """Ships a spool to one replica, a `step` at a time, from one thread."""

    def __init__(
        self,
        spool: Spool,
        store: Store,
        replica: ReplicaConfig,
        *,
        clock: Clock = SYSTEM,
        draw: Callable[[], float] = random.random,
        proven: Callable[[str], Sequence[Position]] = lambda _url: (),
    ) -> None:
        """Ship to `store`, which is the place of `replica`; raise `ConfigError` for age recipients.

        `proven` tells which positions of the replica at a URL were shown to be restorable.
        """
        self.replica = replica
        self.store = Counted(store)
        self._spool, self._clock, self._draw = spool, clock, draw
        self._delivery = Delivery(spool, self.store, seal_for(replica.age_recipients), replica.name)
        owner = Owner(str(spool.folder), spool.log.id, os.getpid())
        self._lease = Lease(self.store, owner, clock, spool.log.generations)
        retention = RETENTION if replica.retention is None else replica.retention
        interval = replica.retention_check_interval
        self._pruner = Pruner(
            self.store, clock, retention=retention, interval=interval, proven=lambda: proven(replica.url)
        )
        self._interval = replica.sync_interval.total_seconds() if replica.sync_interval else SYNC_SECONDS
        self._snapshot_interval = replica.snapshot_interval or retention or RETENTION
        self._trouble: Trouble | None = None
        self._not_before = clock.monotonic()
        self._news = threading.Event()
        self._news.set()
        self._lasting_at, self._lasting_bytes = self._shipped.done or 0, 0
        items = spool.log.after(0)
        self._single_until = items[-1].number if items else 0
        self._uploading: threading.Thread | None = None
        self._lock = threading.Lock()
        self._compared = False
        spool.subscribe(self._news.set)

    def step(self) -> float | None:
        """Ship what is due; return the seconds until something may be, None until the spool has news."""
        wait = self._not_before - self._clock.monotonic()
        if wait > 0:
            return wait if self._trouble or self._try(self._send_full) else self._wait()
        if not self._news.is_set() and not self._pruner.is_due():
            return self._pruner.seconds
        self._news.clear()
        began = self._clock.monotonic()
        if self._try(self._ship):
            self._not_before = began + self._interval
        else:
            self._news.set()
        return self._wait()

    def _wait(self) -> float:
        return max(0.0, self._not_before - self._clock.monotonic())

    def flush(self) -> bool:
        """Ship every commit now, once; return whether all are at the replica, noted for good.

        A snapshot that is being uploaded beside them is not waited for.
        """
        if not self._try(self._ship):
            return False
        shipped = self._shipped
        self._note(shipped, lasting=True)
        if shipped.given_up or self._spool.backlog(self.replica.name)[0]:
            return False
        with suppress(StorageError):
            self._lease.release()
        return True

    def settle(self) -> None:
        """Wait for a snapshot that is being uploaded beside the segments."""
        uploading = self._uploading
        if uploading is not None:
            uploading.join()

    @property
    def status(self) -> Status:
        """How the replica fares."""
        shipped = self._shipped
        commits, size = self._spool.backlog(self.replica.name)
        due = shipped.snapshot + self._snapshot_interval if shipped.snapshot else None
        return Status(
            replica=self.replica.name,
            url=self.replica.url,
            state=self._state(shipped, commits),
            position=shipped.position,
            time=shipped.time,
            behind_commits=commits,
            behind_bytes=size,
            trouble=self._trouble,
            given_up=shipped.given_up,
            snapshot=shipped.snapshot,
            next_snapshot=due,
            retention_error=self._pruner.error,
            requests=self.store.requests,
            bytes_sent=self.store.bytes,
        )

    def retention(self) -> RetentionPlan:
        """Return what the retention would remove now; raise `StorageError`. Nothing is removed."""
        return self._pruner.plan(self._spool.generation)

    def _state(self, shipped: Shipped, behind: int) -> State:
        if self._lease.lost:
            return "fenced"
        if self._trouble:
            return "failing"
        if shipped.given_up or shipped.done is None:
            return "anew"
        return "behind" if behind else "live"

    @property
    def _shipped(self) -> Shipped:
        return self._spool.log.shipped(self.replica.name)

    def _note(self, shipped: Shipped, *, lasting: bool = False) -> None:
        lasting = lasting or (shipped.done or 0) - self._lasting_at >= LASTING_ITEMS
        lasting = lasting or self.store.bytes - self._lasting_bytes >= LASTING_BYTES
        self._spool.log.note(self.replica.name, shipped, lasting=lasting)
        if lasting:
            self._lasting_at, self._lasting_bytes = shipped.done or 0, self.store.bytes

    def _try(self, ship: Callable[[], None]) -> bool:
        """Ship once; return False, and be troubled, when something failed."""
        try:
            ship()
        except SpoolDamaged as error:
            self._give_up(str(error))
        except OSError as error:
            where = f"spool {self._spool.folder}"
            self._failed(RecoverError(f"cannot use the {where}: {error.strerror or error}", object=where))
            return False
        except RecoverError as error:
            self._failed(error)
            return False
        self._trouble = None
        return True

    def _failed(self, error: RecoverError) -> None:
        before = self._trouble
        self._trouble = before.again(error) if before else Trouble(error, self._clock.now())
        self._not_before = self._clock.monotonic() + self._trouble.wait_seconds(self._draw)

    def _give_up(self, why: str) -> None:
        self._note(replace(self._shipped, given_up=why, plan=()), lasting=True)
        self._news.set()

    # ── one sync ──

    def _ship(self) -> None:
        if self._trouble:
            self._send_pending()  # while this fails, no more small segments are made
        self._spool.cut()
        self._send_pending()
        self._ask_for_snapshot()
        if self._pruner.is_due():
            self._lease.check()
            self._pruner.run(self._spool.generation)

    def _send_full(self) -> None:
        """Send before its time what can grow no more: it would be the same objects later."""
        shipped = self._shipped
        if shipped.done is not None and not shipped.given_up:
            self._send_all(self._units()[:-1])

    def _send_pending(self) -> None:
        if not self._spool.generation:
            return
        shipped = self._shipped
        if shipped.given_up or shipped.done is None:
            self._begin_anew(shipped)
            if self._shipped.done is None or self._shipped.given_up:
                return
        self._send_all(self._units())

    def _units(self) -> list[Unit]:
        """Return what the replica lacks; raise `SpoolDamaged`."""
        return list(units_of(self._pending(), self._shipped.plan, single_until=self._single_until))

    def _send_all(self, units: Sequence[Unit]) -> None:
        if units:
            self._lease.check()
            self._compare_once([item for unit in units for item in unit.items])
        joined = tuple(unit.numbers for unit in units if len(unit.items) > 1)
        if joined and joined != self._shipped.plan:
            self._note(replace(self._shipped, plan=joined), lasting=True)
        for unit in units:
            self._send(unit)

    def _compare_once(self, items: Sequence[Item]) -> None:
        """See, once, that the replica holds nothing of our generation that did not come from here."""
        place = self._shipped.position
        if self._compared or place is None:
            self._compared = True
            return
        allowed = {item.key for item in items} | {item.key for item in self._spool.log.after(0)}
        for index in (place.index, place.index + 1):
            prefix = names.segment_key(place.generation, index, 0)[: -len("00000000.wal.lz4")]
            for info in self.store.list(prefix):
                name = names.parse_key(info.key)
                is_behind = name is not None and (name.index, name.offset or 0) >= (place.index, place.offset)
                if is_behind and info.key not in allowed:
                    raise SpoolDamaged(f"it holds {info.key}, which did not come from here")
        self._compared = True

    def _pending(self) -> Sequence[Item]:
        """Return the items that the replica lacks; raise `SpoolDamaged` when the first are gone."""
        done = self._shipped.done or 0
        items = self._spool.log.after(done)
        if items and items[0].number != done + 1:
            raise SpoolDamaged("what comes next was removed from the spool")
        return items

    def _send(self, unit: Unit) -> None:
        """Bring one unit to the replica and note it."""
        first = unit.first
        if isinstance(first, SnapshotItem):
            if first.why:
                self._put_snapshot(first)
                self._noted(first, position=Position(first.generation, first.index, 0))
                return
            self._upload_beside(first)
        else:
            self._delivery.put(unit)
        self._pruner.news = True
        self._noted(unit.last)

    def _noted(self, last: Item, position: Position | None = None) -> None:
        with self._lock:
            shipped = replace(self._shipped, done=last.number)
            if isinstance(last, Cut):
                position = Position(last.generation, last.index, last.end)
                shipped = replace(shipped, time=last.commits[-1].time if last.commits else shipped.time)
            if position:
                shipped = replace(shipped, position=position)
            self._note(shipped)

    # ── snapshots ──

    def _begin_anew(self, shipped: Shipped) -> None:
        """Begin with the newest snapshot that the spool has, or ask for one."""
        name = self.replica.name
        found = self._spool.log.snapshots()
        if shipped.given_up:
            found = [(item, at) for item, at in found if item.why and item.number > (shipped.done or 0)]
        if not found:
            what = Break("lost", f"replica {name}: {shipped.given_up}") if shipped.given_up else "snapshot"
            if shipped.given_up:
                self.store.list_folders("")  # a snapshot is of use once the replica answers again
            self._spool.want(name, what)  # type: ignore[arg-type]
            return
        item, at = found[-1]
        self._lease.check()
        self._put_snapshot(item)
        position = Position(item.generation, item.index, 0)
        begun = replace(self._shipped, done=at, plan=(), position=position, given_up="")
        self._note(begun, lasting=True)

    def _put_snapshot(self, item: SnapshotItem) -> None:
        self._delivery.put_snapshot(item)
        self._pruner.news = True
        with self._lock:
            self._note(replace(self._shipped, snapshot=item.time))

    def _upload_beside(self, item: SnapshotItem) -> None:
        """Upload a snapshot while segments go on, if it is due here."""
        if not self._is_due(item.time) or self._uploading is not None:
            return
        self._spool.log.hold(item, True)

        def upload() -> None:
            try:
                self._put_snapshot(item)
            except (RecoverError, OSError, SpoolDamaged):
                self._news.set()  # it stays due, and another is asked for
            finally:
                self._spool.log.hold(item, False)
                self._uploading = None

        self._uploading = threading.Thread(target=upload, name=f"snapshot {self.replica.name}", daemon=True)
        self._uploading.start()

    def _is_due(self, now: datetime) -> bool:
        shipped = self._shipped
        return shipped.snapshot is None or now - shipped.snapshot >= self._snapshot_interval

    def _ask_for_snapshot(self) -> None:
        """Ask for a snapshot when the newest is old and something came after it."""
        shipped = self._shipped
        if self._uploading is None and self._is_due(self._clock.now()) and shipped.position:
            moved = shipped.time is not None and (shipped.snapshot is None or shipped.time > shipped.snapshot)
            if moved:
                self._spool.want(self.replica.name, "snapshot")
