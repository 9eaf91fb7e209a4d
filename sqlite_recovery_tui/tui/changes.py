"""Rows that differ as a table's source: both sides in one line, loaded in pages around what is looked at."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator, Sequence
from typing import TYPE_CHECKING

from sqlite_recovery_tui.tui.widgets.rows import Cell, Column, Role, Row

if TYPE_CHECKING:
    from sqlite_recovery_tui.sqlite.comparison import Change, RowChange
    from sqlite_recovery_tui.sqlite.messages import Cell as Value
    from sqlite_recovery_tui.verify.kept import KeptChanges

PAGE_ROWS = 200
KEPT_ROWS = 2_000
MARKED = "●"
WORDS: dict[Change, tuple[str, Role]] = {
    "-": ("− missing", "bad"),
    "~": ("≠ changed", "warn"),
    "+": ("+ only live", "accent"),
}
"""How live differs in a row: glyph, words, and the role that colours them."""
SIDES = (
    Column("column", "column", least=8, most=40),
    Column("left", "scratch", least=8, most=400, grow=True),
    Column("right", "live", least=8, most=400, grow=True),
)
_ROLES: dict[str, Role] = {"null": "null", "blob": "muted"}


class ChangeSource:
    """Differing rows by their number, `only` of one kind or all."""

    def __init__(self, kept: KeptChanges, only: Change | None, marked: set[int]) -> None:
        """Show what is `kept`; `marked` holds places among all."""
        self.kept, self.only, self.marked = kept, only, marked
        self._loaded: OrderedDict[int, RowChange] = OrderedDict()

    def request(self, first: int, last: int) -> list[int]:
        """Return the places among all of the page that shows rows `first` to `last`."""
        end = min(self.row_count(), max(last + 1, first + PAGE_ROWS))
        return [self.kept.place(number, self.only) for number in range(max(0, first), end)]

    def take(self, places: Sequence[int], changes: Sequence[RowChange]) -> None:
        """Take a page."""
        for place, change in zip(places, changes, strict=True):
            self._loaded[place] = change
            self._loaded.move_to_end(place)
        while len(self._loaded) > KEPT_ROWS:
            self._loaded.popitem(last=False)

    def change(self, place: Hashable) -> RowChange | None:
        """Return the row at a place among all, if it is loaded."""
        return self._loaded.get(place) if isinstance(place, int) else None

    def columns(self) -> list[Column]:
        """Return the columns as a table lays them out."""
        shape = self.kept.shape
        names = shape.columns if shape is not None else ()
        return [
            Column("mark", "", width=1),
            Column("change", "", width=11),
            *(Column(str(number), name, least=3, most=44) for number, name in enumerate(names)),
        ]

    # what a table asks

    def row_count(self) -> int:
        return self.kept.count(self.only)

    def row(self, index: int) -> Row | None:
        place = self.kept.place(index, self.only)
        change = self._loaded.get(place)
        if change is None:
            return None
        mark = Cell(MARKED if place in self.marked else "", "accent")
        return Row(place, (mark, Cell(*WORDS[change.change]), *_both(change)))

    def index_of(self, key: Hashable) -> int | None:
        return self.kept.number(key, self.only) if isinstance(key, int) else None


def sides(columns: Sequence[str], change: RowChange) -> Iterator[Row]:
    """Yield the columns of one row with what each side has; what differs is marked."""
    for number, name in enumerate(columns):
        left, right = (side[number] if side is not None else None for side in (change.left, change.right))
        if left is None or right is None or (left == right and not left.truncated):
            yield Row(number, (Cell(f"  {name}"), _value(left), _value(right)))
        else:
            # Two long values may begin alike.
            glyph = "≟" if left == right else "≠"
            cells = (Cell(value.text, "warn") for value in (left, right))
            yield Row(number, (Cell(f"{glyph} {name}", "warn"), *cells))


def _both(change: RowChange) -> Iterator[Cell]:
    if change.left is None or change.right is None:
        yield from map(_value, change.row)
        return
    for left, right in zip(change.left, change.right, strict=True):
        if left == right:
            yield Cell(left.text, "muted")
        else:
            yield Cell(f"≠ {_short(left)} → {_short(right)}", "warn")


def _value(value: Value | None) -> Cell:
    return Cell("", "muted") if value is None else Cell(value.text, _ROLES.get(value.type, ""))


def _short(value: Value) -> str:
    text = value.text
    return text if len(text) <= 18 else f"{text[:17]}…"
