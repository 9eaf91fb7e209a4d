"""One replica as a list, newest first: lanes (generations, levels), their objects, the gaps between."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any

from sqlite_recovery_tui.domain import Gap, Place, RestorePoint, StoredObject
from sqlite_recovery_tui.tui.aim import Aim, at_base, at_state

if TYPE_CHECKING:
    from sqlite_recovery_tui.replica.grain import Grain
    from sqlite_recovery_tui.replica.lineage import Lane, Lineage
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


def build(timeline: Timeline) -> EntryList:
    """Lay a timeline out, newest first."""
    from sqlite_recovery_tui.replica.grain import grain_of

    pauses = [gap for gap in timeline.gaps() if gap.kind == "between-generations"]
    entries: list[Entry] = []
    for lineage in reversed(timeline.lineages):
        states = lineage.states()
        entries += _Layout(lineage, states).lines()
        entries += [Hole(gap) for gap in pauses if gap.after is not None and gap.after.key in states]
    keys = tuple(_key(entry) for entry in entries)
    marks = tuple(
        place
        for place, entry in enumerate(entries)
        if not isinstance(entry, Stored) or (entry.is_base and entry.point is not None)
    )
    places = {key: place for place, key in enumerate(keys)}
    blocks = tuple(_blocks(timeline, entries))
    return EntryList(timeline, grain_of(timeline.points()), tuple(entries), keys, places, blocks, marks)


def _blocks(timeline: Timeline, entries: Sequence[Entry]) -> Iterator[Block]:
    """Yield where each lane's objects are."""
    histories = {
        id(lane): number
        for number, lineage in enumerate(reversed(timeline.lineages))
        for lane in lineage.lanes
    }
    firsts = [place for place, entry in enumerate(entries) if isinstance(entry, Heading)]
    for first, end in pairwise([*firsts, len(entries)]):
        heading = entries[first]
        assert isinstance(heading, Heading)
        stored = [place for place in range(first + 1, end) if isinstance(entries[place], Stored)]
        yield Block(heading.lane, histories[id(heading.lane)], first, stored)


def aim_of(entry: Stored) -> Aim:
    """Return what to wish for so that the state of exactly this line is restored."""
    point = entry.point
    assert point is not None
    return at_base(point) if entry.is_base else at_state(point)


class _Layout:
    """The lines of one lineage: its lanes with their objects, each gap above what it follows."""

    def __init__(self, lineage: Lineage, states: Mapping[str, RestorePoint]) -> None:
        self._lineage = lineage
        self._states = states
        self._bases = {base.key for base in lineage.bases}
        self._holes: dict[str, list[Gap]] = {}
        self._loose: list[Gap] = []
        """Gaps that no state lies in front of."""
        for gap in lineage.gaps:
            if gap.before is not None:
                self._holes.setdefault(gap.before.key, []).append(gap)
            else:
                self._loose.append(gap)
        points = [gap.after.position for gap in self._loose if gap.kind == "expired" and gap.after]
        self._first: Place | None = points[0] if points else None

    def lines(self) -> Iterator[Entry]:
        """Yield every line; gaps that nothing lies in front of come last."""
        for lane in self._lineage.lanes:
            yield Heading(lane)
            for item, noun in _newest_first(lane):
                yield from map(Hole, self._holes.pop(item.key, ()))
                point = self._states.get(item.key)
                expired = point is None and self._first is not None and _precedes(item, self._first)
                yield Stored(item, noun, item.key in self._bases, point, expired)
        yield from map(Hole, self._loose)


def _newest_first(lane: Lane) -> list[tuple[StoredObject, str]]:
    """Return a lane's objects, the last position first, each with what it is called."""
    found: list[tuple[StoredObject, str]] = [(item, "snapshot") for item in lane.bases]
    found += [(item, lane.change_noun) for item in lane.changes]
    # Places of one lane are of one kind. A base comes before the change that begins where it stands.
    key: Callable[[tuple[StoredObject, str]], Any] = lambda pair: pair[0].position  # noqa: E731
    return sorted(found, key=key)[::-1]


def _precedes(item: StoredObject, place: Place) -> bool:
    here: Any = item.position
    return bool(here < place)


def _key(entry: Entry) -> str:
    match entry:
        case Heading(lane):
            return f"lane {lane.id}"
        case Stored(item):
            return item.key
        case Hole(gap):
            return f"gap {gap.kind} {gap.object}"
