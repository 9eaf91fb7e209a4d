"""A replica laid out as lines that are made when they are looked at: a long history costs what it shows.

Only headings and gaps are held as lines. Between them objects are numbered through all lanes, each lane's
from its last position down, and a line is found from such a number, or a number from a key, by halving.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, overload

from sqlite_recovery_tui.domain import Gap, Place, StoredObject
from sqlite_recovery_tui.formats.generations import parse_key
from sqlite_recovery_tui.replica.segments import Segments
from sqlite_recovery_tui.tui.entries import Block, Entry, EntryList, Heading, Hole, Stored, key_of

if TYPE_CHECKING:
    from sqlite_recovery_tui.replica.lineage import Lane, Lineage
    from sqlite_recovery_tui.replica.timeline import Timeline

T = TypeVar("T")


def build(timeline: Timeline) -> EntryList:
    """Lay a timeline out, newest first."""
    from sqlite_recovery_tui.replica.grain import grain_of

    lines = _Lines()
    pauses = list(timeline.pauses())
    for number, lineage in enumerate(reversed(timeline.lineages)):
        lines.add(number, lineage, pauses)
    places = range(len(lines))
    return EntryList(
        timeline,
        grain_of(timeline.point_times()),
        _Made(places, lines.entry),
        _Made(places, lines.key),
        _Places(lines),
        tuple(
            Block(each.lane, each.history, each.heading, _Made(each.numbers, lines.place))
            for each in lines.lanes
        ),
        lines.marks(),
    )


class _History:
    """What the lines of one lineage have in common."""

    def __init__(self, lineage: Lineage) -> None:
        self.lineage = lineage
        self.bases = {base.key for base in lineage.bases}
        self.loose = [gap for gap in lineage.gaps if gap.before is None]
        """Gaps that no state lies in front of."""
        points = [gap.after.position for gap in self.loose if gap.kind == "expired" and gap.after]
        self._first: Place | None = points[0] if points else None

    def stored(self, item: StoredObject, noun: str) -> Stored:
        """Return the line of an object."""
        point = self.lineage.state_of(item)
        here: Any = item.position
        expired = point is None and self._first is not None and bool(here < self._first)
        return Stored(item, noun, item.key in self.bases, point, expired)


class _Laid:
    """One lane's objects, counted from the first position up, a base before what begins where it stands."""

    def __init__(self, lane: Lane, history: int, of: _History, first: int) -> None:
        self.lane = lane
        self.history = history
        self.of = of
        self.first = first
        """The number of its newest object."""
        self.heading = 0
        """The place of the line that it begins with."""
        self._bases = [_in_front(lane.changes, base) + number for number, base in enumerate(lane.bases)]
        self._named = {base.key: place for base, place in zip(lane.bases, self._bases, strict=True)}
        if not isinstance(lane.changes, Segments):
            self._named |= {item.key: self._of_change(number) for number, item in enumerate(lane.changes)}

    @property
    def numbers(self) -> range:
        """The numbers of its objects."""
        return range(self.first, self.first + self.lane.objects)

    def stored(self, number: int) -> Stored:
        """Return the line of an object."""
        return self.of.stored(*self._found(number))

    def key(self, number: int) -> str:
        """Return the key of an object."""
        return self._found(number)[0].key

    def number(self, key: str) -> int | None:
        """Return the number of an object, None where it is none of these."""
        place = self._named.get(key)
        if place is None and isinstance(self.lane.changes, Segments):
            name = parse_key(key)
            if name is None or name.offset is None or name.generation != self.lane.changes.generation:
                return None
            change = self.lane.changes.number_of(name.index, name.offset)
            place = self._of_change(change) if change is not None else None
        return self.numbers[-1] - place if place is not None else None

    def _found(self, number: int) -> tuple[StoredObject, str]:
        place = self.numbers[-1] - number
        count = bisect_right(self._bases, place)
        if count and self._bases[count - 1] == place:
            return self.lane.bases[count - 1], "snapshot"
        return self.lane.changes[place - count], self.lane.change_noun

    def _of_change(self, number: int) -> int:
        """Return the place of a change among all: behind the bases in front of it."""
        # Base k lies behind `_bases[k] - k` changes.
        return number + bisect_right(range(len(self._bases)), number, key=lambda k: self._bases[k] - k)


@dataclass(frozen=True, slots=True)
class _Special:
    """A line that is no object's, above the object of this number."""

    above: int
    entry: Entry


class _Lines:
    """All lines of a replica."""

    def __init__(self) -> None:
        self.lanes: list[_Laid] = []
        self._specials: list[_Special] = []
        self._places: list[int] = []
        """Where the special lines are."""
        self._named: dict[str, int] = {}
        self._objects = 0

    def add(self, number: int, lineage: Lineage, pauses: Sequence[Gap]) -> None:
        """Take a lineage: its lanes, each gap above what it follows; those that nothing lies before, last."""
        history = _History(lineage)
        first = len(self.lanes)
        waiting = [gap for gap in lineage.gaps if gap.before is not None]
        for lane in lineage.lanes:
            laid = _Laid(lane, number, history, self._objects)
            self.lanes.append(laid)
            laid.heading = self._put(self._objects, Heading(lane))
            waiting = self._put_holes(laid, waiting)
            self._objects += lane.objects
        own = self.lanes[first:]
        after = [gap for gap in pauses if gap.after is not None and _has(own, gap.after.key)]
        for gap in (*history.loose, *after):
            self._put(self._objects, Hole(gap))

    def _put_holes(self, laid: _Laid, waiting: Sequence[Gap]) -> list[Gap]:
        """Put gaps above the objects of a lane that they follow; return those that follow none of them."""
        found: list[tuple[int, Gap]] = []
        others: list[Gap] = []
        for gap in waiting:
            number = laid.number(gap.before.key) if gap.before is not None else None
            if number is None:
                others.append(gap)
            else:
                found.append((number, gap))
        for number, gap in sorted(found, key=lambda pair: pair[0]):
            self._put(number, Hole(gap))
        return others

    def _put(self, above: int, entry: Entry) -> int:
        """Put a line above an object; return its place."""
        place = above + len(self._specials)
        self._specials.append(_Special(above, entry))
        self._places.append(place)
        self._named[key_of(entry)] = place
        return place

    def __len__(self) -> int:
        return self._objects + len(self._specials)

    def entry(self, place: int) -> Entry:
        """Make a line."""
        special, number = self._at(place)
        return special.entry if special is not None else self._lane(number).stored(number)

    def key(self, place: int) -> str:
        """Return what tells a line from all others."""
        special, number = self._at(place)
        return key_of(special.entry) if special is not None else self._lane(number).key(number)

    def place(self, number: int) -> int:
        """Return the place of an object."""
        return number + bisect_right(self._specials, number, key=lambda special: special.above)

    def find(self, key: str) -> int | None:
        """Return the place of a line."""
        if (place := self._named.get(key)) is not None:
            return place
        numbers = (number for lane in self.lanes if (number := lane.number(key)) is not None)
        return next((self.place(number) for number in numbers), None)

    def marks(self) -> tuple[int, ...]:
        """Return the places of everything but changes, rising: of bases only where a state ends in them."""
        found = set(self._places)
        for lane in self.lanes:
            numbers = (lane.number(key) for key in lane.of.bases)
            found |= {
                self.place(number)
                for number in numbers
                if number is not None and lane.stored(number).point is not None
            }
        return tuple(sorted(found))

    def _at(self, place: int) -> tuple[_Special | None, int]:
        """Return the special line at a place, or the number of the object."""
        count = bisect_right(self._places, place)
        if count and self._places[count - 1] == place:
            return self._specials[count - 1], 0
        return None, place - count

    def _lane(self, number: int) -> _Laid:
        # Of lanes that begin with one number all but the last are empty.
        return self.lanes[bisect_right(self.lanes, number, key=lambda lane: lane.first) - 1]


class _Made(Sequence[T]):
    """What is made of numbers when it is looked at."""

    def __init__(self, numbers: range, make: Callable[[int], T]) -> None:
        self._numbers = numbers
        self._make = make

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> _Made[T]: ...
    def __getitem__(self, place: int | slice) -> T | _Made[T]:
        if isinstance(place, slice):
            return _Made(self._numbers[place], self._make)
        return self._make(self._numbers[place])


class _Places(Mapping[str, int]):
    """Where each line is."""

    def __init__(self, lines: _Lines) -> None:
        self._lines = lines

    def __len__(self) -> int:
        return len(self._lines)

    def __iter__(self) -> Iterator[str]:
        return map(self._lines.key, range(len(self)))

    def __getitem__(self, key: str) -> int:
        place = self._lines.find(key)
        if place is None:
            raise KeyError(key)
        return place


def _has(lanes: Sequence[_Laid], key: str) -> bool:
    return any(lane.number(key) is not None for lane in lanes)


def _in_front(changes: Sequence[Any], base: Any) -> int:
    """Return how many changes lie in front of a base."""
    if isinstance(changes, Segments):
        return changes.before(base.index)
    return bisect_left(changes, base.position, key=lambda change: change.position)
