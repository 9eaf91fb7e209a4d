"""Which lanes of a timeline have a row, how high it is, and what stands in it. No widget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlite_recovery_tui.tui.widgets import profile
from sqlite_recovery_tui.tui.widgets.timeline_index import Index, Track
from sqlite_recovery_tui.tui.widgets.timeline_window import Window

NAME_CELLS = 8
"""Enough for a level's name, and for the beginning of a generation's that people quote."""
_MOST_EACH = 4
"""No lane is higher, however much room there is."""


@dataclass(frozen=True)
class Line:
    """One line of glyphs; `lane` is the number of its track, None for all as one."""

    lane: int | None
    name: str
    """Only in a lane's lowest line."""
    glyphs: str


@dataclass(frozen=True)
class Lanes:
    """The lanes as they are drawn."""

    lines: tuple[Line, ...]
    most: int
    """Bytes of the highest bar."""
    first: int
    """Number of the first lane that has a row of its own, and of the one behind the last."""
    end: int


def rows_for(lanes: int, room: int) -> int:
    """Return how many lines so many lanes take where there is room for `room`."""
    if lanes > room or not lanes:
        return max(1, room)
    return lanes * min(_MOST_EACH, max(1, room // lanes))


def scrolled(first: int, lane: int, lanes: int, rows: int) -> int:
    """Return the first lane to show so that `lane` is in view, moved no further than needed."""
    shown = rows if lanes <= rows else max(1, rows - 1)
    first = min(max(first, lane - shown + 1), lane)
    return max(0, min(first, lanes - shown))


def draw(index: Index, window: Window, rows: int, first: int = 0) -> Lanes:
    """Draw the lanes from number `first` on in `rows` lines.

    Where not all have room, the first line shows all of them as one.
    """
    tracks = index.tracks
    if len(tracks) <= rows:
        return _draw(list(enumerate(tracks)), window, rows // len(tracks), 0)
    if rows == 1:
        return _draw([(None, index.whole)], window, 1, 0)
    shown = list(enumerate(tracks))[first : first + rows - 1]
    return _draw([(None, index.whole), *shown], window, 1, first)


def _draw(shown: Sequence[tuple[int | None, Track]], window: Window, each: int, first: int) -> Lanes:
    made = [(number, track, profile.profile(track, window)) for number, track in shown]
    own = [made_profile.most for number, _, made_profile in made if number is not None]
    most = max(own or [made_profile.most for *_, made_profile in made])
    lines = []
    for number, track, made_profile in made:
        bars = profile.bars(made_profile, each, most if number is not None else None)
        name = track.name[:NAME_CELLS] if number is not None else "all"
        lines += [Line(number, name if row == each - 1 else "", bar) for row, bar in enumerate(bars)]
    return Lanes(tuple(lines), most, first, first + len(own))
