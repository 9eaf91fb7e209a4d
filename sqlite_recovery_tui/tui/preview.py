"""Rows of a restored database as a table's source: loaded in pages around what is looked at."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from sqlite_recovery_tui.tui.widgets.rows import Cell, Column, Role, Row

if TYPE_CHECKING:
    from sqlite_recovery_tui.sqlite.messages import Cell as Value
    from sqlite_recovery_tui.sqlite.messages import CellType, RowPage

PAGE_ROWS = 200
BEFORE_ROWS = 40
"""Rows fetched in front of what is wanted, so that a step back finds them."""
KEPT_ROWS = 5_000
_ROLES: dict[CellType, Role] = {"null": "null", "blob": "muted"}


class RowSource:
    """Rows by their number; what is not there yet is asked for by the table."""

    def __init__(self) -> None:
        """Begin without rows and without a count."""
        self.columns: tuple[str, ...] = ()
        self.numeric: tuple[bool, ...] = ()
        self.count: int | None = None
        """Exact, once somebody has counted."""
        self.notice = ""
        self._known = 0
        self._more = True
        self._rows: OrderedDict[int, tuple[Value, ...]] = OrderedDict()

    def take(self, page: RowPage) -> bool:
        """Take a page; return True when it is the first, and columns are known from now on."""
        first_page = not self.columns
        if first_page:
            self.columns = page.columns
            self.numeric = _numeric(page)
        self.notice = page.notice
        for number, row in enumerate(page.rows, page.first):
            self._rows[number] = row
            self._rows.move_to_end(number)
        while len(self._rows) > KEPT_ROWS:
            self._rows.popitem(last=False)
        end = page.first + len(page.rows)
        if end >= self._known:
            self._known, self._more = end, page.has_more
        if not page.has_more:
            self.count = end
        return first_page

    def request(self, first: int, last: int) -> tuple[int, int]:
        """Return offset and limit of the page that shows rows `first` to `last`."""
        offset = max(0, first - BEFORE_ROWS)
        while offset < first and offset in self._rows:
            offset += 1
        return offset, max(PAGE_ROWS, last - offset + 1)

    def reach(self, row: int) -> None:
        """Learn that there is a row of this number, or there are as many in front of it."""
        self._known, self._more = max(self._known, row), True

    def value(self, row: int, column: int) -> Value | None:
        """Return one loaded value."""
        values = self._rows.get(row)
        return values[column] if values is not None and column < len(values) else None

    def table_columns(self) -> list[Column]:
        """Return the columns as a table lays them out."""
        return [
            Column(str(number), name, least=3, most=40, align="right" if self.numeric[number] else "left")
            for number, name in enumerate(self.columns)
        ]

    # what a table asks

    def row_count(self) -> int:
        if self.count is not None:
            return self.count
        return self._known + (1 if self._more and self.columns else 0)

    def row(self, index: int) -> Row | None:
        values = self._rows.get(index)
        if values is None:
            return None
        return Row(index, tuple(Cell(value.text, _ROLES.get(value.type, "")) for value in values))

    def index_of(self, key: Hashable) -> int | None:
        return key if isinstance(key, int) and key < self.row_count() else None


def _numeric(page: RowPage) -> tuple[bool, ...]:
    return tuple(
        _all_numbers([row[i] for row in page.rows if i < len(row)]) for i in range(len(page.columns))
    )


def _all_numbers(values: Sequence[Value]) -> bool:
    types = {value.type for value in values} - {"null"}
    return bool(types) and types <= {"integer", "real"}
