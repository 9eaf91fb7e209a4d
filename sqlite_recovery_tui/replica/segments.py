"""The WAL segments of one generation in a few bytes each; a `WalSegment` is made where one is looked at.

A replica may hold a hundred thousand of them. Columns of numbers keep memory small, and whatever goes over
all of them is one call into C, so that no other thread waits for it.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import accumulate
from operator import eq, le, lt
from typing import Any, overload

from sqlite_recovery_tui.domain import StoredObject, WalSegment
from sqlite_recovery_tui.formats import generations as names

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_FIRST = -62_135_596_800_000_000
_LAST = 253_402_300_799_999_999
"""The times that a `datetime` can hold."""

Numbers = memoryview
"""Whole numbers of eight bytes each, read-only."""


def microseconds(time: datetime) -> int:
    """Return a time as whole microseconds since 1970."""
    return (time - _EPOCH) // _MICROSECOND


def moment(count: int) -> datetime:
    """Return the time of so many microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=count)


class Columns:
    """Segments as they are collected, one after the other."""

    def __init__(self) -> None:
        """Begin with none."""
        self.indexes = array("q")
        self.offsets = array("Q")
        self.sizes = array("q")
        self.times = array("q")
        self.etags = bytearray()
        self.etag_ends = array("Q")
        self._in_order = True
        self._last = (-1, 0)

    def add(self, index: int, offset: int, size: int, time: int, etag: str | None) -> None:
        """Take one more; of several at one position the last counts."""
        self._in_order = self._in_order and (index, offset) > self._last
        self._last = (index, offset)
        self.indexes.append(index)
        self.offsets.append(offset)
        self.sizes.append(size)
        self.times.append(time)
        if etag:
            self.etags += etag.encode(errors="surrogatepass")
        self.etag_ends.append(len(self.etags))

    def segments(self, generation: str) -> Segments:
        """Return what was collected so far, in order of position; adding more does not change it."""
        columns = self if self._in_order else self._ordered()
        return Segments(
            generation,
            [
                _frozen(column[:])
                for column in (
                    columns.indexes,
                    columns.offsets,
                    columns.sizes,
                    columns.times,
                    columns.etag_ends,
                )
            ],
            bytes(columns.etags),
        )

    def _ordered(self) -> Columns:
        """Return the same in order of position, each position once."""
        last = {place: number for number, place in enumerate(zip(self.indexes, self.offsets, strict=True))}
        found = Columns()
        for place in sorted(last):
            number = last[place]
            etag = _etag(self.etags, self.etag_ends, number)
            found.add(*place, self.sizes[number], self.times[number], etag)
        return found


class Segments(Sequence[WalSegment]):
    """Segments of one generation in order of position; a slice shares what it is a part of."""

    def __init__(
        self, generation: str, columns: Sequence[Numbers], etags: bytes, chosen: range | None = None
    ) -> None:
        """Hold whole columns (indexes, offsets, sizes, times, ends of ETags), of which `chosen` are shown."""
        self.generation = generation
        self._columns = columns
        self._etags = etags
        self._chosen = range(len(columns[0])) if chosen is None else chosen

    @classmethod
    def of(cls, generation: str, segments: Iterable[WalSegment]) -> Segments:
        """Take up segments."""
        columns = Columns()
        for item in segments:
            columns.add(item.index, item.offset, item.size, microseconds(item.time), item.etag)
        return columns.segments(generation)

    @classmethod
    def unpacked(cls, generation: str, count: int, data: bytes) -> Segments:
        """Return what `packed` gave, without ETags; raise `ValueError` where it cannot be."""
        columns = Columns()
        each = 8 * count
        if len(data) != 4 * each:
            raise ValueError("cut off")
        for number, column in enumerate((columns.indexes, columns.offsets, columns.sizes, columns.times)):
            column.frombytes(data[number * each : (number + 1) * each])
        places = list(zip(columns.indexes, columns.offsets, strict=True))
        if not all(map(lt, places, places[1:])) or (places and places[-1][0] > names.MAX_INDEX):
            raise ValueError("out of order")
        lowest = [min(column, default=0) for column in (columns.indexes, columns.sizes)]
        if min(lowest) < 0 or min(columns.times, default=0) < _FIRST or max(columns.times, default=0) > _LAST:
            raise ValueError("no such numbers")
        columns.etag_ends = array("Q", bytes(each))
        return columns.segments(generation)

    def packed(self) -> bytes:
        """Return all but the ETags as bytes, in the order of bytes of this machine."""
        return b"".join(column.tobytes() for column in self._shown())

    # as a sequence

    def __len__(self) -> int:
        return len(self._chosen)

    @overload
    def __getitem__(self, place: int) -> WalSegment: ...
    @overload
    def __getitem__(self, place: slice) -> Segments: ...
    def __getitem__(self, place: int | slice) -> WalSegment | Segments:
        if isinstance(place, slice):
            return Segments(self.generation, self._columns, self._etags, self._chosen[place])
        number = self._chosen[place]
        index, offset, size, time, _ = [column[number] for column in self._columns]
        return self._made(number, index, offset, size, time)

    def __iter__(self) -> Iterator[WalSegment]:
        rows = zip(self._chosen, self.indexes, self.offsets, self.sizes, self.times, strict=True)
        for row in rows:
            yield self._made(*row)

    def __reversed__(self) -> Iterator[WalSegment]:
        return iter(self[::-1])

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Segments):
            return (
                self.generation == other.generation
                and all(map(eq, self._shown(), other._shown()))
                and list(self._all_etags()) == list(other._all_etags())
            )
        if isinstance(other, Sequence):
            return len(self) == len(other) and all(map(eq, self, other))
        return NotImplemented

    def __hash__(self) -> int:
        return hash((self.generation, len(self)))

    def __repr__(self) -> str:
        return f"<{len(self)} segments of {self.generation}>"

    def __reduce__(self) -> tuple[Any, ...]:
        """Go to another process as bytes: views of memory cannot."""
        columns = [(column.format, column.tobytes()) for column in self._columns]
        return _from_bytes, (self.generation, columns, self._etags, self._chosen)

    # in columns

    @property
    def indexes(self) -> Numbers:
        """The WAL that each belongs to."""
        return self._column(0)

    @property
    def offsets(self) -> Numbers:
        """The byte of that WAL that each begins at."""
        return self._column(1)

    @property
    def sizes(self) -> Numbers:
        """Bytes as stored."""
        return self._column(2)

    @property
    def times(self) -> Numbers:
        """When each was stored, in microseconds since 1970."""
        return self._column(3)

    @cached_property
    def size(self) -> int:
        """Bytes of all, as stored."""
        return sum(self.sizes)

    @cached_property
    def start(self) -> datetime:
        """The earliest time; there must be a segment."""
        return moment(min(self.times))

    @cached_property
    def end(self) -> datetime:
        """The latest time; there must be a segment."""
        return moment(max(self.times))

    @cached_property
    def times_rise(self) -> bool:
        """Whether none was stored before the one in front of it."""
        times = self.times
        return all(map(le, times, times[1:]))

    @cached_property
    def latest_so_far(self) -> Numbers:
        """The running maximum of the times."""
        return self.times if self.times_rise else _frozen(array("q", accumulate(self.times, max)))

    def before(self, index: int, offset: float = 0) -> int:
        """Return how many segments begin in front of byte `offset` of WAL `index`."""
        indexes = self.indexes
        first = bisect_left(indexes, index)
        return bisect_left(self.offsets, offset, first, bisect_right(indexes, index, first))

    def of_wal(self, first: int, last: int | None = None) -> Segments:
        """Return those of WAL `first`, or of all up to and including WAL `last`."""
        indexes = self.indexes
        return self[bisect_left(indexes, first) : bisect_right(indexes, first if last is None else last)]

    def number_of(self, index: int, offset: int) -> int | None:
        """Return which segment begins exactly there; None where none does."""
        number = self.before(index, offset)
        is_there = number < len(self) and (self.indexes[number], self.offsets[number]) == (index, offset)
        return number if is_there else None

    def _column(self, number: int) -> Numbers:
        column, chosen = self._columns[number], self._chosen
        if not chosen:
            return column[:0]
        end = chosen[-1] + (1 if chosen.step > 0 else -1)
        return column[chosen[0] : None if end < 0 else end : chosen.step]

    def _made(self, number: int, index: int, offset: int, size: int, time: int) -> WalSegment:
        return WalSegment(
            self.generation,
            index,
            offset,
            names.segment_key(self.generation, index, offset),
            size,
            moment(time),
            _etag(self._etags, self._columns[4], number),
        )

    def _shown(self) -> list[Numbers]:
        return [self._column(number) for number in range(4)]

    def _all_etags(self) -> Iterator[str | None]:
        return (_etag(self._etags, self._columns[4], number) for number in self._chosen)


def sizes_of(items: Sequence[StoredObject]) -> Sequence[int]:
    """Return the sizes of objects, whether they are in columns or not."""
    return items.sizes if isinstance(items, Segments) else [item.size for item in items]


def times_of(items: Sequence[StoredObject]) -> Sequence[int]:
    """Return when objects were stored, in microseconds since 1970."""
    return items.times if isinstance(items, Segments) else [microseconds(item.time) for item in items]


def rising(times: Sequence[int]) -> Sequence[int]:
    """Return the numbers of times in rising order of these; of equal ones the first comes first."""
    numbers = range(len(times))
    return numbers if all(map(le, times, times[1:])) else sorted(numbers, key=times.__getitem__)


def _etag(etags: bytes | bytearray, ends: Sequence[int] | Numbers, number: int) -> str | None:
    first = ends[number - 1] if number else 0
    return etags[first : ends[number]].decode(errors="surrogatepass") or None


def _from_bytes(
    generation: str, columns: Sequence[tuple[Any, bytes]], etags: bytes, chosen: range
) -> Segments:
    """Return what came from another process."""
    return Segments(generation, [_frozen(array(form, data)) for form, data in columns], etags, chosen)


def _frozen(column: array[int]) -> Numbers:
    return memoryview(column).toreadonly()
