"""The glyphs of a history in the theme's colours, with the cursor's column behind them."""

from __future__ import annotations

from itertools import groupby

from textual.content import Content

from sqlite_recovery_tui.tui import text
from sqlite_recovery_tui.tui.widgets.profile import EARLIER, HOLE, LATER, NOTHING, PAUSE, QUIET, SNAPSHOT

CURSOR, FAULT = "▲", "✗"
_STYLES = {
    SNAPSHOT: "bold $text-accent",
    HOLE: "bold $text-error",
    FAULT: "bold $text-error",
    PAUSE: "$text-warning",
    NOTHING: text.FAINT,
    QUIET: text.FAINT,
    EARLIER: text.FAINT,
    LATER: text.FAINT,
}
_BAR = "$secondary"
_COLUMN, _OWN_COLUMN = "on $foreground 20%", "on $primary 55%"


def glyph_line(glyphs: str, cursor: int | None, *, own: bool = False) -> Content:
    """Return a line of a lane; the cursor stands out more in its own lane."""
    column = _OWN_COLUMN if own else _COLUMN

    def style(number: int) -> str:
        found = _STYLES.get(glyphs[number], _BAR)
        return f"{found} {column}" if number == cursor else found

    runs = groupby(range(len(glyphs)), key=style)
    return Content("").join(
        Content.styled("".join(glyphs[number] for number in numbers), found) for found, numbers in runs
    )


def axis_line(line: str, cursor: int | None) -> Content:
    """Return the line of times, with the cursor's arrow in it."""
    if cursor is None:
        return Content.styled(line, text.MUTED)
    return text.line(
        (line[:cursor], text.MUTED), (CURSOR, "bold $text-primary"), (line[cursor + 1 :], text.MUTED)
    )
