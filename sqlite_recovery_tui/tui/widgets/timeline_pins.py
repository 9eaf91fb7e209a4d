"""The line of pins under the lanes: what was proven, what is damaged, what was asked for, where now is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from textual.content import Content

from sqlite_recovery_tui.tui.widgets.timeline_window import Window


@dataclass(frozen=True, slots=True)
class Pin:
    """A moment that is pointed out, by a glyph, and by words where there is room for them."""

    moment: datetime
    glyph: str
    words: str
    """Our own, one cell to a character; the first alone where there is no room for all."""
    style: str
    lane: int | None = None
    """The lane that it stands in as well; None: only under the lanes."""


def pin_line(window: Window, pins: Sequence[Pin]) -> Content:
    """Return the line of pins; the first ones matter most and are not hidden by later ones."""
    cells: list[tuple[str, str]] = [(" ", "")] * window.cells
    placed = []
    for pin in pins:
        place = window.slot(pin.moment)
        if window.holds(pin.moment) and cells[place][0] == " ":
            cells[place] = (pin.glyph, pin.style)
            placed.append((place, pin))
    told: set[str] = set()
    for place, pin in placed:
        first, _, rest = pin.words.partition(" ")
        if (
            first
            and first not in told
            and any(
                _write(cells, place, words, pin.style) for words in ((pin.words, first) if rest else (first,))
            )
        ):
            told.add(first)
    return Content("").join(Content.styled(*run) for run in _runs(cells))


def _write(cells: list[tuple[str, str]], place: int, words: str, style: str) -> bool:
    """Write words behind the glyph of a pin, or in front of it; False where there is no room."""
    length = len(words)
    for start in (place + 2, place - 1 - length):
        around = cells[max(0, start - 1) : start + length + 1]
        clear = [cell for number, cell in enumerate(around, max(0, start - 1)) if number != place]
        if start >= 0 and start + length <= len(cells) and all(glyph == " " for glyph, _ in clear):
            for number, glyph in enumerate(words):
                cells[start + number] = (glyph, style)
            return True
    return False


def _runs(cells: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    runs: list[tuple[str, str]] = []
    for glyph, style in cells:
        if runs and (runs[-1][1] == style or glyph == " "):
            runs[-1] = (runs[-1][0] + glyph, runs[-1][1])
        else:
            runs.append((glyph, style))
    return runs
