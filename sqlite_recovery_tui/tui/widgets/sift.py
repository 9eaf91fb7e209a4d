"""Which entries of a list are shown, and in which order; pure, so that it can be done in a thread."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any, Protocol

from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.tui.widgets.filter import Pattern
from sqlite_recovery_tui.tui.widgets.rows import Cell, Column, ListSource, MadeSource, Row, Source

CHECK_EVERY = 1_000
"""After how many entries a cancelled search notices it."""
_DIGITS = re.compile(r"(\d+)")

Rank = Any
"""What entries are sorted by: values of one kind within a column; None comes last either way."""


class Entries(Protocol):
    """A list that can be filtered and sorted. It does not change while that is done in a thread."""

    def count(self) -> int:
        """Return how many there are."""
        ...

    def text(self, number: int) -> str:
        """Return what a filter looks at."""
        ...

    def rank(self, number: int, column: str) -> Rank:
        """Return what sorting by a column goes by."""
        ...

    def source(self, order: Sequence[int] | None) -> Source:
        """Return the rows of these entries in this order; None: of all as they are."""
        ...


@dataclass(frozen=True)
class Listed:
    """Entries that are all there as rows; one of several lines keeps them together, the first ranks it."""

    columns: Sequence[Column]
    entries: Sequence[Sequence[Row]]
    ranks: Callable[[Row, str], Rank] | None = None
    """Replaces the rank by what a cell shows."""

    @classmethod
    def of(
        cls, columns: Sequence[Column], rows: Iterable[Row], ranks: Callable[[Row, str], Rank] | None = None
    ) -> Listed:
        """Make every row an entry."""
        return cls(columns, [(row,) for row in rows], ranks)

    def count(self) -> int:
        return len(self.entries)

    def text(self, number: int) -> str:
        return "  ".join(_text(cell) for row in self.entries[number] for cell in row.cells)

    def rank(self, number: int, column: str) -> Rank:
        row = self.entries[number][0]
        if self.ranks is not None:
            return self.ranks(row, column)
        place = self._places[column]
        return natural(_text(row.cells[place])) if place < len(row.cells) else None

    def source(self, order: Sequence[int] | None) -> Source:
        chosen = self.entries if order is None else [self.entries[number] for number in order]
        return ListSource(chain.from_iterable(chosen))

    @cached_property
    def _places(self) -> dict[str, int]:
        return {column.key: place for place, column in enumerate(self.columns)}


@dataclass(frozen=True)
class Made:
    """Entries whose rows are made when they are looked at: for lists of any length."""

    keys: Sequence[Hashable]
    make: Callable[[int], Row]
    texts: Callable[[int], str]
    """What a filter looks at; called in a thread, for every entry."""
    ranks: Callable[[int, str], Rank]
    """What sorting by a column goes by; called in a thread, for every entry that stays."""

    def count(self) -> int:
        return len(self.keys)

    def text(self, number: int) -> str:
        return self.texts(number)

    def rank(self, number: int, column: str) -> Rank:
        return self.ranks(number, column)

    def source(self, order: Sequence[int] | None) -> Source:
        if order is None:
            return MadeSource(self.keys, self.make)
        return MadeSource([self.keys[number] for number in order], lambda place: self.make(order[place]))


@dataclass(frozen=True, slots=True)
class Sifted:
    """What stays of a list."""

    source: Source
    shown: int
    count: int


def sift(
    entries: Entries,
    pattern: Pattern,
    sort: tuple[str, bool] | None,
    cancel: CancelToken | None = None,
) -> Sifted:
    """Return the entries that `pattern` leaves, sorted by a column (True: descending). Raises `Cancelled`."""
    count = entries.count()
    if not pattern and sort is None:
        return Sifted(entries.source(None), count, count)
    order = list(range(count)) if not pattern else _matching(entries, pattern, cancel)
    if sort is not None:
        order = _sorted(entries, order, *sort, cancel)
    source = entries.source(order)
    source.index_of(None)  # has it find its keys here, not when the table asks on the screen's thread
    return Sifted(source, len(order), count)


def _matching(entries: Entries, pattern: Pattern, cancel: CancelToken | None) -> list[int]:
    order = []
    for number in range(entries.count()):
        if cancel is not None and number % CHECK_EVERY == 0:
            cancel.check()
        if pattern.matches(entries.text(number)):
            order.append(number)
    return order


def _sorted(
    entries: Entries, order: Sequence[int], column: str, descending: bool, cancel: CancelToken | None
) -> list[int]:
    ranked, unranked = [], []
    for place, number in enumerate(order):
        if cancel is not None and place % CHECK_EVERY == 0:
            cancel.check()
        rank = entries.rank(number, column)
        if rank is None:
            unranked.append(number)
        else:
            ranked.append((rank, number))
    ranked.sort(key=lambda pair: pair[0], reverse=descending)
    return [number for _, number in ranked] + unranked


def natural(words: str) -> tuple[str | int, ...] | None:
    """Return what sorts words as people do, `copy 9` before `copy 10`; None for a cell that says nothing."""
    if words in ("", "–"):
        return None
    return tuple(int(part) if part.isdecimal() else part.lower() for part in _DIGITS.split(words))


def _text(cell: Cell | str) -> str:
    return cell.text if isinstance(cell, Cell) else cell
