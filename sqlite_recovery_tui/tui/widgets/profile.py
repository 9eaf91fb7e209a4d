"""Bars over a window of time: how much a lane took in when, with snapshots, holes and pauses. No widget."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from sqlite_recovery_tui.tui.widgets.timeline_index import Track
from sqlite_recovery_tui.tui.widgets.timeline_window import Window

LEVELS = " ▁▂▃▄▅▆▇█"
SNAPSHOT, HOLE, PAUSE, NOTHING = "◆", "╳", "‖", "·"
QUIET = "╌"
"""Inside of a pause, whose ends alone are marked."""
EARLIER, LATER = "‹", "›"
"""Where all of a lane lies to the left or to the right of what is in view."""


@dataclass(frozen=True)
class Profile:
    """What one track has in each cell of a window."""

    amounts: tuple[int, ...]
    """Bytes."""
    marks: tuple[str, ...]
    """What stands there instead of a bar: a snapshot, a hole, a pause, nothing at all; or empty."""

    @property
    def most(self) -> int:
        """The busiest cell's bytes."""
        return max(self.amounts, default=0)


def profile(track: Track, window: Window) -> Profile:
    """Cut a track into the cells of a window."""
    edges = window.edges
    nothing = (0,) * window.cells
    if track.end < edges[0]:
        return Profile(nothing, (EARLIER, *(" " for _ in nothing[1:])))
    if min((track.start, *track.pauses.starts[:1])) >= edges[-1]:
        return Profile(nothing, (*(" " for _ in nothing[1:]), LATER))
    amounts = track.stored(window.ticks)
    bases = _counts(track, edges)
    holes = track.holes.cells(edges) if track.holes.starts else ()
    marks = [
        HOLE if cell in holes else SNAPSHOT if bases[cell] else _mark(track, edges, cell, amounts[cell])
        for cell in range(window.cells)
    ]
    return Profile(tuple(amounts), tuple(_with_quiet_pauses(marks)))


def bars(profile: Profile, rows: int, most: int | None = None) -> list[str]:
    """Return `rows` lines of bars, the top one first, as a share of `most` bytes; marks in the lowest.

    Shares are softened, so that a quiet hour beside a busy minute is still seen.
    """
    full = most or profile.most or 1
    shares = [(amount / full) ** 0.5 for amount in profile.amounts]
    shown = []
    for row in reversed(range(rows)):
        line = [LEVELS[_level(share, row, rows)] for share in shares]
        if row == 0:
            line = [mark or glyph for mark, glyph in zip(profile.marks, line, strict=True)]
        shown.append("".join(line))
    return shown


def _counts(track: Track, edges: Sequence[datetime]) -> list[bool]:
    """Tell for each cell whether a snapshot lies in it."""
    if not track.bases:
        return [False] * (len(edges) - 1)
    counts = [bisect_left(track.bases, edge) for edge in edges]
    return [later > earlier for earlier, later in pairwise(counts)]


def _mark(track: Track, edges: Sequence[datetime], cell: int, amount: int) -> str:
    start, end = edges[cell], edges[cell + 1]
    if amount:
        return ""
    if track.pauses.starts and track.pauses.covers(start, end):
        return PAUSE
    return NOTHING if track.start < end and track.end >= start else " "


def _with_quiet_pauses(marks: Sequence[str]) -> Iterator[str]:
    """Yield the marks, of a pause only its ends."""
    for before, mark, behind in zip(("", *marks[:-1]), marks, (*marks[1:], ""), strict=True):
        yield QUIET if before == mark == behind == PAUSE else mark


def _level(share: float, row: int, rows: int) -> int:
    """Return how full the cell of a bar is, 0 to 8; anything at all shows in the lowest row."""
    eighths = round(share * rows * 8) - row * 8
    if row == 0 and share > 0:
        eighths = max(1, eighths)
    return max(0, min(8, eighths))
