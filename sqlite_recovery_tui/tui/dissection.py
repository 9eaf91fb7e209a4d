"""What the console asks of the anatomy; every function here runs in a worker's thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlite_recovery_tui.clock import Clock
from sqlite_recovery_tui.domain import LtxFile, StoredObject, WalSegment

if TYPE_CHECKING:
    from sqlite_recovery_tui.anatomy.belonging import Belonging
    from sqlite_recovery_tui.anatomy.describe import Anatomy, Found
    from sqlite_recovery_tui.anatomy.unpack import Access
    from sqlite_recovery_tui.replica.lineage import Lane
    from sqlite_recovery_tui.replica.timeline import Timeline
    from sqlite_recovery_tui.tui.engine import Report
    from sqlite_recovery_tui.tui.state import Place

READ_BYTES, READ_LOCAL_BYTES = 16 << 20, 1 << 30
"""An object elsewhere, or here, of more bytes is not read in full unless somebody asks."""


@dataclass(frozen=True)
class Bench:
    """Where objects of one replica are taken apart."""

    place: Place
    timeline: Timeline
    folder: Path
    clock: Clock

    @contextmanager
    def access(self, report: Report) -> Iterator[Access]:
        """Open the replica for one piece of work."""
        from sqlite_recovery_tui.anatomy.unpack import Access
        from sqlite_recovery_tui.storage.open import open_store

        store = open_store(self.place.ref.replica, clock=self.clock)
        try:
            yield Access(store, self.place.ref.identities, self.folder, report.cancel, report.progress)
        finally:
            store.close()

    def reads_whole(self, item: StoredObject) -> bool:
        """Tell whether an object is read in full without being asked."""
        most = READ_LOCAL_BYTES if self.place.local else READ_BYTES
        return item.size <= most or isinstance(item, WalSegment)


@dataclass(frozen=True)
class Dissection:
    """One object, taken apart, and what lies beside it in its lane."""

    bench: Bench
    item: StoredObject
    anatomy: Anatomy
    whole: bool
    """Whether all of it was read."""
    earlier: StoredObject | None
    later: StoredObject | None


def dissect(bench: Bench, item: StoredObject, whole: bool, report: Report) -> Dissection:
    """Take an object apart; raises `StorageError`."""
    from sqlite_recovery_tui.anatomy.describe import describe

    bench.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with bench.access(report) as access:
        anatomy = describe(access, bench.timeline, item, whole=whole)
    earlier, later = _beside(bench.timeline, item)
    _warm_up()
    return Dissection(bench, item, anatomy, whole, earlier, later)


def _warm_up() -> None:
    """Import here what the next key needs, so that it does not wait for that."""
    from sqlite_recovery_tui.tui.screens import object_facts, object_rows, page  # noqa: F401


def _beside(timeline: Timeline, item: StoredObject) -> tuple[StoredObject | None, StoredObject | None]:
    for lane in timeline.lanes:
        listed = _around(lane, item)
        place = next((place for place, each in enumerate(listed) if each.key == item.key), None)
        if place is not None:
            return listed[place - 1] if place else None, listed[place + 1] if place + 1 < len(
                listed
            ) else None
    return None, None


def _around(lane: Lane, item: StoredObject) -> list[StoredObject]:
    """Return objects of a lane in order of position, at least those next to `item`."""
    from sqlite_recovery_tui.anatomy.find import in_order
    from sqlite_recovery_tui.replica.segments import Segments

    changes = lane.changes
    if isinstance(changes, Segments) and not isinstance(item, LtxFile):
        place = changes.before(item.index, item.offset if isinstance(item, WalSegment) else 0)
        changes = changes[max(0, place - 1) : place + 2]
    return in_order([*lane.bases, *changes])


def whose(dissection: Dissection, report: Report) -> Belonging:
    """Find out which table or index pages belong to; a failure is in the answer."""
    from sqlite_recovery_tui.anatomy.describe import belonging

    with dissection.bench.access(report) as access:
        return belonging(access, dissection.bench.timeline, dissection.anatomy)


def open_page(dissection: Dissection, place: int, known: Belonging | None, report: Report) -> Found:
    """Take one page of an object apart; raises `DamagedError`, `StorageError`."""
    from sqlite_recovery_tui.anatomy import describe

    with dissection.bench.access(report) as access:
        return describe.open_page(access, dissection.anatomy, place, known)
