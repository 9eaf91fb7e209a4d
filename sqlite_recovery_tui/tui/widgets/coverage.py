"""A replica's whole history at a glance: how much was stored when, snapshots, holes, and where you are."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from sqlite_recovery_tui.tui import text
from sqlite_recovery_tui.tui.widgets import timeline_lanes, timeline_window
from sqlite_recovery_tui.tui.widgets.timeline_index import Index, index_of
from sqlite_recovery_tui.tui.widgets.timeline_lanes import Lanes
from sqlite_recovery_tui.tui.widgets.timeline_paint import axis_line, glyph_line
from sqlite_recovery_tui.tui.widgets.timeline_window import Window

if TYPE_CHECKING:
    from sqlite_recovery_tui.replica.timeline import Timeline

_BAR_ROWS = 4
"""How high the bars of one lane are, or of two together."""
_NAMED_CELLS = timeline_lanes.NAME_CELLS + 2
"""Cells in front of a lane's bars, for its name."""


class Coverage(Widget):
    """The history of a timeline over the widget's width, lane by lane where there is room.

    One line high, it shows all lanes as one and has no axis.
    """

    DEFAULT_CSS = """
    Coverage { height: 1; }
    Coverage.-empty { display: none; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        """Start empty."""
        super().__init__(id=id)
        self.timeline: Timeline | None = None
        self.marked: datetime | None = None
        self.local = False
        self._drawn: tuple[object, Lanes] | None = None

    def show(self, timeline: Timeline | None, *, marked: datetime | None = None, local: bool = False) -> None:
        """Show this timeline with one moment pointed out; None shows nothing."""
        if timeline is self.timeline and (marked, local) == (self.marked, self.local):
            return
        lanes = _lane_count(self.timeline)
        self.timeline, self.marked, self.local = timeline, marked, local
        self.set_class(timeline is None or not timeline.objects, "-empty")
        self.refresh(layout=_lane_count(timeline) != lanes)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        """Take a row for each lane, as many as so high a terminal has to spare, and one for the axis."""
        lanes = _lane_count(self.timeline)
        spare = max(_BAR_ROWS, (viewport.height - 22) // 2)
        return 1 + (min(lanes, spare) if lanes > _BAR_ROWS // 2 else _BAR_ROWS)

    def render(self) -> Content:
        index = index_of(self.timeline) if self.timeline is not None else None
        if index is None or self.size.width < _NAMED_CELLS + 2:
            return Content("")
        rows = max(1, self.size.height - 1)
        indent = _NAMED_CELLS if rows > 1 and len(index.tracks) > 1 else 0
        whole = index.whole
        window = Window.between(whole.start, whole.end, self.size.width - indent)
        place = window.slot(self.marked) if self.marked is not None else None
        lines = [
            Content.styled(text.fit(text.safe(line.name), indent), text.MUTED)
            + glyph_line(line.glyphs, place)
            for line in self._lanes(index, window, rows).lines
        ]
        if self.size.height > 1:
            times = timeline_window.axis(window, local=self.local)
            lines.append(Content(" " * indent) + axis_line(times, place))
        return Content("\n").join(lines)

    def _lanes(self, index: Index, window: Window, rows: int) -> Lanes:
        key = (id(index), self.size)
        if self._drawn is None or self._drawn[0] != key:
            self._drawn = (key, timeline_lanes.draw(index, window, rows))
        return self._drawn[1]


def _lane_count(timeline: Timeline | None) -> int:
    return len(timeline.lanes) if timeline is not None else 0
