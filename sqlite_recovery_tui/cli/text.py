"""Data as text that is safe on a terminal, measured in its columns.

Everything that did not come from this program's own source passes through `printable` before it is shown.
"""

from __future__ import annotations

import unicodedata
from datetime import timedelta

_MAX_MARKS = 3
"""Combining marks on one character; more of them paint over neighbouring lines."""


def printable(text: object) -> str:
    """Return `text` with every control, invisible and reordering character spelt out."""
    raw = str(text)
    if raw.isascii() and raw.isprintable():
        return raw
    shown, marks = [], 0
    for char in raw:
        marks = marks + 1 if _is_mark(char) else 0
        shown.append(char if char.isprintable() and marks <= _MAX_MARKS else _escape(char))
    return "".join(shown)


def _is_mark(char: str) -> bool:
    return unicodedata.category(char) in ("Mn", "Me")


def _escape(char: str) -> str:
    named = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(char)
    if named:
        return named
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def cell_width(text: str) -> int:
    """Return how many terminal columns printable `text` takes."""
    if text.isascii():
        return len(text)
    return sum(_char_width(char) for char in text)


def _char_width(char: str) -> int:
    if _is_mark(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def pad(text: str, width: int) -> str:
    """Return `text` filled with spaces to `width` columns."""
    return text + " " * (width - cell_width(text))


def go_duration(length: timedelta) -> str:
    """Return a lag as Litestream prints it: `1h2m3s`, `1.5s`, `-3ms`; cut, the finer the shorter."""
    micros = length // timedelta(microseconds=1)
    sign, micros = ("-", -micros) if micros < 0 else ("", micros)
    if micros == 0:
        return "0s"
    if micros < 1000:
        return f"{sign}{micros}µs"
    if micros < 1_000_000:
        return f"{sign}{micros // 1000}ms"
    if micros <= 10_000_000:
        return f"{sign}{micros // 100_000 / 10:g}s"
    seconds = micros // 1_000_000
    hours, minutes, rest = seconds // 3600, seconds // 60 % 60, seconds % 60
    text = f"{rest}s"
    if seconds >= 60:
        text = f"{minutes}m{text}"
    if seconds >= 3600:
        text = f"{hours}h{text}"
    return sign + text
