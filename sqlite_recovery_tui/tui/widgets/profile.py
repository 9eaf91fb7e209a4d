"""A replica's history cut into slices of time: what was stored when, by lane or all in all. No widget."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite_recovery_tui.domain import Gap, StoredObject
    from sqlite_recovery_tui.replica.lineage import Lane, Lineage
    from sqlite_recovery_tui.replica.timeline import Timeline

LEVELS = " ▁▂▃▄▅▆▇█"
SNAPSHOT, HOLE, NOTHING = "◆", "╳", "·"
_SAMPLED = 8_000
"""Changes looked at in a lane; in longer ones every n-th stands for its neighbours."""
_STEPS = (1, 5, 15, 60, 300, 600, 900, 1800, 3600, 10_800, 21_600, 43_200, 86_400, 604_800, 2_592_000)
"""Seconds between labels of the axis, the round ones."""
_NAME_CELLS = 8
"""Enough for a level's name, and for the beginning of a generation's that people quote."""


@dataclass(frozen=True)
class Scale:
    """A stretch of time cut into slices of equal length, oldest first."""

    start: datetime
    end: datetime
    cells: int

    def slot(self, moment: datetime) -> int:
        """Return the slice that a moment lies in."""
        span = max((self.end - self.start).total_seconds(), 1e-6)
        place = int((moment - self.start).total_seconds() / span * self.cells)
        return max(0, min(self.cells - 1, place))


@dataclass(frozen=True)
class Track:
    """What one row of the picture shows."""

    name: str
    amounts: tuple[float, ...]
    """How much was stored in each slice, as a share of the busiest one's, softened."""
    marks: tuple[str, ...]
    """What else a slice holds: a snapshot, a hole, nothing at all; or an empty string."""


def scale(timeline: Timeline, cells: int) -> Scale | None:
    """Return the scale of a whole timeline in `cells` slices; None when it holds nothing."""
    if not timeline.objects or cells < 2:
        return None
    return Scale(timeline.start, timeline.end, cells)


def summary(timeline: Timeline, over: Scale) -> Track:
    """Return all lanes as one track."""
    return _track("", _pairs(timeline), timeline.holes, over)


def tracks(timeline: Timeline, over: Scale, most: int) -> list[Track]:
    """Return a track for each lane, the newest history first.

    Where there are more than `most`, those that ended first share the last one.
    """
    shown, rest = _pairs(timeline), []
    if len(shown) > most:
        rest = sorted(shown, key=lambda pair: pair[1].end)[: len(shown) - most + 1]
        shown = [pair for pair in shown if pair not in rest]
    found = [_track(lane.id[:_NAME_CELLS], [(lineage, lane)], lineage.gaps, over) for lineage, lane in shown]
    if rest:
        lineages = {id(lineage): lineage for lineage, _ in rest}
        gaps = [gap for lineage in lineages.values() for gap in lineage.gaps]
        found.append(_track(f"{len(rest)} older", rest, gaps, over))
    return found


def bars(track: Track, rows: int) -> list[str]:
    """Return `rows` lines of bars, the top one first; marks stand in the lowest."""
    shown = []
    for row in reversed(range(rows)):
        line = [LEVELS[_level(amount, row, rows)] for amount in track.amounts]
        if row == 0:
            line = [mark or glyph for mark, glyph in zip(track.marks, line, strict=True)]
        shown.append("".join(line))
    return shown


def axis(over: Scale, *, local: bool = False) -> str:
    """Return a line of times under the bars, at round moments."""
    span = (over.end - over.start).total_seconds()
    zone = None if local else UTC
    dated = span > 2 * 86_400
    form = "%m-%d" if span > 4 * 86_400 else "%m-%d %H:%M" if dated else "%H:%M:%S" if span < 600 else "%H:%M"
    gap = len(over.start.strftime(form)) + 6
    step = next((step for step in _STEPS if span / step * gap <= over.cells), _STEPS[-1])
    line = [" "] * over.cells
    moment = _round_up(over.start.astimezone(zone), step)
    while moment <= over.end:
        label = "╵" + moment.strftime(form)
        place = over.slot(moment)
        if place + len(label) <= over.cells:
            line[place : place + len(label)] = label
        moment += timedelta(seconds=step)
    return "".join(line)


def _pairs(timeline: Timeline) -> list[tuple[Lineage, Lane]]:
    return [(lineage, lane) for lineage in reversed(timeline.lineages) for lane in lineage.lanes]


def _track(name: str, pairs: Sequence[tuple[Lineage, Lane]], gaps: Iterable[Gap], over: Scale) -> Track:
    amounts = [0.0] * over.cells
    inside = [False] * over.cells
    for _, lane in pairs:
        stride = max(1, len(lane.changes) // _SAMPLED)
        for change in lane.changes[::stride]:
            amounts[over.slot(change.time)] += change.size
        for place in range(over.slot(lane.start), over.slot(lane.end) + 1):
            inside[place] = True
    most = max(amounts) or 1.0
    marks = [
        "" if amount else NOTHING if within else " " for amount, within in zip(amounts, inside, strict=True)
    ]
    for gap in gaps:
        if gap.is_damage:
            for place in _slots_of(gap, over):
                marks[place] = HOLE
    for lineage, lane in pairs:
        for base in _bases(lineage, lane):
            marks[over.slot(base.time)] = SNAPSHOT
    return Track(name, tuple((amount / most) ** 0.5 for amount in amounts), tuple(marks))


def _bases(lineage: Lineage, lane: Lane) -> Iterator[StoredObject]:
    """Yield what a restore can begin with in a lane; without any snapshot that may be among the changes."""
    yield from lane.bases
    if not any(each.bases for each in lineage.lanes):
        keys = {base.key for base in lineage.bases}
        yield from (change for change in lane.changes if change.key in keys)


def _slots_of(gap: Gap, over: Scale) -> Iterator[int]:
    first = min(over.cells - 1, over.slot(gap.before.time) + 1) if gap.before else 0
    last = over.slot(gap.after.time) if gap.after else over.cells
    yield from range(first, max(last, first + 1))


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
