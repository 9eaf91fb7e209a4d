"""A replica's whole history at a glance: how much was stored when, snapshots, holes, and where you are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from textual.content import Content
from textual.widget import Widget

from sqlite_recovery_tui.tui import text

if TYPE_CHECKING:
    from sqlite_recovery_tui.replica.timeline import Timeline

LEVELS = " ▁▂▃▄▅▆▇█"
SNAPSHOT, HOLE, NOTHING, CURSOR = "◆", "╳", "·", "▲"
_SAMPLED = 8_000
"""Segments looked at; in longer histories every n-th stands for its neighbours."""
_STYLES = {SNAPSHOT: "$text-accent", HOLE: "bold $text-error", NOTHING: text.FAINT}
_STEPS = (1, 5, 15, 60, 300, 600, 900, 1800, 3600, 10_800, 21_600, 43_200, 86_400, 604_800, 2_592_000)
"""Seconds between labels of the axis, the round ones."""


@dataclass(frozen=True)
class Profile:
    """A history cut into slices of equal length, oldest first."""

    start: datetime
    end: datetime
    amounts: tuple[float, ...]
    """How much was stored in each slice, as a share of the busiest one's, softened."""
    marks: tuple[str, ...]
    """What else a slice holds: a snapshot, a hole, nothing at all; or an empty string."""

    def slot(self, moment: datetime) -> int:
        """Return the slice that a moment lies in."""
        span = max((self.end - self.start).total_seconds(), 1e-6)
        place = int((moment - self.start).total_seconds() / span * len(self.amounts))
        return max(0, min(len(self.amounts) - 1, place))


def profile(timeline: Timeline, cells: int) -> Profile | None:
    """Cut a timeline into `cells` slices; None when it holds nothing."""
    if not timeline.objects or cells < 2:
        return None
    start = min(generation.start for generation in timeline.generations)
    end = max(generation.end for generation in timeline.generations)
    empty = Profile(start, end, (0.0,) * cells, ("",) * cells)
    amounts = [0.0] * cells
    for generation in timeline.generations:
        stride = max(1, len(generation.segments) // _SAMPLED)
        for segment in generation.segments[::stride]:
            amounts[empty.slot(segment.time)] += segment.size
    most = max(amounts) or 1.0
    marks = _marks(timeline, empty, amounts)
    return Profile(start, end, tuple((amount / most) ** 0.5 for amount in amounts), tuple(marks))


def bars(made: Profile, rows: int) -> list[str]:
    """Return `rows` lines of bars, the top one first; marks stand in the lowest."""
    shown = []
    for row in reversed(range(rows)):
        line = [LEVELS[_level(amount, row, rows)] for amount in made.amounts]
        if row == 0:
            line = [mark or glyph for mark, glyph in zip(made.marks, line, strict=True)]
        shown.append("".join(line))
    return shown


def axis(made: Profile, *, local: bool = False) -> str:
    """Return a line of times under the bars, at round moments."""
    cells = len(made.amounts)
    span = (made.end - made.start).total_seconds()
    zone = None if local else UTC
    dated = span > 2 * 86_400
    form = "%m-%d" if span > 4 * 86_400 else "%m-%d %H:%M" if dated else "%H:%M:%S" if span < 600 else "%H:%M"
    gap = len(made.start.strftime(form)) + 6
    step = next((step for step in _STEPS if span / step * gap <= cells), _STEPS[-1])
    line = [" "] * cells
    moment = _round_up(made.start.astimezone(zone), step)
    while moment <= made.end:
        label = "╵" + moment.strftime(form)
        place = made.slot(moment)
        if place + len(label) <= cells:
            line[place : place + len(label)] = label
        moment += timedelta(seconds=step)
    return "".join(line)


class Coverage(Widget):
    """The history of a timeline over the widget's width; one line high, it has no axis."""

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
        self._profile: tuple[Timeline, int, Profile | None] | None = None

    def show(self, timeline: Timeline | None, *, marked: datetime | None = None, local: bool = False) -> None:
        """Show this timeline with one moment pointed out; None shows nothing."""
        if (timeline, marked, local) == (self.timeline, self.marked, self.local):
            return
        self.timeline, self.marked, self.local = timeline, marked, local
        self.set_class(timeline is None or not timeline.objects, "-empty")
        self.refresh()

    def render(self) -> Content:
        made = self._made(self.size.width)
        if made is None:
            return Content("")
        place = made.slot(self.marked) if self.marked is not None else None
        height = self.size.height
        lines = [_coloured(line, place) for line in bars(made, max(1, height - 1))]
        if height > 1:
            lines.append(_axis_line(axis(made, local=self.local), place))
        return Content("\n").join(lines)

    def _made(self, width: int) -> Profile | None:
        if self.timeline is None:
            return None
        if self._profile is None or self._profile[0] is not self.timeline or self._profile[1] != width:
            self._profile = (self.timeline, width, profile(self.timeline, width))
        return self._profile[2]


def _marks(timeline: Timeline, empty: Profile, amounts: list[float]) -> list[str]:
    cells = len(amounts)
    marks = ["" if amount else NOTHING for amount in amounts]
    for gap in timeline.holes:
        first = min(cells - 1, empty.slot(gap.before.time) + 1) if gap.before else 0
        last = empty.slot(gap.after.time) if gap.after else cells
        for place in range(first, max(last, first + 1)):
            marks[place] = HOLE
    for generation in timeline.generations:
        for snapshot in generation.snapshots:
            marks[empty.slot(snapshot.time)] = SNAPSHOT
    return marks


def _level(amount: float, row: int, rows: int) -> int:
    """Return how full the cell of a bar is, 0 to 8; anything at all shows in the lowest row."""
    eighths = round(amount * rows * 8) - row * 8
    if row == 0 and amount > 0:
        eighths = max(1, eighths)
    return max(0, min(8, eighths))


def _round_up(moment: datetime, step: int) -> datetime:
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    steps = -(-(moment - midnight).total_seconds() // step)
    return midnight + timedelta(seconds=steps * step)


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
