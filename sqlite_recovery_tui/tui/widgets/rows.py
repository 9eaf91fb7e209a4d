"""What a table shows: cells, rows, columns, and the protocol of where rows come from. No widget here."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from sqlite_recovery_tui.tui.text import Align

Role = Literal["", "ok", "warn", "bad", "muted", "accent", "strong", "null"]
"""What a cell means; the theme decides how that looks. Never the only carrier of the meaning."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One value as it is shown; the text is data and is made safe when drawn."""

    text: str
    role: Role = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table. A `wide` row lays its only cells over all columns, as a heading does."""

    key: Hashable
    cells: tuple[Cell | str, ...]
    wide: bool = False
    role: Role = ""


@dataclass(frozen=True, slots=True)
class Column:
    """How one column is laid out, in terminal cells."""

    key: str
    title: str
    width: int = 0
    """Fixed width; 0: as wide as its content, within `least` and `most`."""
    least: int = 4
    most: int = 32
    align: Align = "left"
    grow: bool = False
    """Takes the room that is left over."""
    drop: int = 0
    """Which column goes first where there is no room: the highest; 0 never goes."""
    cut: Literal["end", "middle"] = "end"


class Source(Protocol):
    """Where a table takes rows from; every method answers at once."""

    def row_count(self) -> int:
        """Return how many rows there are, as far as is known."""
        ...

    def row(self, index: int) -> Row | None:
        """Return one row; None while it is not loaded."""
        ...

    def index_of(self, key: Hashable) -> int | None:
        """Return where the row with this key is now; None when it is gone or not loaded."""
        ...


class ListSource:
    """Rows that are all there."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        """Hold `rows` in this order."""
        self.rows: Sequence[Row] = tuple(rows)
        self._places = {row.key: place for place, row in enumerate(self.rows)}

    def row_count(self) -> int:
        return len(self.rows)

    def row(self, index: int) -> Row | None:
        return self.rows[index]

    def index_of(self, key: Hashable) -> int | None:
        return self._places.get(key)


class MadeSource:
    """Rows that are made when they are looked at, from items that are cheap to hold."""

    def __init__(self, keys: Sequence[Hashable], make: Callable[[int], Row]) -> None:
        """Make row `i`, whose key is `keys[i]`, with `make(i)`."""
        self._keys = keys
        self._make = make
        self._places: dict[Hashable, int] | None = None

    def row_count(self) -> int:
        return len(self._keys)

    def row(self, index: int) -> Row | None:
        return self._make(index)

    def index_of(self, key: Hashable) -> int | None:
        if self._places is None:
            self._places = {each: place for place, each in enumerate(self._keys)}
        return self._places.get(key)


@dataclass(frozen=True, slots=True)
class Placed:
    """A column with its place on the line."""

    number: int
    """Which column of the table, counted from 0."""
    x: int
    width: int


GUTTER = 2
"""Cells in front of the first column, for the cursor's mark."""
SPACE = 2
"""Cells between columns."""


def lay_out(columns: Sequence[Column], natural: Sequence[int], cells: int) -> tuple[Placed, ...]:
    """Fit columns of these natural widths into a line: drop, shrink and grow as they allow."""
    least = [column.width or column.least for column in columns]
    kept = list(range(len(columns)))
    while len(kept) > 1 and _taken(kept, [min(natural[i], least[i]) for i in kept]) > cells:
        droppable = [i for i in kept if columns[i].drop]
        if not droppable:
            break
        kept.remove(max(droppable, key=lambda i: (columns[i].drop, i)))
    widths = _shrink([natural[i] for i in kept], [least[i] for i in kept], cells - _taken(kept, []))
    spare = cells - _taken(kept, widths)
    growing = [place for place, i in enumerate(kept) if columns[i].grow]
    for place in growing:
        widths[place] += max(0, spare) // len(growing)
    return _place(kept, widths)


def lay_out_freely(natural: Sequence[int]) -> tuple[Placed, ...]:
    """Place every column at its natural width; the table scrolls sideways."""
    return _place(list(range(len(natural))), list(natural))


def _taken(kept: Sequence[int], widths: Sequence[int]) -> int:
    return GUTTER + sum(widths) + SPACE * max(0, len(kept) - 1)


def _shrink(widths: list[int], least: list[int], room: int) -> list[int]:
    """Take cells from the widest first until all fit, or nothing can give."""
    widths = list(widths)
    excess = sum(widths) - room
    while excess > 0:
        giving = [i for i in range(len(widths)) if widths[i] > least[i]]
        if not giving:
            break
        widest = max(giving, key=lambda i: widths[i])
        widths[widest] -= 1
        excess -= 1
    return widths


def _place(kept: Sequence[int], widths: Sequence[int]) -> tuple[Placed, ...]:
    placed = []
    x = GUTTER
    for number, width in zip(kept, widths, strict=True):
        placed.append(Placed(number, x, width))
        x += width + SPACE
    return tuple(placed)
