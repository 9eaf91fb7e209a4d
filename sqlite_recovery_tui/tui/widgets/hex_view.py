"""Bytes in hexadecimal, of any size: only what is in view is ever turned into text.

A cursor stands on one byte; `Moved` tells which, and regions say by name and colour what a byte belongs to:
the one under the cursor stands out as a whole.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from sqlite_recovery_tui.anatomy.hexdump import hex_width, hexdump, letters, pair_at, pairs
from sqlite_recovery_tui.tui import actions, text
from sqlite_recovery_tui.tui.widgets.rows import Role

__all__ = ["HexView", "Region", "hexdump"]

_COLUMNS = (32, 16, 8, 4)
_GAP = "  "


@dataclass(frozen=True, slots=True)
class Region:
    """Bytes from `start` up to, not including, `end` that are one thing."""

    start: int
    end: int
    title: str
    role: Role = ""


class HexView(ScrollView, can_focus=True):
    """A view over bytes with a cursor on one of them."""

    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings(actions.TABLE)]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "hex-view--cursor",
        "hex-view--cursor-idle",
        "hex-view--inside",
        "hex-view--muted",
        "hex-view--accent",
        "hex-view--ok",
        "hex-view--warn",
        "hex-view--bad",
        "hex-view--strong",
    }
    DEFAULT_CSS = """
    HexView {
        height: 1fr;
        background: $background;
        color: $foreground;
        scrollbar-size-vertical: 1;
        scrollbar-size-horizontal: 0;
        & > .hex-view--cursor { background: $primary; color: $background; text-style: bold; }
        & > .hex-view--cursor-idle { background: $foreground 15%; color: $foreground; }
        & > .hex-view--inside { background: $primary 22%; color: $foreground; }
        & > .hex-view--muted { color: $foreground 50%; }
        & > .hex-view--accent { color: $text-primary; }
        & > .hex-view--ok { color: $text-success; }
        & > .hex-view--warn { color: $text-warning; }
        & > .hex-view--bad { color: $text-error; text-style: bold; }
        & > .hex-view--strong { text-style: bold; }
    }
    """

    cursor: reactive[int] = reactive(0, repaint=False)

    @dataclass
    class Moved(Message):
        """The cursor stands on another byte."""

        view: HexView
        offset: int

        @property
        def control(self) -> HexView:
            return self.view

    def __init__(
        self,
        data: bytes | memoryview = b"",
        *,
        id: str | None = None,
        classes: str | None = None,
        empty: str = "no bytes",
    ) -> None:
        """Show `data`, and `empty` while there is none."""
        super().__init__(id=id, classes=classes)
        self.data: bytes | memoryview = data
        self.empty = empty
        self.columns = 16
        self.start = 0
        """The offset that the first byte is shown with."""
        self._regions: tuple[Region, ...] = ()
        self._starts: list[int] = []
        self._styles: dict[str, Style] = {}

    # what is shown

    def show(self, data: bytes | memoryview, *, start: int = 0, regions: Sequence[Region] = ()) -> None:
        """Show other bytes from their first one on; `regions` do not overlap."""
        self.data, self.start = data, start
        self._regions = tuple(sorted(regions, key=lambda region: region.start))
        self._starts = [region.start for region in self._regions]
        self.set_reactive(HexView.cursor, 0)
        self._arrange()
        self.scroll_to(0, 0, animate=False)
        self.post_message(self.Moved(self, 0))

    def region_at(self, offset: int) -> Region | None:
        """Return what the byte at `offset` belongs to."""
        number = bisect_right(self._starts, offset) - 1
        if number < 0 or offset >= self._regions[number].end:
            return None
        return self._regions[number]

    @property
    def lines(self) -> int:
        """How many lines all bytes take."""
        return -(-len(self.data) // self.columns)

    @property
    def page(self) -> int:
        """How many lines are visible."""
        return max(1, self.scrollable_content_region.height)

    def move_to(self, offset: int, *, lead: bool = False) -> None:
        """Put the cursor on a byte and bring it into view; with `lead` what follows it as well."""
        if not len(self.data):
            return
        self.cursor = max(0, min(offset, len(self.data) - 1))
        line, top = self.cursor // self.columns, self.scroll_offset.y
        if lead and not top <= line < top + self.page * 2 // 3:
            self.scroll_to(y=max(0, line - self.page // 4), animate=False)
            return
        if line < top:
            self.scroll_to(y=line, animate=False)
        elif line >= top + self.page:
            self.scroll_to(y=line - self.page + 1, animate=False)

    # keys

    def action_up(self) -> None:
        self._by_lines(-1)

    def action_down(self) -> None:
        self._by_lines(1)

    def action_page_up(self) -> None:
        self._by_lines(-self.page)

    def action_page_down(self) -> None:
        self._by_lines(self.page)

    def action_first(self) -> None:
        self.move_to(0)

    def action_last(self) -> None:
        self.move_to(len(self.data) - 1)

    def action_left(self) -> None:
        self.move_to(self.cursor - 1)

    def action_right(self) -> None:
        self.move_to(self.cursor + 1)

    def _by_lines(self, count: int) -> None:
        """Move up or down in the same column, as far as there are lines."""
        column, line = self.cursor % self.columns, self.cursor // self.columns
        line = max(0, min(line + count, self.lines - 1))
        self.move_to(line * self.columns + column)

    def on_click(self, event: events.Click) -> None:
        event.stop()
        offset = self._offset_at(event.x, event.y + self.scroll_offset.y)
        if offset is not None:
            self.move_to(offset)

    def _offset_at(self, x: int, line: int) -> int | None:
        place = x - 1 - self._digits - len(_GAP)
        width = hex_width(self.columns)
        if 0 <= place < width:
            column = next(
                (each for each in range(self.columns) if pair_at(each) <= place <= pair_at(each) + 1), None
            )
        else:
            column = place - width - len(_GAP)
        if column is None or not 0 <= column < self.columns or line >= self.lines:
            return None
        return line * self.columns + column

    # reactions

    def watch_cursor(self, old: int, new: int) -> None:
        if self.region_at(old) is not self.region_at(new):
            self.refresh()  # another region stands out now
        for line in {old // self.columns, new // self.columns}:
            self.refresh_lines(line - self.scroll_offset.y, 1)
        self.post_message(self.Moved(self, new))

    def watch_has_focus(self, value: bool) -> None:
        super().watch_has_focus(value)
        self.refresh()

    def on_resize(self) -> None:
        self._arrange()
        self.move_to(self.cursor)

    def notify_style_update(self) -> None:
        self._styles.clear()
        super().notify_style_update()

    # layout

    @property
    def _digits(self) -> int:
        return max(4, len(f"{self.start + max(0, len(self.data) - 1):x}"))

    def _arrange(self) -> None:
        """Take as many bytes on a line as the width allows, a power of two."""
        room = self.scrollable_content_region.width - 1 - self._digits - 2 * len(_GAP)
        fitting = (columns for columns in _COLUMNS if hex_width(columns) + columns <= room)
        self.columns = next(fitting, _COLUMNS[-1])
        self.virtual_size = Size(0, self.lines)
        self.refresh()

    # drawing

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        base = self.rich_style
        line = y + self.scroll_offset.y
        if not len(self.data) and y == 1:
            return Strip(
                [Segment(text.fit(f"  {text.safe(self.empty)}", width), base + self._style("muted"))]
            )
        at = line * self.columns
        if at >= len(self.data):
            return Strip.blank(width, base)
        piece = bytes(self.data[at : at + self.columns])
        segments = [
            Segment(f" {self.start + at:0{self._digits}x}{_GAP}", base + self._style("muted")),
            *self._painted(at, piece, base, hexadecimal=True),
            Segment(_GAP, base),
            *self._painted(at, piece, base, hexadecimal=False),
        ]
        return Strip(segments).crop_extend(0, width, base)

    def _painted(self, at: int, piece: bytes, base: Style, *, hexadecimal: bool) -> list[Segment]:
        """Return a line's pairs or letters, each stretch of one style as a segment."""
        shown = pairs(piece) if hexadecimal else letters(piece)
        stops = [pair_at(column) if hexadecimal else column for column in range(len(piece))]
        roles = self._roles(at, piece)
        segments: list[Segment] = []
        for column, begin in enumerate(stops):
            end = stops[column + 1] if column + 1 < len(stops) else len(shown)
            ends = column + 1 == len(stops) or roles[column + 1] != roles[column]
            if ends and hexadecimal and roles[column] not in ("", "muted"):
                segments.append(Segment(shown[begin : begin + 2], base + self._style(roles[column])))
                segments.append(Segment(shown[begin + 2 : end], base))
            else:
                segments.append(Segment(shown[begin:end], base + self._style(roles[column])))
        missing = (hex_width(self.columns) if hexadecimal else self.columns) - len(shown)
        return [*segments, Segment(" " * missing, base)]

    def _roles(self, at: int, piece: bytes) -> list[str]:
        roles: list[str] = []
        current = self.region_at(self.cursor)
        for column, byte in enumerate(piece):
            region = self.region_at(at + column)
            if region is not None and region is current:
                roles.append("inside")
                continue
            role = region.role if region is not None else ""
            roles.append(role or ("muted" if not byte else ""))
        if at <= self.cursor < at + len(piece):
            roles[self.cursor - at] = "cursor" if self.has_focus else "cursor-idle"
        return roles

    def _style(self, role: str) -> Style:
        if not role:
            return Style.null()
        if role not in self._styles:
            full = self.get_component_rich_style(f"hex-view--{role}")
            plain = Style(color=full.color, bold=full.bold or None)
            self._styles[role] = full if role == "inside" or role.startswith("cursor") else plain
        return self._styles[role]
