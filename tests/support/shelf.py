"""A replica's objects in memory, which a test may damage, and the shortest way to restore from them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlite_recovery_tui.formats import lz4
from sqlite_recovery_tui.replica.scan import scan
from sqlite_recovery_tui.restore.plan import Plan, make_plan
from sqlite_recovery_tui.restore.run import RestoreOptions, RestoreResult, restore
from sqlite_recovery_tui.restore.target import AtTime, Latest, Target
from sqlite_recovery_tui.storage.base import Store
from sqlite_recovery_tui.storage.memory import MemoryStore
from sqlite_recovery_tui.verify.replica import ReplicaProof, verify_replica

START = datetime(2026, 3, 26, 10, 0, tzinfo=UTC)
"""The moment that `at` counts from."""


def at(seconds: float) -> datetime:
    """Return the moment so many seconds after `START`."""
    return START + timedelta(seconds=seconds)


@dataclass
class Shelf:
    """Objects by key, each with its time; `take` is a sink for a `GenerationWriter`."""

    objects: dict[str, tuple[bytes, datetime]] = field(default_factory=dict)

    def take(self, key: str, pieces: Iterable[bytes], time: datetime) -> int:
        """Store an object."""
        data = b"".join(pieces)
        self.objects[key] = (data, time)
        return len(data)

    def copy(self) -> Shelf:
        """Return a shelf that can be damaged without harm to this one."""
        return Shelf(dict(self.objects))

    def keys(self, part: str = "") -> list[str]:
        """Return the keys that contain `part`, in order of their names."""
        return sorted(key for key in self.objects if part in key)

    def data(self, key: str) -> bytes:
        """Return an object as stored."""
        return self.objects[key][0]

    def time(self, key: str) -> datetime:
        """Return when an object was stored."""
        return self.objects[key][1]

    def decoded(self, key: str) -> bytes:
        """Return an object's content."""
        return lz4.decompress(self.data(key), max_bytes=1 << 30)

    def replace(self, key: str, data: bytes) -> None:
        """Put other bytes in an object's place; it keeps its time."""
        self.objects[key] = (data, self.time(key))

    def drop(self, *keys: str) -> None:
        """Delete objects."""
        for key in keys:
            del self.objects[key]

    def store(self) -> MemoryStore:
        """Return a store that holds what is on the shelf now."""
        store = MemoryStore("shelf")
        for key, (data, time) in self.objects.items():
            store.put(key, data)
            store.set_time(key, time)
        return store

    def write_to(self, root: Path) -> Path:
        """Write every object below `root`, with its time; return `root`."""
        from sqlite_recovery_tui.demo.folder import folder_sink

        sink = folder_sink(root)
        for key, (data, time) in self.objects.items():
            sink(key, [data], time)
        return root


def plan_for(store: Store, target: Target | datetime | None = None, **how: Any) -> Plan:
    """Return the plan for a target (None: the latest state; a moment: that time)."""
    wanted = AtTime(target) if isinstance(target, datetime) else target or Latest()
    return make_plan(scan(store), wanted, database=None, replica=store.kind, url=store.url, **how)


def restore_to(
    output: Path,
    replica: Shelf | Store,
    target: Target | datetime | None = None,
    *,
    to_last_good: bool = False,
    nearest: bool = False,
    generation: str | None = None,
    age_identities: tuple[str, ...] = (),
    **options: Any,
) -> RestoreResult:
    """Plan and restore in one step."""
    store = replica.store() if isinstance(replica, Shelf) else replica
    plan = plan_for(store, target, to_last_good=to_last_good, nearest=nearest, generation=generation)
    chosen = RestoreOptions(output, to_last_good=to_last_good, **options)
    return restore(store, plan, chosen, age_identities=age_identities)


def content_of(replica: Shelf | Store, target: Target | datetime | None = None, **how: Any) -> bytes:
    """Restore and return the database's bytes."""
    with folder() as place:
        restore_to(place / "out.db", replica, target, **how)
        return (place / "out.db").read_bytes()


def proof_of(replica: Shelf | Store, **how: Any) -> ReplicaProof:
    """Verify a whole replica."""
    store = replica.store() if isinstance(replica, Shelf) else replica
    with folder() as place:
        return verify_replica(store, scan(store), folder=place, **how)


@contextmanager
def folder() -> Iterator[Path]:
    """Give an empty folder in memory where the machine has that: syncing costs nothing there."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as place:
        yield Path(place)
