"""The lines of a replica's list as rows of a table, made when they are looked at."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING

from sqlite_recovery_tui.tui import phrases
from sqlite_recovery_tui.tui.entries import EntryList, Heading, Hole, Stored
from sqlite_recovery_tui.tui.known import Flaw
from sqlite_recovery_tui.tui.screens.summary import gap_words
from sqlite_recovery_tui.tui.widgets.rows import Cell, Column, Role, Row

if TYPE_CHECKING:
    from sqlite_recovery_tui.replica.lineage import Lane
    from sqlite_recovery_tui.tui.screens.base import ConsoleScreen

COLUMNS = (
    Column("what", "what", width=12),
    Column("position", "position", width=17),
    Column("time", "stored", least=20, most=26),
    Column("age", "age", least=9, most=12, align="right", drop=1),
    Column("size", "size", width=10, align="right"),
    Column("object", "object", least=36, most=90, grow=True, drop=2, cut="middle"),
)


class HistoryRows:
    """Rows of an `EntryList`, in the words of a screen."""

    def __init__(self, lines: EntryList, flaws: Mapping[str, Flaw], screen: ConsoleScreen) -> None:
        """Show `lines`; objects among `flaws` are known to be damaged."""
        self._lines = lines
        self._flaws = flaws
        self._screen = screen

    def row_count(self) -> int:
        return len(self._lines.keys)

    def index_of(self, key: Hashable) -> int | None:
        return self._lines.places.get(key) if isinstance(key, str) else None

    def row(self, index: int) -> Row:
        """Make one row."""
        key = self._lines.keys[index]
        match self._lines.entries[index]:
            case Heading(lane):
                return self._heading(key, lane)
            case Hole(gap):
                pause = not gap.is_damage
                mark = "‖ pause: " if pause else "╳ gap: "
                return Row(key, (f"  {mark}{gap_words(gap)}",), wide=True, role="warn" if pause else "bad")
            case Stored() as entry:
                return self._stored(key, entry)

    def _heading(self, key: str, lane: Lane) -> Row:
        about = f" · {lane.about}" if lane.about else ""
        title = Cell(f"━ {lane.title}{about}", "accent")
        console = self._screen.console
        span = f"   {phrases.period(lane.start, lane.end, console.time_style, console.now())}"
        holds = f"   {lane.holds}, {phrases.size(lane.size)}"
        return Row(key, (title, span, Cell(holds, "muted")), wide=True)

    def _stored(self, key: str, entry: Stored) -> Row:
        item = entry.item
        cells = (
            self._mark(entry),
            phrases.short_ids(item.label),
            self._screen.moment(item.time),
            Cell(phrases.age(item.time, self._screen.console.now()), "muted"),
            phrases.size(item.size),
            Cell(item.key, "muted"),
        )
        role: Role = "muted" if entry.point is None else "strong" if entry.is_base else ""
        return Row(key, cells, role=role)

    def _mark(self, entry: Stored) -> Cell:
        if entry.item.key in self._flaws:
            return Cell(" ✗ damaged", "bad")
        if entry.point is None:
            return Cell(" · expired", "muted") if entry.expired else Cell(" ✗ cut off", "bad")
        return Cell(f" ◆ {entry.noun}", "accent") if entry.is_base else Cell(f" │ {entry.noun}", "muted")
