"""A database shipped to replicas in memory, which refuse on request, on a clock that the test moves."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from sqlite_recovery_tui.clock import FixedClock
from sqlite_recovery_tui.config import ReplicaConfig
from sqlite_recovery_tui.domain import Position
from sqlite_recovery_tui.errors import (
    StorageError,
    Unreachable,
)
from sqlite_recovery_tui.replicate.ship import Shipper
from sqlite_recovery_tui.replicate.spool import Spool
from sqlite_recovery_tui.storage.base import ObjectInfo
from sqlite_recovery_tui.storage.memory import MemoryStore
from tests.support.copies import fixed_clock
from tests.support.faults import FaultyStore
from tests.support.shelf import content_of
from tests.support.stretches import Source

REPLICA = ReplicaConfig(name="r", type="memory", bucket="r", sync_interval=timedelta(seconds=10))


class Faulty(FaultyStore):
    """Refuses to store keys that contain `refused`; others take `seconds` of the clock it is given."""

    refused = "nothing"
    error: StorageError = Unreachable("nothing answers")
    clock: FixedClock | None = None
    seconds = 0.0

    def put(self, key: str, data: bytes) -> ObjectInfo:
        if self.refused in key:
            raise self.error
        if self.clock and self.seconds:
            self.clock.sleep(self.seconds)
        return super().put(key, data)


class Ground:
    """A database, its spool, and replicas in memory on a clock that the test moves."""

    def __init__(self, folder: Path, *replicas: ReplicaConfig, cap_bytes: int = 1 << 30) -> None:
        self.folder = folder
        self.clock: FixedClock = fixed_clock()
        self.replicas = replicas or (REPLICA,)
        self.stores = [Faulty(MemoryStore(each.name, clock=self.clock)) for each in self.replicas]
        for store in self.stores:
            store.clock = self.clock
        self.cap_bytes = cap_bytes
        self.proven: list[Position] = []
        """What was shown to be restorable, the newest first."""
        self.open()
        self.source = Source(folder / "app.db", self.spool)
        self.source.begin()

    def open(self) -> None:
        """Begin as a process does."""
        named = [each.name for each in self.replicas]
        self.spool = Spool(
            self.folder / "spool", named, cap_bytes=self.cap_bytes, cut_bytes=200_000, clock=self.clock
        )
        self.shippers = [
            Shipper(
                self.spool,
                store,
                each,
                clock=self.clock,
                draw=lambda: 1.0,
                proven=lambda _url: self.proven,
            )
            for each, store in zip(self.replicas, self.stores, strict=True)
        ]
        if hasattr(self, "source"):
            self.source.sink = self.spool

    def begin_again(self) -> None:
        """End this process, and begin another one."""
        self.spool.close()
        self.open()

    @property
    def store(self) -> Faulty:
        return self.stores[0]

    @property
    def shipper(self) -> Shipper:
        return self.shippers[0]

    def objects(self, number: int = 0) -> dict[str, ObjectInfo]:
        return {info.key: info for page in self.stores[number].inner.list() for info in page}

    def segments(self, number: int = 0) -> list[str]:
        return [key for key in self.objects(number) if "/wal/" in key]

    def restored(self, number: int = 0, **how: object) -> bytes:
        return content_of(self.stores[number].inner, **how)  # type: ignore[arg-type]

    def write_to(self, folder: Path, number: int = 0) -> Path:
        """Write a replica to a folder, with the times at which its objects were stored; return it."""
        for key, info in self.objects(number).items():
            path = folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.stores[number].inner.get(key))
            os.utime(path, (info.time.timestamp(), info.time.timestamp()))
        return folder

    def turn(self, seconds: float = 10) -> None:
        """Let time pass, and each replica do what is due."""
        self.clock.sleep(seconds)
        for shipper in self.shippers:
            shipper.step()

    def close(self) -> None:
        self.source.close()
        self.spool.close()


@contextmanager
def ground(folder: Path, *replicas: ReplicaConfig, cap_bytes: int = 1 << 30) -> Iterator[Ground]:
    made = Ground(folder, *replicas, cap_bytes=cap_bytes)
    try:
        yield made
    finally:
        made.close()
