"""A stretch of time over the cells of a line: what lies in which cell, zooming, panning, and the axis."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property

from sqlite_recovery_tui.replica.segments import microseconds
from sqlite_recovery_tui.tui import phrases

MINUTE, HOUR, DAY, WEEK = 60, 3_600, 86_400, 604_800
LADDER = (
    *(1, 2, 5, 10, 30),
    *(MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 30 * MINUTE),
    *(HOUR, 2 * HOUR, 6 * HOUR, 12 * HOUR),
    *(DAY, 2 * DAY, 4 * DAY, WEEK, 2 * WEEK, 4 * WEEK, 13 * WEEK, 26 * WEEK),
    *(52 * WEEK, 104 * WEEK, 260 * WEEK, 520 * WEEK),
)
"""How many seconds are in view, from one to ten years."""
_STEPS = (
    *(0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30),
    *(MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE),
    *(HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, WEEK, 30 * DAY, 91 * DAY, 365 * DAY),
)
"""Seconds between labels of the axis, the round ones."""
LEAST = timedelta(milliseconds=1)


@dataclass(frozen=True)
class Window:
    """What is in view: `span` of time from `start` on, cut into `cells`, the oldest first."""

    start: datetime
    span: timedelta
    cells: int

    @classmethod
    def between(cls, start: datetime, end: datetime, cells: int) -> Window:
        """Return the window whose last cell holds `end`."""
        cells = max(2, cells)
        span = max(end - start, LEAST)
        return cls(start, span + max(span / (cells * 4), timedelta(microseconds=1)), cells)

    @property
    def end(self) -> datetime:
        return self.start + self.span

    @property
    def cell(self) -> timedelta:
        """How long a cell is."""
        return self.span / self.cells

    @cached_property
    def edges(self) -> tuple[datetime, ...]:
        """Where each cell begins, and the end of the last."""
        seconds = self.span.total_seconds() / self.cells
        return tuple(self.start + timedelta(seconds=seconds * number) for number in range(self.cells + 1))

    @cached_property
    def ticks(self) -> tuple[int, ...]:
        """The edges in microseconds since 1970."""
        return tuple(map(microseconds, self.edges))

    def holds(self, moment: datetime) -> bool:
        return self.edges[0] <= moment < self.edges[-1]

    def slot(self, moment: datetime) -> int:
        """Return the cell of a moment; the first or last one for what lies outside."""
        return max(0, min(self.cells - 1, bisect_right(self.edges, moment) - 1))

    def at_scale(self, seconds: float, around: datetime) -> Window:
        """Return a window of another length in which `around` stays where it is, or comes into view."""
        share = (around - self.start) / self.span if self.holds(around) else 0.5
        span = timedelta(seconds=seconds)
        return Window(around - span * share, span, self.cells)

    def panned(self, share: float) -> Window:
        """Return the window moved by a share of its length."""
        return replace(self, start=self.start + self.span * share)

    def showing(self, moment: datetime) -> Window:
        """Return the window with `moment` in view and some room around it; itself where it is already."""
        if self.holds(moment):
            return self
        away = moment - self.start if moment < self.start else moment - self.end
        if abs(away) < self.span / 2:
            room = self.span / 8
            return replace(self, start=self.start + away + (room if away > timedelta() else -room))
        return replace(self, start=moment - self.span / 2)

    @property
    def length(self) -> str:
        """How much is in view, in words."""
        return _length(self.span.total_seconds())


def finer(seconds: float) -> float:
    """Return the next shorter length of the ladder."""
    place = bisect_left(LADDER, seconds * 0.999)
    return LADDER[max(0, place - 1)]


def coarser(seconds: float) -> float:
    """Return the next longer length of the ladder."""
    place = bisect_right(LADDER, seconds * 1.001)
    return LADDER[min(len(LADDER) - 1, place)]


def axis(window: Window, *, local: bool = False) -> str:
    """Return a line of times, at round moments."""
    span = window.span.total_seconds()
    zone = None if local else UTC
    for step in _STEPS:
        form, cells = _form(step, span)
        if span / step * (cells + 4) <= window.cells:
            break
    line = [" "] * window.cells
    moment = _round_up(window.start.astimezone(zone), step)
    while moment < window.end:
        label = "╵" + _label(moment, form, step)
        place = window.slot(moment)
        if place + len(label) <= window.cells:
            line[place : place + len(label)] = label
        moment += timedelta(seconds=step)
    return "".join(line)


def _form(step: float, span: float) -> tuple[str, int]:
    """Return how a label is written, and how many cells it takes with its tick."""
    if step < 1:
        return "%H:%M:%S.%f", 11
    if step >= DAY:
        return ("%m-%d", 6) if span < 300 * DAY else ("%Y-%m-%d", 11)
    if span > 2 * DAY:
        return "%m-%d %H:%M", 12
    return ("%H:%M:%S", 9) if step < MINUTE else ("%H:%M", 6)


def _label(moment: datetime, form: str, step: float) -> str:
    written = moment.strftime(form)
    return written[:-5] if step < 1 else written


def _round_up(moment: datetime, step: float) -> datetime:
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    steps = -(-(moment - midnight).total_seconds() // step)
    return midnight + timedelta(seconds=steps * step)


def _length(seconds: float) -> str:
    """Return a length of time in round units: `2 h`, `1 week`."""
    for unit, name in ((52 * WEEK, "year"), (WEEK, "week"), (DAY, "day")):
        if seconds >= unit and not seconds % unit:
            return phrases.many(int(seconds // unit), name)
    return phrases.seconds(seconds) if seconds % 1 or seconds >= MINUTE else f"{int(seconds)} s"
