"""One value in every form that helps to read it: lines of text, JSON, a hint of a date or picture; pure."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from rich.cells import cell_len

from sqlite_recovery_tui.tui import phrases, text

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+')
_UNITS = ((1.0, "seconds"), (1e3, "milliseconds"), (1e6, "microseconds"), (1e9, "nanoseconds"))
_EARLIEST, _LATEST = (
    datetime(1990, 1, 1, tzinfo=UTC).timestamp(),
    datetime(2100, 1, 1, tzinfo=UTC).timestamp(),
)
_JULIAN_EPOCH = 2440587.5
"""1970-01-01 00:00 UTC as a Julian day."""
MOST_DEPTH = 200
"""Of JSON; what lies deeper is shown as text."""


@dataclass(frozen=True, slots=True)
class Forms:
    """A value as lines, for one width."""

    text: tuple[str, ...] = ()
    json: tuple[str, ...] = ()
    """Empty when it is no JSON."""


def forms_of(value: str, width: int, *, whole: bool) -> Forms:
    """Return text as lines of at most `width` cells, and as JSON if it is all there and is some."""
    pretty = tuple(wrapped(pretty_json(value), width)) if whole and value.lstrip()[:1] in ("{", "[") else ()
    return Forms(tuple(wrapped(value.replace("\r\n", "\n").split("\n"), width)), pretty)


def text_of(data: bytes) -> str | None:
    """Return the bytes of a blob as text if they are UTF-8, a last character that is cut left out."""
    if b"\0" in data:
        return None
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        return None


def pretty_json(value: str) -> list[str]:
    """Return JSON over several lines, every token as it was; nothing for what is no JSON."""
    try:
        json.loads(value, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return []
    return list(_indented(_TOKEN.findall(value)))


def _indented(parts: list[str]) -> Iterator[str]:
    line, depth, number = "", 0, 0
    while number < len(parts):
        part = parts[number]
        following = parts[number + 1] if number + 1 < len(parts) else ""
        if part in ("[", "{") and following in ("]", "}"):
            line, number = line + part + following, number + 1
        elif part in ("[", "{"):
            yield line + part
            depth += 1
            line = "  " * min(depth, MOST_DEPTH)
        elif part in ("]", "}"):
            yield line
            depth -= 1
            line = "  " * min(depth, MOST_DEPTH) + part
        elif part == ",":
            yield line + part
            line = "  " * min(depth, MOST_DEPTH)
        else:
            line += ": " if part == ":" else part
        number += 1
    yield line


def wrapped(lines: list[str], width: int) -> Iterator[str]:
    """Yield safe lines of at most `width` cells."""
    for line in lines:
        shown = text.safe(line, len(line))
        if len(shown) <= width and (shown.isascii() or cell_len(shown) <= width):
            yield shown
        elif shown.isascii():
            yield from _by_words(shown, width)
        else:
            yield from _by_cells(shown, width)


def _by_words(shown: str, width: int) -> Iterator[str]:
    """Yield pieces of plain text, broken behind a space where one is near the end of the line."""
    start = 0
    while start < len(shown):
        end = start + width
        space = shown.rfind(" ", start + width * 2 // 3, end) + 1 if end < len(shown) else 0
        yield shown[start : space or end]
        start = space or end


def _by_cells(shown: str, width: int) -> Iterator[str]:
    piece: list[str] = []
    taken = 0
    for letter in shown:
        cells = cell_len(letter)
        if taken + cells > width:
            yield "".join(piece)
            piece, taken = [], 0
        piece.append(letter)
        taken += cells
    yield "".join(piece)


def dates_of(number: int | float) -> list[str]:
    """Return which moments a number may mean: Unix time in some unit, or a Julian day."""
    found = []
    for factor, unit in _UNITS:
        seconds = number / factor
        if _EARLIEST <= seconds <= _LATEST:
            moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
            found.append(f"{phrases.utc(moment, fine=True)} as Unix {unit}")
    if isinstance(number, float):
        seconds = (number - _JULIAN_EPOCH) * 86400
        if _EARLIEST <= seconds <= _LATEST:
            moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=round(seconds, 3))
            found.append(f"{phrases.utc(moment)} as a Julian day")
    return found
