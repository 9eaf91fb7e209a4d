"""One replica as a list, newest first: lanes (generations, levels), their objects, the gaps between."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from sqlite_recovery_tui.domain import Gap, RestorePoint, StoredObject
from sqlite_recovery_tui.tui.aim import Aim, at_base, at_state

if TYPE_CHECKING:
    from sqlite_recovery_tui.replica.grain import Grain
    from sqlite_recovery_tui.replica.lineage import Lane
    from sqlite_recovery_tui.replica.timeline import Timeline


@dataclass(frozen=True, slots=True)
class Heading:
    """The line that begins a lane."""

    lane: Lane


@dataclass(frozen=True, slots=True)
class Stored:
    """The line of a stored object; `point` is the state that it ends in, None where there is none."""

    item: StoredObject
    noun: str
    """What such an object is called."""
    is_base: bool
    point: RestorePoint | None
    expired: bool = False
    """Whether it has no state because what it belonged to was deleted in its time."""


@dataclass(frozen=True, slots=True)
class Hole:
    """The line of a gap."""

    gap: Gap


Entry = Heading | Stored | Hole


def key_of(entry: Entry) -> str:
    """Return what tells a line from all others."""
    match entry:
        case Heading(lane):
            return f"lane {lane.id}"
        case Stored(item):
            return item.key
        case Hole(gap):
            return f"gap {gap.kind} {gap.object}"


@dataclass(frozen=True)
class Block:
    """The lines of one lane's objects, the newest first."""

    lane: Lane
    lineage: int
    """Which history it belongs to, the newest being 0."""
    first: int
    """Where its heading is."""
    places: Sequence[int]
    """Where its objects are, rising: from the newest position down."""


@dataclass(frozen=True)
class EntryList:
    """All lines, with the places of those worth jumping to, and how fine one can go back."""

    timeline: Timeline
    grain: Grain
    entries: Sequence[Entry]
    keys: Sequence[str]
    places: Mapping[str, int]
    """Where each line is, by its key."""
    blocks: Sequence[Block] = ()
    marks: Sequence[int] = ()
    """Places of everything but changes, rising."""

    def first_point(self) -> int:
        """Return the place of the newest line that can be restored; 0 without one."""
        for place, entry in enumerate(self.entries):
            if isinstance(entry, Stored) and entry.point is not None:
                return place
        return 0

    def mark_after(self, place: int) -> int | None:
        """Return the next mark further down (older)."""
        return next(islice(self.marks, bisect_right(self.marks, place), None), None)

    def mark_before(self, place: int) -> int | None:
        """Return the next mark further up (newer)."""
        found = bisect_left(self.marks, place)
        return self.marks[found - 1] if found else None


def aim_of(entry: Stored) -> Aim:
    """Return what to wish for so that the state of exactly this line is restored."""
    point = entry.point
    assert point is not None
    return at_base(point) if entry.is_base else at_state(point)
