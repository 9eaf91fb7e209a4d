"""How one table is looked at in the preview: order, condition, which columns, and which window of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sqlite_recovery_tui.tui import phrases, text
from sqlite_recovery_tui.tui.widgets.filter import Pattern

if TYPE_CHECKING:
    from sqlite_recovery_tui.sqlite.messages import TableInfo
    from sqlite_recovery_tui.sqlite.view import View

WINDOW = 48
"""Columns that are read at a time; a table may have 2,000."""


@dataclass(frozen=True)
class Look:
    """One way of looking at a table; a new one for every change."""

    table: TableInfo
    names: tuple[str, ...] = ()
    """All columns; empty while they are not known."""
    order: str = ""
    descending: bool = False
    order_column: str | None = None
    """The first column of that order, where it has one."""
    where: str = ""
    pattern: Pattern = field(default_factory=Pattern)
    """Which columns are looked at, by name."""
    first: int = 0
    """Where the window begins, among the columns that are looked at."""

    @staticmethod
    def at(table: TableInfo) -> Look:
        """Return the way a table is looked at before anybody has chosen one."""
        return Look(table, tuple(column.name for column in table.columns))

    @property
    def matching(self) -> tuple[str, ...]:
        """The columns that are looked at."""
        return tuple(name for name in self.names if self.pattern.matches(name))

    @property
    def window(self) -> tuple[str, ...]:
        """The columns that are read; all of them where there are few."""
        return self.matching[self.first : self.first + WINDOW]

    @property
    def is_windowed(self) -> bool:
        return len(self.matching) > WINDOW

    def moved(self, step: int) -> Look | None:
        """Return the look with the next window, or the one before; None at the end."""
        first = self.first + step * WINDOW
        return replace(self, first=first) if 0 <= first < len(self.matching) else None

    def view(self, columns: Sequence[str] | None = None) -> View:
        """Return it as the inspector takes it: with the window's columns, or with these."""
        from sqlite_recovery_tui.sqlite.view import View

        chosen = self.window if columns is None else columns
        if columns is None and not self.is_windowed and not self.pattern:
            chosen = ()
        return View(self.order, self.descending, self.where, tuple(chosen))

    def whole_view(self) -> View:
        """Return it with every column that is looked at, for an export."""
        return self.view(self.matching if self.pattern else ())

    def words(self) -> list[text.Part]:
        """Return what is particular about it, in words."""
        said: list[text.Part] = []
        if self.order or self.descending:
            by = f" by {self.order}" if self.order else ""
            said.append((f"  {'▼' if self.descending else '▲'}{by}", "$text-primary"))
        if self.where:
            said.append((f"  where {text.safe(self.where, 60)}", "$text-primary"))
        if self.pattern:
            found = f"{len(self.matching):,} of {phrases.many(len(self.names), 'column')}"
            said.append((f"  {found} /{text.safe(self.pattern.typed, 30)}/", "$text-primary"))
        if self.is_windowed:
            last = min(self.first + WINDOW, len(self.matching))
            said.append((f"  columns {self.first + 1:,}–{last:,} of {len(self.matching):,}", text.MUTED))
        return said
