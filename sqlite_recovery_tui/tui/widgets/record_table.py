"""The one table of the console: virtual, so a million rows cost what a screenful costs.

It draws what its source gives, keeps the cursor on a row's key, and tells of movement by messages.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from rich.segment import Segment
from rich.style import Style
from textual import events, on
from textual.binding import BindingType
from textual.cache import LRUCache
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from sqlite_recovery_tui.tui import actions, text
from sqlite_recovery_tui.tui.widgets import paint
from sqlite_recovery_tui.tui.widgets.rows import (
    GUTTER,
    SPACE,
    Column,
    ListSource,
    Placed,
    Row,
    Source,
    lay_out,
    lay_out_freely,
)

SAMPLE = 200
"""Rows that are measured for the width of a column."""
MARK = "▌"
_WITH_BACKGROUND = frozenset({"header", "cursor", "cursor-idle", "cell"})


class RecordTable(ScrollView, can_focus=True):
    """A table over a `Source`, with a row or cell cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings(actions.TABLE)]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "record-table--header",
        "record-table--cursor",
        "record-table--cursor-idle",
        "record-table--cell",
        "record-table--ok",
        "record-table--warn",
        "record-table--bad",
        "record-table--muted",
        "record-table--accent",
        "record-table--strong",
        "record-table--null",
    }
    DEFAULT_CSS = """
    RecordTable {
        height: 1fr;
        background: $background;
        color: $foreground;
        scrollbar-size-vertical: 1;
        scrollbar-size-horizontal: 1;
        & > .record-table--header { color: $foreground 62%; background: $foreground 5%; text-style: bold; }
        & > .record-table--cursor { background: $primary 30%; color: $foreground; text-style: bold; }
        & > .record-table--cursor-idle { background: $foreground 10%; color: $foreground; }
        & > .record-table--cell { background: $primary; color: $background; text-style: bold; }
        & > .record-table--ok { color: $text-success; }
        & > .record-table--warn { color: $text-warning; }
        & > .record-table--bad { color: $text-error; text-style: bold; }
        & > .record-table--muted { color: $foreground 62%; }
        & > .record-table--accent { color: $text-primary; }
        & > .record-table--strong { text-style: bold; }
        & > .record-table--null { color: $foreground 50%; text-style: italic; }
        &:ansi > .record-table--header { text-style: bold underline; }
        &:ansi > .record-table--cursor { background: ansi_default; text-style: bold reverse; }
        &:ansi > .record-table--cursor-idle { background: ansi_default; text-style: underline; }
        &:ansi > .record-table--cell {
            background: ansi_default; color: ansi_default; text-style: bold reverse underline;
        }
    }
    """

    cursor: reactive[int] = reactive(0, repaint=False)
    column: reactive[int] = reactive(0, repaint=False)

    @dataclass
    class Moved(Message):
        """The cursor stands on another row or cell."""

        table: RecordTable
        index: int
        key: Hashable | None

        @property
        def control(self) -> RecordTable:
            return self.table

    @dataclass
    class Activated(Message):
        """A row was clicked while the cursor stood on it."""

        table: RecordTable

        @property
        def control(self) -> RecordTable:
            return self.table

    @dataclass
    class HeaderClicked(Message):
        """A column's title was clicked."""

        table: RecordTable
        column: str

        @property
        def control(self) -> RecordTable:
            return self.table

    @dataclass
    class Wanted(Message):
        """Rows came into view that the source has not loaded; both ends included."""

        table: RecordTable
        first: int
        last: int

        @property
        def control(self) -> RecordTable:
            return self.table

    def __init__(
        self,
        columns: Sequence[Column] = (),
        source: Source | None = None,
        *,
        cursor: Literal["row", "cell"] = "row",
        id: str | None = None,
        classes: str | None = None,
        empty: str = "",
    ) -> None:
        """Show `source` in `columns`, and `empty` while it has no rows.

        A table with a cell cursor scrolls sideways instead of dropping columns.
        """
        super().__init__(id=id, classes=classes)
        self.columns: tuple[Column, ...] = tuple(columns)
        self.source: Source = source or ListSource()
        self.cell_cursor = cursor == "cell"
        self.sort: tuple[str, bool] | None = None
        """Column key and whether descending, for the arrow in the header."""
        self.empty = empty
        self._cursor_key: Hashable | None = None
        self._natural: list[int] = []
        self._placed: tuple[Placed, ...] = ()
        self._strips: LRUCache[tuple[int, bool, int], Strip] = LRUCache(1024)
        self._styles: dict[str, Style] = {}
        self._missing: tuple[int, int] | None = None
        self._page_before = 0

    # what is shown

    def show(self, columns: Sequence[Column], source: Source) -> None:
        """Show something else, from its first row."""
        self.columns, self.source = tuple(columns), source
        self._cursor_key = None
        self.set_reactive(RecordTable.cursor, 0)
        self.set_reactive(RecordTable.column, 0)
        self._measure()
        self.scroll_to(0, 0, animate=False)
        self._tell_moved()

    def reload(self, source: Source | None = None) -> None:
        """Show the source as it is now; the cursor stays on its row, wherever that went."""
        if source is not None:
            self.source = source
        place = self.source.index_of(self._cursor_key) if self._cursor_key is not None else None
        if place is None:
            place = min(self.cursor, max(0, self.source.row_count() - 1))
        offset = self.cursor - self.scroll_offset.y
        moved = place != self.cursor
        self.set_reactive(RecordTable.cursor, place)
        self._measure()
        if moved:
            self.scroll_to(y=max(0, place - offset), animate=False)
        row = self.current
        if row is not None and row.key != self._cursor_key:
            self._tell_moved()

    def redraw(self) -> None:
        """Draw everything again, the same rows in new words."""
        self._strips.clear()
        self.refresh()

    @property
    def current(self) -> Row | None:
        """The row under the cursor."""
        return self.source.row(self.cursor) if 0 <= self.cursor < self.source.row_count() else None

    @property
    def current_key(self) -> Hashable | None:
        row = self.current
        return row.key if row is not None else None

    @property
    def shown_columns(self) -> tuple[Column, ...]:
        """The columns there is room for."""
        return tuple(self.columns[placed.number] for placed in self._placed)

    @property
    def page(self) -> int:
        """How many rows are visible."""
        return max(1, self.scrollable_content_region.height - 1)

    def move_to(self, index: int, *, center: bool = False) -> None:
        """Put the cursor on a row and bring it into view."""
        count = self.source.row_count()
        if not count:
            return
        self.cursor = max(0, min(index, count - 1))
        if center:
            self.scroll_to(y=max(0, self.cursor - self.page // 2), animate=False)
        else:
            self._scroll_to_cursor()

    def move_to_key(self, key: Hashable) -> bool:
        """Put the cursor on the row with this key; False when there is none."""
        place = self.source.index_of(key)
        if place is None:
            return False
        self.move_to(place, center=True)
        return True

    # keys

    def action_up(self) -> None:
        self.move_to(self.cursor - 1)

    def action_down(self) -> None:
        self.move_to(self.cursor + 1)

    def action_page_up(self) -> None:
        self.move_to(self.cursor - self.page)

    def action_page_down(self) -> None:
        self.move_to(self.cursor + self.page)

    def action_first(self) -> None:
        self.move_to(0)

    def action_last(self) -> None:
        self.move_to(self.source.row_count() - 1)

    def action_left(self) -> None:
        self._sideways(-1)

    def action_right(self) -> None:
        self._sideways(1)

    def _sideways(self, step: int) -> None:
        if not self.cell_cursor or not self.columns:
            return
        self.column = max(0, min(self.column + step, len(self.columns) - 1))
        placed = self._placed[self.column]
        x, width = self.scroll_offset.x, self.scrollable_content_region.width
        if placed.x - GUTTER < x:
            self.scroll_to(x=placed.x - GUTTER, animate=False)
        elif placed.x + placed.width + SPACE > x + width:
            self.scroll_to(x=min(placed.x - GUTTER, placed.x + placed.width + SPACE - width), animate=False)

    # mouse

    def on_click(self, event: events.Click) -> None:
        event.stop()
        column = self._column_at(event.x + self.scroll_offset.x)
        if event.y == 0:
            if column is not None:
                self.post_message(self.HeaderClicked(self, self.columns[column].key))
            return
        index = event.y - 1 + self.scroll_offset.y
        if index >= self.source.row_count():
            return
        again = index == self.cursor and (not self.cell_cursor or column in (None, self.column))
        self.move_to(index)
        if self.cell_cursor and column is not None:
            self.column = column
        if again or event.chain > 1:
            self.post_message(self.Activated(self))

    def _column_at(self, x: int) -> int | None:
        for placed in self._placed:
            if placed.x <= x < placed.x + placed.width + SPACE:
                return placed.number
        return None

    # reactions

    def watch_cursor(self, old: int, new: int) -> None:
        for index in {old, new}:
            self.refresh_lines(index + 1, 1)
        self._tell_moved()

    def watch_column(self) -> None:
        self.refresh_lines(self.cursor + 1, 1)
        self.post_message(self.Moved(self, self.cursor, self.current_key))

    def watch_has_focus(self, value: bool) -> None:
        super().watch_has_focus(value)
        self.refresh_lines(self.cursor + 1, 1)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self._widen()

    def on_resize(self) -> None:
        """Fit the columns; a cursor that was in view stays there when something below takes room."""
        top, page = self.scroll_offset.y, self._page_before
        self._arrange()
        if top <= self.cursor < top + page:
            self._scroll_to_cursor()
        self._page_before = self.page

    @on(events.Mount)
    def _measure_first(self) -> None:
        self._measure()

    def notify_style_update(self) -> None:
        self._strips.clear()
        self._styles.clear()
        super().notify_style_update()

    def _tell_moved(self) -> None:
        self._cursor_key = self.current_key
        self.post_message(self.Moved(self, self.cursor, self._cursor_key))

    def _scroll_to_cursor(self) -> None:
        top, page = self.scroll_offset.y, self.page
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False)
        elif self.cursor >= top + page:
            self.scroll_to(y=self.cursor - page + 1, animate=False)

    # layout

    def _measure(self) -> None:
        """Find the natural widths of the columns from a sample of rows, then arrange them."""
        top = max(0, min(self.scroll_offset.y, self.source.row_count() - SAMPLE))
        self._natural = self._natural_widths(top, SAMPLE)
        self._arrange()

    def _widen(self) -> None:
        """Make room for what has come into view; columns never become narrower while scrolling."""
        if all(column.width for column in self.columns):
            return
        found = self._natural_widths(self.scroll_offset.y, self.page)
        wider = [max(pair) for pair in zip(self._natural, found, strict=True)]
        if wider != self._natural:
            self._natural = wider
            self._arrange()

    def _natural_widths(self, first: int, count: int) -> list[int]:
        last = min(self.source.row_count(), first + count)
        sample = [row for i in range(first, last) if (row := self.source.row(i))]
        return [
            column.width or paint.natural_width(column, number, sample, self.sort)
            for number, column in enumerate(self.columns)
        ]

    def _arrange(self) -> None:
        """Place the columns for the width there is."""
        self._strips.clear()
        width = self.scrollable_content_region.width
        if self.cell_cursor:
            self._placed = lay_out_freely(self._natural)
        else:
            self._placed = lay_out(self.columns, self._natural, width)
        last = self._placed[-1] if self._placed else None
        total = last.x + last.width if last and self.cell_cursor else 0
        self.virtual_size = Size(total, self.source.row_count() + 1)
        self.refresh()

    # drawing

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        if y == 0:
            left, style = self.scroll_offset.x, self._style("header")
            header = paint.header(style, self.columns, self._placed, self.sort)
            titles = Strip(header).crop_extend(left, left + width, style)
            more = self.virtual_size.width - left > width
            return paint.with_hints(titles, style + self._style("accent"), before=left > 0, behind=more)
        index = y - 1 + self.scroll_offset.y
        if index >= self.source.row_count():
            if y == 2 and self.empty and not self.source.row_count():
                message = text.fit("  " + text.safe(self.empty), width)
                return Strip([Segment(message, self.rich_style + self._style("muted"))], width)
            return Strip.blank(width, self.rich_style)
        at_cursor = index == self.cursor
        key = (index, at_cursor, width)
        if not at_cursor and (strip := self._strips.get(key)):
            return strip.crop_extend(self.scroll_offset.x, self.scroll_offset.x + width, self.rich_style)
        strip = self._row_strip(index, at_cursor, width)
        if not at_cursor and self.source.row(index) is not None:
            self._strips[key] = strip
        base = self._cursor_style() if at_cursor else self.rich_style
        return strip.crop_extend(self.scroll_offset.x, self.scroll_offset.x + width, base)

    def _row_strip(self, index: int, at_cursor: bool, width: int) -> Strip:
        base = self._cursor_style() if at_cursor else self.rich_style
        row = self.source.row(index)
        mark = MARK if at_cursor else " "
        segments = [Segment(mark + " " * (GUTTER - 1), base + self._style("accent"))]
        if row is None:
            self._want(index)
            segments.append(Segment(text.ELLIPSIS, base + self._style("muted")))
        elif row.wide:
            segments += paint.wide_row(row, base, self._style, width - GUTTER)
        else:
            chosen = self.column if at_cursor and self.cell_cursor and self.has_focus else None
            segments += paint.row(row, base, self._style, self.columns, self._placed, chosen=chosen)
        return Strip(segments)

    def _cursor_style(self) -> Style:
        return self._style("cursor" if self.has_focus else "cursor-idle")

    def _style(self, role: str) -> Style:
        if not role:
            return Style.null()
        if role not in self._styles:
            self._styles[role] = self._resolve(role)
        return self._styles[role]

    def _resolve(self, role: str) -> Style:
        """Return the style of a role over the table's own background; only some have one of their own."""
        full = self.get_component_rich_style(f"record-table--{role}")
        if role in _WITH_BACKGROUND:
            return full
        return Style(color=full.color, bold=full.bold or None, italic=full.italic or None)

    def _want(self, index: int) -> None:
        if self._missing is None:
            self.call_later(self._tell_wanted)
            self._missing = (index, index)
        self._missing = (min(index, self._missing[0]), max(index, self._missing[1]))

    def _tell_wanted(self) -> None:
        if self._missing is not None:
            first, last = self._missing
            self._missing = None
            self.post_message(self.Wanted(self, first, last))
