"""A replica's whole history on one line: how much was stored when, snapshots, and holes."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from sqlite_recovery_tui.tui import text

if TYPE_CHECKING:
    from sqlite_recovery_tui.replica.timeline import Timeline

LEVELS = "▁▂▃▄▅▆▇█"
SNAPSHOT, HOLE, NOTHING = "◆", "╳", "·"
_SAMPLED = 8_000
"""Segments looked at; in longer histories every n-th stands for its neighbours."""
_STYLES = {SNAPSHOT: "$text-accent", HOLE: "bold $text-error", NOTHING: text.FAINT}


def history(timeline: Timeline, cells: int) -> str:
    """Return one character per slice of time, oldest first."""
    if not timeline.objects or cells < 2:
        return ""
    start = min(generation.start for generation in timeline.generations)
    end = max(generation.end for generation in timeline.generations)
    span = max((end - start).total_seconds(), 1e-6)

    def slot(moment: datetime) -> int:
        return min(cells - 1, int((moment - start).total_seconds() / span * cells))

    amounts = _amounts(timeline, cells, slot)
    most = max(amounts) or 1.0
    shown = [
        LEVELS[min(len(LEVELS) - 1, int((amount / most) ** 0.5 * len(LEVELS)))] if amount else NOTHING
        for amount in amounts
    ]
    for gap in timeline.holes:
        first = slot(gap.before.time) + 1 if gap.before else 0
        last = slot(gap.after.time) if gap.after else cells
        for place in range(min(first, cells - 1), max(last, min(first, cells - 1) + 1)):
            shown[place] = HOLE
    for generation in timeline.generations:
        for snapshot in generation.snapshots:
            shown[slot(snapshot.time)] = SNAPSHOT
    return "".join(shown)


def _amounts(timeline: Timeline, cells: int, slot: object) -> list[float]:
    assert callable(slot)
    amounts = [0.0] * cells
    for generation in timeline.generations:
        stride = max(1, len(generation.segments) // _SAMPLED)
        for segment in generation.segments[::stride]:
            amounts[slot(segment.time)] += segment.size
    return amounts


class Coverage(Widget):
    """The history of a timeline over the widget's width."""

    DEFAULT_CSS = """
    Coverage { height: 1; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        """Start empty."""
        super().__init__(id=id)
        self.timeline: Timeline | None = None
        self._drawn: tuple[Timeline | None, int, Content] = (None, 0, Content(""))

    def show(self, timeline: Timeline | None) -> None:
        """Show this timeline; None shows nothing."""
        if timeline is not self.timeline:
            self.timeline = timeline
            self.display = timeline is not None and timeline.objects > 0
            self.refresh()

    def render(self) -> Content:
        width = self.size.width
        if self.timeline is None:
            return Content("")
        if self._drawn[:2] != (self.timeline, width):
            self._drawn = (self.timeline, width, _coloured(history(self.timeline, width)))
        return self._drawn[2]

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        return 1


def _coloured(line: str) -> Content:
    return Content("").join(Content.styled(glyph, _STYLES.get(glyph, "$text-primary")) for glyph in line)
