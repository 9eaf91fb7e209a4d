"""The one helper that turns data into text a terminal may show.

Keys, names, values and messages from outside pass through here before they reach a widget: nothing in
them is markup, an escape sequence, a direction override or a line of its own.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Literal

from rich.cells import cell_len, set_cell_size
from textual.content import Content

Align = Literal["left", "right"]
Part = str | Content | tuple[object, str]
"""A piece of a line: our own words or data, or data with a style."""

MUTED = "$foreground 62%"
FAINT = "$foreground 38%"
"""Styles of what matters less; `$text-muted` has no colour of its own inside a text."""

LIMIT = 2_000
"""Characters of one value that are looked at unless the caller says otherwise."""
ELLIPSIS = "…"
_MAX_MARKS = 3
"""Combining marks kept on one character; more of them would paint over neighbouring lines."""
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0"}
_REPLACEMENT = "\ufffd"


def safe(value: object, limit: int = LIMIT) -> str:
    """Return `value` as one line of printable text; what cannot be shown is spelt out (`\\x1b`)."""
    text = value if isinstance(value, str) else str(value)
    cut = len(text) > limit
    if cut:
        text = text[:limit]
    if not (text.isascii() and text.isprintable()):
        text = _spell_out(text)
    return text + ELLIPSIS if cut else text


def safe_lines(value: object, limit: int = 100_000) -> list[str]:
    """Return `value` as safe lines, broken where it breaks lines itself."""
    text = str(value)
    lines = [safe(line, limit) for line in text[:limit].replace("\r\n", "\n").split("\n")]
    if len(text) > limit:
        lines.append(f"{ELLIPSIS} {len(text) - limit:,} more characters")
    return lines


def content(value: object, style: str = "", limit: int = LIMIT) -> Content:
    """Return data as text that is never read as markup."""
    if isinstance(value, Content):
        return value
    return Content.styled(safe(value, limit), style) if style else Content(safe(value, limit))


def line(*parts: Part) -> Content:
    """Join words and data into one piece of text, each made safe on its own."""
    return Content("").join(
        content(part[0], part[1]) if isinstance(part, tuple) else content(part) for part in parts
    )


def lines(*rows: Content | str) -> Content:
    """Stack rows of text; a plain string is one row."""
    return Content("\n").join(content(row) for row in rows)


def width(text: str) -> int:
    """Return the cells that safe text takes."""
    return cell_len(text)


def fit(text: str, cells: int, align: Align = "left") -> str:
    """Return safe text in exactly `cells` cells, padded, or cut with an ellipsis."""
    if cells <= 0:
        return ""
    taken = cell_len(text)
    if taken > cells:
        return set_cell_size(text, cells - 1) + ELLIPSIS
    padding = " " * (cells - taken)
    return padding + text if align == "right" else text + padding


def middle(text: str, cells: int) -> str:
    """Return safe text in at most `cells` cells, cut in the middle so that both ends stay readable."""
    if cell_len(text) <= cells:
        return text
    if cells < 5:
        return fit(text, cells)
    head = (cells - 1) // 2
    tail = cells - 1 - head
    start = set_cell_size(text, head)
    end = text[-tail:]
    while cell_len(end) > tail:
        end = end[1:]
    return start + ELLIPSIS + end


def widest(texts: Sequence[str], least: int = 0, most: int = 40) -> int:
    """Return the cells the widest of `texts` takes, within bounds."""
    return max(least, min(most, max((cell_len(text) for text in texts), default=least)))


def _spell_out(text: str) -> str:
    shown: list[str] = []
    marks = 0
    for character in text:
        category = unicodedata.category(character)
        if category in ("Mn", "Me"):
            marks += 1
            if marks <= _MAX_MARKS and not "\ufe00" <= character <= "\ufe0f":
                shown.append(character)
            continue
        marks = 0
        shown.append(_visible(character, category))
    return "".join(shown)


def _visible(character: str, category: str) -> str:
    if character == " " or (character.isprintable() and not _joins(character)):
        return character
    if category == "Zs":
        return " "
    if category in ("Cs", "Cn"):
        return _REPLACEMENT
    if named := _NAMED.get(character):
        return named
    point = ord(character)
    return f"\\x{point:02x}" if point < 0x100 else f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"


def _joins(character: str) -> bool:
    """Tell whether some terminals draw it into the character before it, and others beside it."""
    return "\U0001f1e6" <= character <= "\U0001f1ff" or "\U0001f3fb" <= character <= "\U0001f3ff"
