"""The last hour of the shop's database, replicated as it went, and the two acts that went wrong in it."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import apsw

from sqlite_recovery_tui.clock import FixedClock
from sqlite_recovery_tui.config import DatabaseConfig
from sqlite_recovery_tui.demo.replication import Replication, lay_out, quick_folder
from sqlite_recovery_tui.demo.shop import Counts, Shop
from sqlite_recovery_tui.formats import generations
from sqlite_recovery_tui.storage.base import ObjectInfo
from sqlite_recovery_tui.storage.memory import MemoryStore

_SYNC = timedelta(seconds=10)
_SHIPPED_AFTER, _LAST_CUSTOMER = timedelta(milliseconds=400), timedelta(milliseconds=500)
# Minutes before the end of the history.
_BEGIN, _REBOOT, _BACK, _DISASTER = 62.0, 46.5, 43.25, 9.4
_LOSES_SEGMENT = 10.6
_BATCHES = (57.5, 36.0, 21.0, 3.5)


@dataclass(frozen=True)
class PlantedFault:
    """Something that is wrong with a replica, by our doing."""

    replica: Path
    key: str
    """Of the object that is not there, or not what it was."""
    time: datetime
    """When the object was stored."""


@dataclass(frozen=True)
class ShopIncident:
    """What happened to the shop's database, and when."""

    began: datetime
    rebooted: datetime
    back: datetime
    lost: PlantedFault
    """The upload that the second replica lost."""
    last_good: datetime
    """Time of the last object before the migration's."""
    disaster: datetime
    stopped: datetime
    before: Counts
    after: Counts


def build(database: DatabaseConfig, *, end: datetime, random: Random) -> ShopIncident:
    """Build the shop's database and its replicas, which are folders; the history ends at `end`."""
    database.path.parent.mkdir(parents=True, exist_ok=True)
    with quick_folder(database.path.parent) as folder:
        history = _History(replace(database, path=folder / database.name), folder / "spool", end, random)
        incident = history.play()
        shutil.move(folder / database.name, database.path)
    return incident


class _History:
    """The shop's hour, told by the customers who come."""

    def __init__(self, database: DatabaseConfig, spool: Path, end: datetime, random: Random) -> None:
        self._database, self._spool = database, spool
        self._end = end
        self._random = random
        self._ids = iter([f"{random.getrandbits(64):016x}" for _ in range(2)])
        self._clock = FixedClock(self._at(_BEGIN))
        self._stores = {
            replica.name: MemoryStore(replica.name, clock=self._clock) for replica in database.replicas
        }
        self._shipped = self._at(_BEGIN)

    def play(self) -> ShopIncident:
        with self._open() as shop:
            shop.open_business(self._at(_BEGIN))
            with self._replicated(_BEGIN) as replication:
                self._trade(shop, replication, _BEGIN, _REBOOT)
        with self._open() as shop, self._replicated(_BACK) as replication:
            self._trade(shop, replication, _BACK, _DISASTER)
            last_good, before = self._shipped, shop.counts()
            disaster = self._at(_DISASTER) + timedelta(seconds=3)
            shop.prune_stale_orders(disaster)
            after = shop.counts()
            replication.look(disaster)
            self._ship_rest(replication, disaster + timedelta(seconds=1))
            self._trade(shop, replication, _DISASTER - 0.1, 0.0)
        os.utime(self._database.path, (self._shipped.timestamp(),) * 2)
        return ShopIncident(
            began=self._at(_BEGIN),
            rebooted=self._at(_REBOOT),
            back=self._at(_BACK),
            lost=self._lay_out(),
            last_good=last_good,
            disaster=disaster,
            stopped=self._shipped,
            before=before,
            after=after,
        )

    def _at(self, minutes_before_end: float) -> datetime:
        return self._end - timedelta(minutes=minutes_before_end)

    @contextmanager
    def _open(self) -> Iterator[Shop]:
        """Run the shop; whoever closes the database last folds its log in and removes it."""
        connection = apsw.Connection(str(self._database.path))
        try:
            for pragma in ("journal_mode=WAL", "synchronous=OFF", "wal_autocheckpoint=0"):
                connection.execute(f"PRAGMA {pragma}")
            yield Shop(connection, self._random)
        finally:
            connection.close()

    @contextmanager
    def _replicated(self, begin: float) -> Iterator[Replication]:
        """Run the daemon from a moment (minutes before the end) until its service is stopped."""
        self._clock.moment = self._at(begin)
        replication = Replication(self._database, self._stores, self._spool, self._clock, self._ids)
        try:
            replication.ship(self._at(begin))
            yield replication
        finally:
            replication.stop()

    def _trade(self, shop: Shop, replication: Replication, begin: float, end: float) -> None:
        """Do business between two moments (minutes before the end), shipping every few seconds."""
        moment, last = self._at(begin), self._at(end) - _LAST_CUSTOMER
        batches = [self._at(minutes) for minutes in _BATCHES if begin > minutes > end]
        while (moment := moment + self._pause(moment)) < last:
            while batches and batches[0] <= moment:
                batches.pop(0)
                shop.import_stock_prices(moment)
            shop.trade(moment)
            replication.look(moment)
            if moment - self._shipped >= _SYNC:
                self._shipped = moment + _SHIPPED_AFTER
                replication.ship(self._shipped)
        shop.trade(last)
        replication.look(last)
        self._ship_rest(replication, self._at(end))

    def _ship_rest(self, replication: Replication, moment: datetime) -> None:
        """Ship what there is, as before every work on the server."""
        self._shipped = moment
        replication.ship(moment, rest=True)

    def _pause(self, moment: datetime) -> timedelta:
        """Return the time to the next customer: waves of a few minutes, never quite regular."""
        minutes = (self._end - moment).total_seconds() / 60
        quiet = 1.6 + math.sin(minutes / 3.1) + 0.4 * math.sin(minutes / 0.9)
        return timedelta(seconds=round(0.8 + self._random.expovariate(0.6) * quiet, 3))

    def _lay_out(self) -> PlantedFault:
        """Write the replicas' files, and take away the one that never arrived at the second replica."""
        for replica in self._database.replicas:
            lay_out(self._stores[replica.name], Path(replica.path))
        second = self._database.replicas[1]
        lost = _first_segment(self._stores[second.name], self._at(_LOSES_SEGMENT))
        (Path(second.path) / lost.key).unlink()
        return PlantedFault(Path(second.path), lost.key, lost.time)


def _first_segment(store: MemoryStore, since: datetime) -> ObjectInfo:
    """Return the first segment that was stored from a moment on."""
    stored = (info for page in store.list(generations.ROOT) for info in page if info.time >= since)
    return min((info for info in stored if "/wal/" in info.key), key=lambda info: (info.time, info.key))
