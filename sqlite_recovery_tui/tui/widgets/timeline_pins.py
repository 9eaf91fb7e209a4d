"""The line of pins under the lanes: what was proven, what is damaged, what was asked for, where now is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from textual.content import Content

from sqlite_recovery_tui.tui.widgets.timeline_window import Window

_KEPT = "\xa0"
"""A blank that no glyph may take."""


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
    urgent: bool = False
    """Its words may hide what matters less."""


def pin_line(window: Window, pins: Sequence[Pin]) -> Content:
    """Return the line of pins; the first ones matter most and are not hidden by later ones."""
    cells: list[tuple[str, str]] = [(" ", "")] * window.cells
    told: set[str] = set()
    seen = [pin for pin in pins if window.holds(pin.moment)]
    for urgent in (True, False):
        placed = [pin for pin in seen if pin.urgent == urgent and _place(cells, window.slot(pin.moment), pin)]
        for pin in placed:
            _tell(cells, window.slot(pin.moment), pin, told)
    return Content("").join(
        Content.styled(glyphs.replace(_KEPT, " "), style) for glyphs, style in _runs(cells)
    )


def _place(cells: list[tuple[str, str]], place: int, pin: Pin) -> bool:
    """Put a pin's glyph where it belongs; False where something that matters more stands."""
    is_free = cells[place][0] == " "
    if is_free:
        cells[place] = (pin.glyph, pin.style)
    return is_free


def _tell(cells: list[tuple[str, str]], place: int, pin: Pin, told: set[str]) -> None:
    """Write the words of a pin beside it, once for all that have the same."""
    first, _, rest = pin.words.partition(" ")
    tries = (pin.words, first) if rest else (first,)
    if first and first not in told and any(_write(cells, place, words, pin.style) for words in tries):
        told.add(first)


def _write(cells: list[tuple[str, str]], place: int, words: str, style: str) -> bool:
    """Write words behind the glyph of a pin, or in front of it; False where there is no room."""
    for start, kept in ((place + 1, _KEPT + words), (place - 1 - len(words), words + _KEPT)):
        around = range(max(0, start - 1), min(len(cells), start + len(kept) + 1))
        clear = all(cells[number][0] in (" ", _KEPT) for number in around if number != place)
        if start >= 0 and start + len(kept) <= len(cells) and clear:
            cells[start : start + len(kept)] = [(glyph, style) for glyph in kept]
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
