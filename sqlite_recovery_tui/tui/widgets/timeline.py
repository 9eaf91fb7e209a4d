"""The heart of a replica's screen: its history lane by lane over a window of time, with a cursor in it.

It shows what it is told and tells what is clicked; whose cursor it is, the screen decides. What a key costs
goes by the cells of the terminal, not by the objects of the history.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget

from sqlite_recovery_tui.tui import actions, phrases, text
from sqlite_recovery_tui.tui.widgets import timeline_lanes, timeline_window
from sqlite_recovery_tui.tui.widgets.timeline_index import Index
from sqlite_recovery_tui.tui.widgets.timeline_lanes import Lanes, Line
from sqlite_recovery_tui.tui.widgets.timeline_paint import FAULT, axis_line, glyph_line
from sqlite_recovery_tui.tui.widgets.timeline_pins import Pin, pin_line
from sqlite_recovery_tui.tui.widgets.timeline_window import Window

ASKED, NEWEST, NOW = "▽", "●", "┆"
_INDENT = timeline_lanes.NAME_CELLS + 2
"""Cells in front of the bars: a mark and the lane's name."""
_FRAME_ROWS = 3
"""Lines that are no lanes: what is in view, the pins, the axis."""
_NOW_SHARE = 0.06
"""A present that lies no further behind the newest object than this share of the history is in view."""


@dataclass(frozen=True)
class Cursor:
    """Where one is: a moment, and the lane that its object lies in."""

    moment: datetime
    lane: int = 0


class Timeline(Widget, can_focus=True):
    """A history over the widget's width, with lanes, pins, an axis and a cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings("timeline")]
    DEFAULT_CSS = """
    Timeline { height: auto; }
    Timeline.-empty { display: none; }
    """

    @dataclass
    class Picked(Message):
        """A moment was clicked in a lane; None: in none."""

        moment: datetime
        lane: int | None

    def __init__(self, *, id: str | None = None) -> None:
        """Start empty."""
        super().__init__(id=id)
        self.index: Index | None = None
        self.cursor: Cursor | None = None
        self.pins: tuple[Pin, ...] = ()
        self.now: datetime | None = None
        self.local = False
        self.view: tuple[datetime, timedelta] | None = None
        """From when on, and how much is in view; None: everything."""
        self.first = 0
        """The first lane that is shown where not all have room."""
        self._drawn: tuple[object, Lanes] | None = None

    # what is shown

    def show(self, index: Index | None, *, now: datetime, local: bool) -> None:
        """Show a history as of `now`."""
        if (index, now, local) == (self.index, self.now, self.local):
            return
        grown = len(index.tracks) if index else 0
        changed = grown != (len(self.index.tracks) if self.index else 0)
        self.index, self.now, self.local = index, now, local
        self.set_class(index is None, "-empty")
        self.refresh(layout=changed)

    def point(self, cursor: Cursor | None) -> None:
        """Put the cursor somewhere, and bring it into view."""
        self.cursor = cursor
        if cursor is not None and self.index is not None:
            self.first = timeline_lanes.scrolled(
                self.first, cursor.lane, len(self.index.tracks), self._lane_rows
            )
            if self.view is not None:
                self._look_at(self.window.showing(cursor.moment))
        self.refresh()

    def pin(self, pins: Sequence[Pin]) -> None:
        """Point moments out, the ones that matter most first."""
        if tuple(pins) != self.pins:
            self.pins = tuple(pins)
            self.refresh()

    @property
    def whole(self) -> Window:
        """The window of everything there is, and of now where that is near."""
        assert self.index is not None
        start, end = self.index.whole.start, self.index.whole.end
        if self.now is not None and end < self.now <= end + (end - start) * _NOW_SHARE:
            end = self.now
        return Window.between(start, end, self._cells)

    @property
    def window(self) -> Window:
        """What is in view."""
        return Window(*self.view, self._cells) if self.view is not None else self.whole

    # zoom and pan

    def zoom(self, *, closer: bool, around: datetime | None = None) -> bool:
        """Show less in more detail, or more in less; False where that is the end."""
        if self.index is None:
            return False
        window, whole = self.window, self.whole
        before = window.span.total_seconds()
        seconds = timeline_window.finer(before) if closer else timeline_window.coarser(before)
        if (self.view is None and not closer) or (closer and seconds >= before):
            return False
        middle = around or (self.cursor.moment if self.cursor is not None else window.edges[-1])
        if not closer and seconds >= whole.span.total_seconds():
            self.view = None
            self.refresh()
        else:
            self._look_at(window.at_scale(seconds, middle))
        return True

    def zoom_out(self) -> None:
        """Show everything."""
        self.view = None
        self.refresh()

    def pan(self, share: float) -> bool:
        """Move the window by a share of its length; False where everything is in view."""
        if self.index is None or self.view is None:
            return False
        self._look_at(self.window.panned(share))
        return True

    def _look_at(self, window: Window) -> None:
        """Keep the window over the history: no further out than half of it is empty."""
        whole, half = self.whole, window.span / 2
        start = max(whole.start - half, min(window.start, whole.end - half))
        self.view = (start, window.span)
        self.refresh()

    # mouse

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.focus()
        cell = event.x - _INDENT
        if self.index is None or not 0 <= cell < self._cells:
            return
        lines = self._lanes().lines
        line = lines[event.y - 1] if 0 <= event.y - 1 < len(lines) else None
        # Everything that the cell holds is at hand: its last moment, not its first.
        moment = self.window.edges[cell + 1] - timedelta(microseconds=1)
        self.post_message(self.Picked(moment, line.lane if line is not None else None))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._wheel(event, closer=True)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._wheel(event, closer=False)

    def on_mouse_scroll_left(self, event: events.MouseScrollLeft) -> None:
        event.stop()
        self.pan(-0.1)

    def on_mouse_scroll_right(self, event: events.MouseScrollRight) -> None:
        event.stop()
        self.pan(0.1)

    def _wheel(self, event: events.MouseEvent, *, closer: bool) -> None:
        """Zoom around the mouse; with ctrl or shift, pan."""
        event.stop()
        if self.index is None:
            return
        if event.ctrl or event.shift:
            self.pan(-0.1 if closer else 0.1)
            return
        cell = max(0, min(self._cells - 1, event.x - _INDENT))
        self.zoom(closer=closer, around=self.window.edges[cell])

    # drawing

    def watch_has_focus(self, value: bool) -> None:
        super().watch_has_focus(value)
        self.refresh()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        lanes = len(self.index.tracks) if self.index is not None else 1
        return _FRAME_ROWS + timeline_lanes.rows_for(lanes, max(4, (viewport.height - 14) // 3))

    def render(self) -> Content:
        if self.index is None or self.size.width <= _INDENT + 2:
            return Content("")
        window, lanes = self.window, self._lanes()
        place = window.slot(self.cursor.moment) if self._in_view(window) and self.cursor else None
        indent = Content(" " * _INDENT)
        lines = [self._title(window, lanes)]
        lines += [self._lane_name(line) + self._coloured(line, place, window) for line in lanes.lines]
        lines.append(indent + pin_line(window, self._all_pins(window)))
        lines.append(indent + axis_line(timeline_window.axis(window, local=self.local), place))
        return Content("\n").join(lines)

    @property
    def _cells(self) -> int:
        return max(2, self.size.width - _INDENT)

    @property
    def _lane_rows(self) -> int:
        return max(1, self.size.height - _FRAME_ROWS)

    def _in_view(self, window: Window) -> bool:
        return self.cursor is not None and window.holds(self.cursor.moment)

    def _lanes(self) -> Lanes:
        assert self.index is not None
        window = self.window
        key = (id(self.index), window.start, window.span, self.size, self.first)
        if self._drawn is None or self._drawn[0] != key:
            self._drawn = (key, timeline_lanes.draw(self.index, window, self._lane_rows, self.first))
        return self._drawn[1]

    def _title(self, window: Window, lanes: Lanes) -> Content:
        """Return what is in view, how much of it, and what a full bar means."""
        assert self.index is not None
        style: phrases.TimeStyle = "local" if self.local else "utc"
        start, end = window.start, window.end
        if self.view is None:
            start, end = self.index.whole.start, self.index.whole.end
        period = phrases.period(start, end, style, start)
        length = f"zoom {window.length}" if self.view is not None else "everything"
        left = text.line((f" {period}", "bold" if self.has_focus else ""), (f"  {length}", text.MUTED))
        count = len(self.index.tracks)
        parts = [f"lanes {lanes.first + 1}–{lanes.end} of {count}"] if lanes.end - lanes.first < count else []
        rate = [f"█ = {_rate(lanes.most, window.cell)}"] if lanes.most else []
        for told in ([*parts, *rate], parts):
            right = text.content("   ".join(told) + " ", text.MUTED)
            room = self.size.width - left.cell_length - right.cell_length
            if room > 1:
                return left + " " * room + right
        return left.truncate(self.size.width, ellipsis=True)

    def _lane_name(self, line: Line) -> Content:
        here = self.cursor is not None and line.lane == self.cursor.lane and bool(line.name)
        style = "bold $text-primary" if here else text.MUTED
        return Content.styled(("▸" if here else " ") + text.fit(text.safe(line.name), _INDENT - 1), style)

    def _coloured(self, line: Line, place: int | None, window: Window) -> Content:
        """Return a line of a lane, with what is damaged in it at its place."""
        glyphs = line.glyphs
        faults = {
            window.slot(pin.moment)
            for pin in self.pins
            if pin.lane is not None and pin.lane == line.lane and window.holds(pin.moment)
        }
        if faults and line.name:
            glyphs = "".join(FAULT if number in faults else glyph for number, glyph in enumerate(glyphs))
        own = self.cursor is not None and line.lane == self.cursor.lane
        return glyph_line(glyphs, place, own=own)

    def _all_pins(self, window: Window) -> list[Pin]:
        pins = [pin for pin in self.pins if window.holds(pin.moment)]
        assert self.index is not None
        if self.now is not None and self.now > self.index.whole.end:
            newest = self.index.whole.end
            same = window.holds(self.now) and window.slot(newest) == window.slot(self.now)
            if window.holds(self.now) and not same:
                pins.append(Pin(self.now, NOW, "now", text.MUTED))
        return pins


def _rate(amount: int, cell: timedelta) -> str:
    """Return what a full bar means: bytes in a minute, or in the time of a cell where that is far shorter."""
    seconds = cell.total_seconds()
    if seconds >= 15:
        return f"{phrases.size(int(amount * 60 / seconds))}/min"
    length = phrases.seconds(seconds) if seconds >= 0.1 else f"{seconds * 1000:.0f} ms"
    return f"{phrases.size(amount)} in {length}"
