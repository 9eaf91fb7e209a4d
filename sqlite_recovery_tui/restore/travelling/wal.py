"""The history of one run of WAL segments, frame by frame: which image each page has at which commit.

The frames from a base on are verified as a restore verifies them, and kept in a file without a name; an
index of eight bytes a frame tells the newest image of a page at any commit. What only the base has is
taken from the scratch before it is overwritten, or from the snapshot, which then is read once.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sqlite_recovery_tui.domain import Place, Position, Snapshot, WalSegment
from sqlite_recovery_tui.errors import FormatError
from sqlite_recovery_tui.formats.wal import FRAME_HEADER_SIZE, HEADER_SIZE
from sqlite_recovery_tui.replica.chain import Batch, Chain, ChainFault
from sqlite_recovery_tui.replica.generations import Run, WalRoute
from sqlite_recovery_tui.restore.fetch import Fetcher
from sqlite_recovery_tui.restore.image import decoded
from sqlite_recovery_tui.restore.tear import SHIPPED_AFTER
from sqlite_recovery_tui.restore.travelling.move import Move, NoWay, whole_pages
from sqlite_recovery_tui.restore.travelling.spool import I64, U8, U32, BasePages, Spool

_BASE, _ZERO = -1, -2
"""What holds a page's image where no frame does: the base, or nothing, as it was cut off."""


class WalPast:
    """Works out moves between commits of one run, from `base` on."""

    def __init__(self, run: Run, base: Snapshot, fetcher: Fetcher, folder: Path) -> None:
        """Know nothing yet; keep images in `folder`."""
        self.run = run
        self.base = base
        self._fetcher = fetcher
        self._folder = folder
        first = bisect_left(run.segments, base.index, key=lambda item: item.index)
        self._segments = run.segments[first:]
        self._loaded = 0
        self._chain = Chain(None)
        self._frames: Spool | None = None
        self._base: BasePages | None = None
        self._keys = np.empty(0, dtype=np.uint64)  # page << 32 | frame, rising
        self._counts: I64 = np.empty(0, dtype=np.int64)  # of frames, up to each commit
        self._sizes: I64 = np.empty(0, dtype=np.int64)  # of the database, behind each commit
        self._starts: dict[int, int] = {}  # number of the first frame of each WAL
        self._ends: list[tuple[int, int]] = []  # frames up to the end of each WAL, size there
        self._ends_at: dict[str, int] = {}  # offset at which each segment ends

    def close(self) -> None:
        """Let go of what was kept."""
        for kept in (self._frames, self._base):
            if kept is not None:
                kept.close()

    def use(self, fetcher: Fetcher) -> None:
        """Fetch through `fetcher` from here on."""
        self._fetcher = fetcher

    @staticmethod
    def is_sure(base: Snapshot, route: WalRoute) -> bool:
        """Tell whether the frames up to the end of `route` are newer than all that `base` can hold."""
        if base.index < route.last_index:
            return True
        changes = route.changes[:-1] if route.until is not None else route.changes
        return any(change.time > base.time + SHIPPED_AFTER for change in changes)

    def goes_to(self, held: Place, route: WalRoute) -> bool:
        """Tell whether both ends of a move lie behind the base, in one run."""
        return route.run == self.run and self.base.index <= min(_index(held), route.last_index)

    def cost(self, held: Place, route: WalRoute) -> int:
        """Return how many bytes a move would fetch, as stored, without those of the base."""
        wanted = max(self._through(held), self._through_route(route))
        return sum(item.size for item in self._segments[self._loaded : wanted])

    def move(self, held: Place, held_bytes: int, route: WalRoute) -> Move:
        """Return the move from `held`, where the file has `held_bytes`, to where `route` leads.

        Raises `NoWay`, `StorageError`, `Cancelled`.
        """
        if not route.changes:
            raise NoWay("a snapshot alone is restored")
        self._load(max(self._through(held), self._through_route(route)))
        page_size = self._chain.page_size
        if page_size is None or self._frames is None:
            raise NoWay("no WAL is stored between the two")
        before, after = self._frame_count(held), self._frame_count(self._end_of(route))
        if not after:
            raise NoWay("no commit is stored in front of it")
        size, held_pages = self._size_at(after), whole_pages(held_bytes, page_size)
        candidates = self._candidates(before, after, held_pages, size)
        old, new = self._sources(candidates, before), self._sources(candidates, after)
        wanted = (candidates <= size) & ((old != new) | (candidates > held_pages))
        lost = (candidates <= held_pages) & (old == _BASE)
        base = self._base_pages(page_size)
        kept = base.lacks(candidates[lost])
        needed = base.lacks(candidates[wanted & (new == _BASE)])
        if len(np.setdiff1d(needed, kept)):
            self._read_base(route, np.union1d(candidates, self._pages).astype(np.uint32), base)
            kept = base.lacks(candidates[lost])
        place = self._place_of(after)
        images = _Images(self._frames, base, candidates[wanted], new[wanted])
        return Move(place, page_size, size, candidates[wanted], kept, images)

    # What is stored

    def _through(self, place: Place) -> int:
        """Return how many segments lead up to `place`."""
        assert isinstance(place, Position)
        return bisect_left(self._segments, (place.index, place.offset), key=_order)

    def _through_route(self, route: WalRoute) -> int:
        return bisect_right(self._segments, _order(route.changes[-1]), key=_order) if route.changes else 0

    def _load(self, count: int) -> None:
        """Read and verify the segments up to number `count`."""
        some = self._segments[self._loaded : count]
        if not some:
            return
        new: list[U32] = []
        try:
            for batch in self._chain.read(self._noted(self._fetcher.segments(some))):
                self._take(batch, new)
        except ChainFault as fault:
            raise NoWay(f"{fault.object}: {fault.message}") from None
        self._loaded += len(some)
        self._index(np.concatenate(new) if new else np.empty(0, dtype=np.uint32))

    def _noted(self, segments: Iterable[tuple[WalSegment, bytes]]) -> Iterator[tuple[WalSegment, bytes]]:
        for segment, data in segments:
            self._ends_at[segment.key] = segment.offset + len(data)
            yield segment, data

    def _take(self, batch: Batch, new: list[U32]) -> None:
        frames = batch.frames
        if self._frames is None:
            self._frames = Spool(self._folder, batch.header.frame_size)
        first = self._frames.add(frames.data) if len(frames) else self._frames.count
        self._starts.setdefault(batch.index, first)
        new.append(frames.pgno)
        commits = np.flatnonzero(frames.commit)
        self._counts = np.append(self._counts, first + commits + 1)
        self._sizes = np.append(self._sizes, frames.commit[commits].astype(np.int64))
        if batch.ends_index and len(self._sizes):
            self._ends.append((self._frames.count, int(self._sizes[-1])))

    def _index(self, pages: U32) -> None:
        assert self._frames is not None
        first = self._frames.count - len(pages)
        numbers = np.arange(first, self._frames.count, dtype=np.uint64)
        keys = np.sort(pages.astype(np.uint64) << np.uint64(32) | numbers)
        self._keys = np.insert(self._keys, np.searchsorted(self._keys, keys), keys)

    @property
    def _pages(self) -> U32:
        """All pages that any frame has."""
        return np.unique((self._keys >> np.uint64(32)).astype(np.uint32))

    def _base_pages(self, page_size: int) -> BasePages:
        if self._base is None:
            self._base = BasePages(self._folder, page_size)
        return self._base

    def _read_base(self, route: WalRoute, wanted: U32, base: BasePages) -> None:
        """Find the pages `wanted` in the snapshot, as far as it has them."""
        if not self.is_sure(self.base, route):
            raise NoWay(f"snapshot {self.base.label} may hold more than the state that is wanted")
        wanted = base.lacks(wanted)
        source = self._fetcher.snapshot(self.base)
        try:
            assert self._chain.page_size is not None
            for numbers, images in _found(
                decoded(source, self._fetcher.cancel), wanted, self._chain.page_size
            ):
                base.add(numbers, images)
        except FormatError as fault:
            raise NoWay(f"{self.base.key}: {fault.message}") from None

    # Where a place lies among the frames

    def _end_of(self, route: WalRoute) -> Position:
        last = route.changes[-1]
        end = Position(last.generation, last.index, self._ends_at[last.key])
        if route.until is not None and route.until > end:
            raise NoWay("it lies behind what is stored")
        return route.until or end

    def _frame_count(self, place: Place) -> int:
        """Return how many frames make the last commit up to `place`."""
        assert isinstance(place, Position)
        assert self._frames is not None
        start = self._starts.get(place.index)
        if start is None:
            later = (first for index, first in self._starts.items() if index > place.index)
            count = min(later, default=self._frames.count)
        else:
            count = start + max(0, place.offset - HEADER_SIZE) // self._frames.width
        found = int(np.searchsorted(self._counts, count, side="right"))
        return int(self._counts[found - 1]) if found else 0

    def _size_at(self, count: int) -> int:
        return int(self._sizes[np.searchsorted(self._counts, count)])

    def _place_of(self, count: int) -> Position:
        index, start = max(
            ((index, first) for index, first in self._starts.items() if first < count),
            key=lambda pair: pair[1],
        )
        assert self._frames is not None
        return Position(self.run.generation, index, HEADER_SIZE + (count - start) * self._frames.width)

    # Which pages differ, and what holds them

    def _candidates(self, before: int, after: int, held_pages: int, size: int) -> U32:
        """Return the pages that may differ: those written in between, and those that were cut off."""
        low, high = min(before, after), max(before, after)
        first, last = np.searchsorted(self._counts, (low, high), side="right")
        lowest = min(held_pages, size, int(self._sizes[first:last].min(initial=size)))
        inside = self._keys & np.uint64(0xFFFFFFFF)
        written = self._keys[(inside >= low) & (inside < high)] >> np.uint64(32)
        cut_off = np.arange(lowest + 1, max(held_pages, size) + 1, dtype=np.uint32)
        return np.union1d(written.astype(np.uint32), cut_off).astype(np.uint32)

    def _sources(self, pages: U32, count: int) -> I64:
        """Return the frame that holds each page when `count` frames are applied, `_BASE` or `_ZERO`."""
        numbers = pages.astype(np.uint64)
        at = np.searchsorted(self._keys, numbers << np.uint64(32) | np.uint64(count)) - 1
        keys = self._keys[np.maximum(at, 0)] if len(self._keys) else np.zeros(len(pages), dtype=np.uint64)
        found = (at >= 0) & (keys >> np.uint64(32) == numbers)
        frames: I64 = np.where(found, keys & np.uint64(0xFFFFFFFF), 0).astype(np.int64)
        frames[~found] = _BASE
        frames[self._cut_off_since(frames, count) < pages] = _ZERO
        return frames

    def _cut_off_since(self, frames: I64, count: int) -> I64:
        """Return the smallest size at the end of any WAL between each frame and `count`."""
        ends = [(at, size) for at, size in self._ends if at <= count]
        places = np.array([at for at, _ in ends], dtype=np.int64)
        sizes = np.array([*(size for _, size in ends), 1 << 62], dtype=np.int64)
        smallest = np.minimum.accumulate(sizes[::-1])[::-1]
        found: I64 = smallest[np.searchsorted(places, frames, side="right")]
        return found


@dataclass(frozen=True)
class _Images:
    """The images of some pages: frames, pages of the base, or zeros."""

    frames: Spool
    base: BasePages
    numbers: U32
    sources: I64

    def read(self, numbers: U32, into: U8) -> None:
        into[:] = 0
        sources = self.sources[np.searchsorted(self.numbers, numbers)]
        rows = np.flatnonzero(sources >= 0)
        self.frames.read(sources[rows], into, rows, skip=FRAME_HEADER_SIZE)
        rows = np.flatnonzero(sources == _BASE)
        self.base.read(numbers[rows], into, rows)

    def keep(self, numbers: U32, images: U8) -> None:
        self.base.add(numbers, images)


def _order(segment: WalSegment) -> tuple[int, int]:
    return segment.index, segment.offset


def _index(place: Place) -> int:
    assert isinstance(place, Position)
    return place.index


def _found(pieces: Iterable[bytes], wanted: U32, page_size: int) -> Iterator[tuple[U32, U8]]:
    """Yield those of the pages `wanted` that a stream of pages has, some at a time."""
    rest, passed = b"", 0
    for piece in pieces:
        data = rest + piece if rest else piece
        count = len(data) // page_size
        rest = data[count * page_size :]
        first, last = np.searchsorted(wanted, (passed + 1, passed + count + 1))
        some = wanted[first:last]
        rows = np.frombuffer(data, dtype=np.uint8, count=count * page_size).reshape(count, page_size)
        if len(some):
            yield some, rows[some.astype(np.int64) - passed - 1]
        passed += count
