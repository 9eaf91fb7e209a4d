"""Steps through a replica's history from object to object, across lanes; each looks at a few lines only."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlite_recovery_tui.domain import Gap
from sqlite_recovery_tui.tui.entries import Block, Entry, EntryList, Heading, Hole, Stored


@dataclass(frozen=True)
class Steps:
    """Finds the line of the next object in a direction, None where there is none."""

    lines: EntryList

    def block_of(self, place: int) -> int | None:
        """Return the number of the lane that a line belongs to."""
        found = bisect_right(self.lines.blocks, place, key=lambda block: block.first)
        return found - 1 if found else None

    def older(self, place: int) -> int | None:
        """Return the object before in this lane; at its end, the nearest one of another lane or history."""
        number = self.block_of(place)
        if number is None:
            return None
        here = self.lines.blocks[number].places
        found = bisect_right(here, place)
        return here[found] if found < len(here) else self._over_the_end(number, older=True)

    def newer(self, place: int) -> int | None:
        """Return the object behind in this lane; at its end, the nearest one of another lane or history."""
        number = self.block_of(place)
        if number is None:
            return None
        here = self.lines.blocks[number].places
        found = bisect_left(here, place)
        return here[found - 1] if found else self._over_the_end(number, older=False)

    def oldest(self, place: int) -> int | None:
        """Return the oldest object of this lane."""
        number = self.block_of(place)
        return self.lines.blocks[number].places[-1] if number is not None else None

    def newest(self, place: int) -> int | None:
        """Return the newest object of this lane."""
        number = self.block_of(place)
        return self.lines.blocks[number].places[0] if number is not None else None

    def in_lane(self, number: int, moment: datetime) -> int | None:
        """Return a lane's newest object that is not later than a moment; its oldest where all are."""
        if not 0 <= number < len(self.lines.blocks):
            return None
        here = self.lines.blocks[number].places
        found = _first(here, lambda place: self._item(place).time <= moment)
        return here[min(found, len(here) - 1)] if here else None

    def moment_of(self, place: int) -> datetime | None:
        """Return the moment that a line stands for."""
        match self._entry(place):
            case Stored(item):
                return item.time
            case Heading(lane):
                return lane.end
            case Hole(gap):
                return _moment_of(gap)
            case _:
                return None

    def _over_the_end(self, number: int, *, older: bool) -> int | None:
        """Return the object to go on with where a lane ends."""
        here = self.lines.blocks[number]
        if not here.places:
            return None
        edge = self._item(here.places[-1 if older else 0]).position
        near = self._beside(number, edge, older=older)
        if near is None:
            history = here.lineage + (1 if older else -1)
            near = self._end_of(history, newest=older)
        return near

    def _beside(self, number: int, edge: Any, *, older: bool) -> int | None:
        """Return the object of the same history, in another lane, that is next in position."""
        found = []
        for block in self._lanes_of(self.lines.blocks[number].lineage):
            first = _first(block.places, lambda place: self._item(place).position < edge)
            if older and first < len(block.places):
                found.append(block.places[first])
            if not older:
                same = _first(block.places, lambda place: self._item(place).position <= edge)
                found += block.places[same - 1 : same] if same else []
        return self._extreme(found, newest=older)

    def _end_of(self, history: int, *, newest: bool) -> int | None:
        """Return the newest or oldest object of a history."""
        ends = [block.places[0 if newest else -1] for block in self._lanes_of(history) if block.places]
        return self._extreme(ends, newest=newest)

    def _extreme(self, places: Sequence[int], *, newest: bool) -> int | None:
        """Return the place with the highest or lowest position; of equal ones the finest lane's."""
        if not places:
            return None
        key: Callable[[int], Any] = lambda place: self._item(place).position  # noqa: E731
        return max(places, key=key) if newest else min(places, key=key)

    def _lanes_of(self, history: int) -> Iterator[Block]:
        """Yield the lanes of a history; lanes of one history follow one another."""
        first = bisect_left(self.lines.blocks, history, key=lambda block: block.lineage)
        for block in self.lines.blocks[first:]:
            if block.lineage != history:
                return
            yield block

    def _entry(self, place: int) -> Entry | None:
        return self.lines.entries[place] if 0 <= place < len(self.lines.entries) else None

    def _item(self, place: int) -> Any:
        entry = self.lines.entries[place]
        assert isinstance(entry, Stored)
        return entry.item


def _moment_of(gap: Gap) -> datetime | None:
    """Return the middle of a gap, as far as its ends are known."""
    if gap.before is not None and gap.after is not None:
        return gap.before.time + (gap.after.time - gap.before.time) / 2
    known = gap.before or gap.after
    return known.time if known is not None else None


def _first(places: Sequence[int], holds: Callable[[int], bool]) -> int:
    """Return the number of the first place for which `holds` is true; it is for all behind that."""
    return bisect_left(places, True, key=holds)
