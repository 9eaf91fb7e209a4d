"""Which pages to bring along with one that is asked for, from what the pages brought before lead to.

SQLite asks for one page at a time and storage takes as long for one as for many. A scan meets the children of
an interior page one after another: as long as it does, each fetch is larger than the one before. Lookups here
and there make them smaller again.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from sqlite_recovery_tui.sqlite.lazy.btree import links

_START_BYTES = 32 << 10
_GROWTH = 3
_MOST_LINKS = 1 << 17
_MOST_STREAMS = 8
_MOST_SIBLINGS = 8
_MOST_HEIRS = 64
_MOST_LOOKED_AT = 20_000
_RESERVED_BYTES_AT = 20

Absent = Callable[[int], bool]


@dataclass(slots=True, eq=False)
class _Run:
    """Pages that one page leads to, in order, and how far somebody has come along them."""

    page: int
    kind: str
    links: array[int]
    window: int
    step: int = 1
    low: int = -1
    high: int = -1

    def come_to(self, at: int, most: int) -> None:
        """Note that link `at` is asked for: the end of a stretch goes on, anything else is a jump."""
        grown = min(self.window * _GROWTH, most)
        if self.high < 0:
            self.low = self.high = at
        elif self.high <= at <= self.high + self.window:
            self.step, self.window = 1, grown
        elif self.low - self.window <= at < self.low:
            self.step, self.window = -1, grown
        else:
            self.step, self.window = 1, max(1, self.window // _GROWTH)
            self.low = self.high = at
        self.cover(at)

    def cover(self, at: int) -> None:
        """Note that link `at` is there, or will be."""
        self.low, self.high = min(self.low, at), max(self.high, at + 1)

    def enter(self, window: int, step: int) -> None:
        """Go on in this run where another ended."""
        self.window, self.step = window, step
        self.low = self.high = 0 if self.step > 0 else len(self.links)


@dataclass(slots=True, eq=False)
class _Stream:
    """Pages that are asked for in the order of their numbers."""

    following: int
    window: int


class ReadAhead:
    """What is known of the shape of one database; its memory is bounded."""

    def __init__(self, page_size: int, pages: int, window_bytes: int) -> None:
        """Suggest `window_bytes` at a time and no more."""
        self._pages = pages
        self._usable = page_size
        self._most = max(1, window_bytes // page_size)
        self._start = min(max(1, _START_BYTES // page_size), self._most)
        self._runs: OrderedDict[tuple[int, str], _Run] = OrderedDict()
        self._owners: dict[int, _Run] = {}
        self.size = 0
        """Links that are remembered."""
        self._streams: deque[_Stream] = deque(maxlen=_MOST_STREAMS)
        self._heirs: OrderedDict[tuple[int, str], tuple[int, int]] = OrderedDict()

    def learn(self, page: int, image: bytes) -> None:
        """Take note of where a page leads to."""
        if page == 1:
            self._usable = len(image) - image[_RESERVED_BYTES_AT]
        found = links(image, page, self._usable)
        for kind in ("children", "heads", "tails"):
            self._add(page, kind, getattr(found, kind))

    def suggest(self, page: int, absent: Absent, most: int) -> list[int]:
        """Return `page` and pages that will be asked for soon, `most` at most, all of them absent."""
        run = self._owners.get(page)
        if run is None:
            return self._neighbours(page, absent, most)
        self._runs.move_to_end((run.page, run.kind))
        at = run.links.index(page)
        run.come_to(at, self._most)
        chosen = {page: None}
        level = self._owners.get(run.page, run) if run.kind != "children" else run
        for owner, index in islice(self._along(run, at, absent), _MOST_LOOKED_AT):
            if len(chosen) >= min(most, max(run.window, level.window)):
                break
            if absent(owner.links[index]):
                chosen[owner.links[index]] = None
            if owner.high >= 0:
                owner.cover(index)
        if run.window >= self._start:
            # What lies beside it costs no more time, and is often what comes next.
            end = min(page + min(self._start, most) - len(chosen) + 1, self._pages + 1)
            chosen.update((number, None) for number in range(page + 1, end) if absent(number))
        return list(chosen)

    def _along(self, run: _Run, at: int, absent: Absent) -> Iterator[tuple[_Run, int]]:
        """Yield the links after link `at` in the direction of `run`, on into the next pages of its level."""
        step, kind = run.step, run.kind
        owner = self._owners.get(run.page)
        place = owner.links.index(run.page) if owner else 0
        while True:
            if owner and kind == "children" and run.window > self._start:
                # The level above is kept ahead of this one, so that a scan never waits for it alone.
                yield from self._siblings(run, owner, place)
            end = len(run.links) if step > 0 else -1
            yield from ((run, index) for index in range(at + step, end, step))
            following = None
            while following is None:
                place += step
                if owner is None or not 0 <= place < len(owner.links):
                    return
                page = owner.links[place]
                following = self._runs.get((page, kind))
                if following is None and kind != "children" and absent(page):
                    self._leave_to(page, run)
                    yield from self._more(owner, place)
                    return
                yield owner, place
                if following is None and kind == "children":
                    self._leave_to(page, run)
                    return
            following.enter(run.window, step)
            run, at = following, -1 if step > 0 else len(following.links)

    def _siblings(self, run: _Run, owner: _Run, place: int) -> Iterator[tuple[_Run, int]]:
        """Yield some more pages of a level that a scan will need; its pace goes on in them."""
        for distance in range(1, min(_MOST_SIBLINGS, 2 + run.window // len(run.links)) + 1):
            index = place + distance * run.step
            if not 0 <= index < len(owner.links):
                return
            self._leave_to(owner.links[index], run)
            yield owner, index

    def _more(self, owner: _Run, place: int) -> Iterator[tuple[_Run, int]]:
        """Yield leaves from `place` on: who reads overflow pages in order will need those in between."""
        owner.come_to(place, self._most)
        for index in range(place, place + owner.window * owner.step, owner.step):
            if not 0 <= index < len(owner.links):
                return
            yield owner, index

    def _leave_to(self, page: int, run: _Run) -> None:
        """Have the runs of `page`, when they become known, go on at the pace of `run`."""
        self._heirs[page, run.kind] = run.window, run.step
        if len(self._heirs) > _MOST_HEIRS:
            self._heirs.popitem(last=False)

    def _neighbours(self, page: int, absent: Absent, most: int) -> list[int]:
        window = self._start
        for stream in self._streams:
            if stream.following <= page <= stream.following + stream.window:
                window = min(stream.window * _GROWTH, self._most)
                self._streams.remove(stream)
                break
        end = min(page + max(1, min(window, most)), self._pages + 1)
        self._streams.append(_Stream(end, window))
        return [page, *(number for number in range(page + 1, end) if absent(number))]

    def _add(self, page: int, kind: str, found: Sequence[int]) -> None:
        self._forget((page, kind))
        numbers = array("I", (number for number in found if 0 < number <= self._pages and number != page))
        if not numbers:
            return
        run = self._runs[page, kind] = _Run(page, kind, numbers, self._start)
        if pace := self._heirs.pop((page, kind), None):
            run.enter(*pace)
        for number in numbers:
            self._owners.setdefault(number, run)
        self.size += len(numbers)
        while self.size > _MOST_LINKS and len(self._runs) > 1:
            self._forget(next(iter(self._runs)))

    def _forget(self, key: tuple[int, str]) -> None:
        run = self._runs.pop(key, None)
        if run is None:
            return
        self.size -= len(run.links)
        for number in run.links:
            if self._owners.get(number) is run:
                del self._owners[number]
