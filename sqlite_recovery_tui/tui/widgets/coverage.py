"""A replica's whole history at a glance: how much was stored when, snapshots, holes, and where you are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from sqlite_recovery_tui.tui import text
from sqlite_recovery_tui.tui.widgets import profile
from sqlite_recovery_tui.tui.widgets.profile import HOLE, NOTHING, SNAPSHOT, Scale

if TYPE_CHECKING:
    from sqlite_recovery_tui.replica.timeline import Timeline

CURSOR = "▲"
_STYLES = {SNAPSHOT: "$text-accent", HOLE: "bold $text-error", NOTHING: text.FAINT}
_BAR_ROWS = 4
"""How high the bars of one lane are, or of two together."""
_NAMED_CELLS = 10
"""Cells in front of a lane's bars, for its name."""


@dataclass(frozen=True)
class _Picture:
    """A history drawn for one size: rows of bars, each behind its name, over an axis."""

    scale: Scale
    rows: tuple[tuple[str, str], ...]
    indent: int


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
        self._drawn: tuple[Timeline, Size, _Picture | None] | None = None

    def show(self, timeline: Timeline | None, *, marked: datetime | None = None, local: bool = False) -> None:
        """Show this timeline with one moment pointed out; None shows nothing."""
        if (timeline, marked, local) == (self.timeline, self.marked, self.local):
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
        picture = self._picture(self.size)
        if picture is None:
            return Content("")
        place = picture.scale.slot(self.marked) if self.marked is not None else None
        lines = [
            Content.styled(text.fit(name, picture.indent), text.MUTED) + _coloured(line, place)
            for name, line in picture.rows
        ]
        if self.size.height > 1:
            times = profile.axis(picture.scale, local=self.local)
            lines.append(Content(" " * picture.indent) + _axis_line(times, place))
        return Content("\n").join(lines)

    def _picture(self, size: Size) -> _Picture | None:
        if self.timeline is None:
            return None
        if self._drawn is None or self._drawn[0] is not self.timeline or self._drawn[1] != size:
            self._drawn = (self.timeline, size, _draw(self.timeline, size))
        return self._drawn[2]


def _draw(timeline: Timeline, size: Size) -> _Picture | None:
    rows = max(1, size.height - 1)
    indent = _NAMED_CELLS if rows > 1 and _lane_count(timeline) > 1 else 0
    scale = profile.scale(timeline, size.width - indent)
    if scale is None:
        return None
    if not indent:
        made = profile.bars(profile.summary(timeline, scale), rows)
        return _Picture(scale, tuple(("", line) for line in made), 0)
    tracks = profile.tracks(timeline, scale, rows)
    each = max(1, rows // len(tracks))
    named = [
        (track.name if row == each - 1 else "", line)
        for track in tracks
        for row, line in enumerate(profile.bars(track, each))
    ]
    return _Picture(scale, tuple(named), indent)


def _lane_count(timeline: Timeline | None) -> int:
    return len(timeline.lanes) if timeline is not None else 0


def _coloured(line: str, marked: int | None) -> Content:
    def style(place: int) -> str:
        own = _STYLES.get(line[place], "$secondary")
        return f"{own} on $foreground 25%" if place == marked else own

    runs = groupby(range(len(line)), key=style)
    drawn = (Content.styled("".join(line[place] for place in places), own) for own, places in runs)
    return Content("").join(drawn)


def _axis_line(line: str, marked: int | None) -> Content:
    if marked is None:
        return Content.styled(line, text.FAINT)
    return text.line(
        (line[:marked], text.FAINT), (CURSOR, "bold $text-accent"), (line[marked + 1 :], text.FAINT)
    )
