"""Values as SQL that brings back the same ones."""

from __future__ import annotations

import math

from sqlite_recovery_tui.sqlite.comparison import BrokenText, Value


def literal(value: Value) -> str:
    """Return a value as an SQL literal: blobs, broken text, NUL in text, every digit, infinities."""
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bytes):
        return f"X'{value.hex()}'"
    if isinstance(value, BrokenText):
        return f"CAST(X'{value.data.hex()}' AS TEXT)"
    return _number(value)


def _text(value: str) -> str:
    if "\0" not in value:
        return _string(value)
    # It would end the statement where it stands.
    return f"({'||char(0)||'.join(map(_string, value.split(chr(0))))})"


def _number(value: float) -> str:
    if isinstance(value, float) and math.isinf(value):
        return "9e999" if value > 0 else "-9e999"  # what SQLite reads as an infinity
    return repr(value)


def _string(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
