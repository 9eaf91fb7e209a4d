"""Many parts of objects: near ones in one request, each object once where a server sends only whole ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.storage.ahead import AHEAD_BYTES, Bounds, ahead, one_by_one
from sqlite_recovery_tui.storage.base import Store
from sqlite_recovery_tui.storage.retry import Operation
from sqlite_recovery_tui.storage.translate import short_body

JOIN_BYTES = 16 << 10
"""Two parts with a gap of up to so much between them come in one request."""
_TRIP_BYTES = 4 << 20
_PIECE_BYTES = 1 << 20


class Part(NamedTuple):
    """`length` bytes of an object from `start`."""

    key: str
    start: int
    length: int

    @property
    def end(self) -> int:
        return self.start + self.length


def get_ranges(
    store: Store,
    parts: Sequence[tuple[str, int, int]],
    *,
    concurrency: int = 16,
    ahead_bytes: int = AHEAD_BYTES,
    join_bytes: int = JOIN_BYTES,
    cancel: CancelToken | None = None,
) -> Iterator[tuple[Part, bytes]]:
    """Yield each part (key, start, length) with exactly its bytes, in the order of `parts`.

    Parts that follow each other in an object with at most `join_bytes` between them are one request. Where
    the server answers no ranges, each object is read once, up to the last byte wanted, for all parts among
    the next `ahead_bytes` of them. What is held for the reader is at most `ahead_bytes` beyond the next
    part. Raise the first error in order (`ShortBody` for an object that ends before), and `Cancelled`.
    """
    wanted = [Part(*part) for part in parts]
    half = max(1, ahead_bytes // 2)
    if len(wanted) <= 1 or store.answers_ranges(wanted[0].key):
        trips = _joined(wanted, join_bytes, min(_TRIP_BYTES, half))
    else:
        trips = _by_object(wanted, half)
    found = _travel(store, trips, Bounds(max(1, concurrency), half), cancel)
    ready: dict[int, bytes] = {}
    number = 0
    for trip, pieces in found:
        ready.update(zip(trip.numbers, pieces, strict=True))
        while number in ready:
            yield wanted[number], ready.pop(number)
            number += 1


@dataclass(slots=True)
class _Trip:
    """One request: the parts it brings and their numbers; `whole` reads the object from its beginning."""

    numbers: list[int]
    parts: list[Part]
    whole: bool = False

    @property
    def bytes_held(self) -> int:
        if self.whole:
            return sum(part.length for part in self.parts)
        return self.parts[-1].end - self.parts[0].start


def _joined(parts: Sequence[Part], join_bytes: int, most_bytes: int) -> Iterator[_Trip]:
    """Yield trips of parts that follow each other in `parts` and in their object."""
    trip = _Trip([], [])
    for number, part in enumerate(parts):
        if trip.parts and not _goes_along(part, trip.parts, join_bytes, most_bytes):
            yield trip
            trip = _Trip([], [])
        trip.numbers.append(number)
        trip.parts.append(part)
    if trip.parts:
        yield trip


def _goes_along(part: Part, others: Sequence[Part], join_bytes: int, most_bytes: int) -> bool:
    last = others[-1]
    near = part.key == last.key and 0 <= part.start - last.end <= join_bytes
    return near and part.end - others[0].start <= most_bytes


def _by_object(parts: Sequence[Part], most_bytes: int) -> Iterator[_Trip]:
    """Yield a trip for each object among the next `most_bytes` of parts, then for the following ones."""
    trips: dict[str, _Trip] = {}
    held = 0
    for number, part in enumerate(parts):
        if held and held + part.length > most_bytes:
            yield from trips.values()
            trips, held = {}, 0
        trip = trips.setdefault(part.key, _Trip([], [], whole=True))
        trip.numbers.append(number)
        trip.parts.append(part)
        held += part.length
    yield from trips.values()


def _travel(
    store: Store, trips: Iterable[_Trip], bounds: Bounds, cancel: CancelToken | None
) -> Iterator[tuple[_Trip, list[bytes]]]:
    def bring(trip: _Trip) -> list[bytes]:
        return _cut_from_whole(store, trip.parts) if trip.whole else _cut_from_range(store, trip.parts)

    if store.is_local or bounds.concurrency <= 1:
        return one_by_one(bring, trips, cancel=cancel)
    return ahead(bring, trips, bounds, expected=lambda trip: trip.bytes_held, measure=len, cancel=cancel)


def _cut_from_range(store: Store, parts: Sequence[Part]) -> list[bytes]:
    first = parts[0].start
    data = store.get_range(parts[0].key, first, parts[-1].end - first)
    if len(parts) == 1:
        return [data]
    return [data[part.start - first : part.end - first] for part in parts]


def _cut_from_whole(store: Store, parts: Sequence[Part]) -> list[bytes]:
    """Read an object once and keep of it what was asked for."""
    kept = [bytearray() for _ in parts]
    waiting = sorted(zip(parts, kept, strict=True), key=lambda item: item[0].start, reverse=True)
    begun: list[tuple[Part, bytearray]] = []
    end = max(part.end for part in parts)
    at = 0
    for piece in store.stream(parts[0].key, chunk_bytes=_PIECE_BYTES):
        after = at + len(piece)
        while waiting and waiting[-1][0].start < after:
            begun.append(waiting.pop())
        for part, data in begun:
            data.extend(piece[max(0, part.start - at) : part.end - at])
        begun = [item for item in begun if item[0].end > after]
        at = after
        if at >= end:
            break
    if at < end:
        raise short_body(end, at).error(Operation("get", parts[0].key, store.url))
    return [bytes(data) for data in kept]
