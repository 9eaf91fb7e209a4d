"""YAML scalars → typed values, as strict as an operator would want and as lenient as Litestream is.

Text is taken as it was written (`bucket: 123` is the text "123"), but a bare `no` where text is
expected is refused: half of all readers would call it a mistake.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlite_recovery_tui.config.durations import (
    DURATION_EXAMPLES,
    SIZE_EXAMPLES,
    from_nanoseconds,
    parse_duration,
    parse_size,
)
from sqlite_recovery_tui.config.nodes import Scalar
from sqlite_recovery_tui.config.secret import Secret
from sqlite_recovery_tui.errors import ConfigError

_NULL = ("", "~", "null", "Null", "NULL")
_TRUE = ("true", "yes", "on", "y")
_FALSE = ("false", "no", "off", "n")
_AMBIGUOUS = frozenset(
    form
    for word in ("true", "yes", "on", "false", "no", "off")
    for form in (word, word.capitalize(), word.upper())
)
_INTEGER = re.compile(r"[+-]?(?:0|[1-9][0-9]{0,18})")
_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][+-]?[0-9]{1,3})?")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]|[\ud800-\udfff]")
_SHOWABLE = re.compile(r"[\x20-\x7e]{1,40}")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands, for errors: file, 1-based line, dotted key."""

    file: str
    line: int
    key: str

    def error(self, message: str, *, hint: str = "") -> ConfigError:
        """Return the error that says `message` about the key at this place."""
        text = f"{self.key}: {message}" if self.key else message
        return ConfigError(text, file=self.file, line=self.line, key=self.key, hint=hint)


Reader = Callable[[Scalar, Place], object]


def is_null(node: Scalar) -> bool:
    """Tell whether a value counts as not given."""
    return node.plain and node.value in _NULL


def text(node: Scalar, place: Place) -> str:
    """Return a text as it was written."""
    if node.plain and node.value in _AMBIGUOUS:
        raise place.error('text is expected, but YAML reads this word as true or false; put it in "quotes"')
    if _CONTROL.search(node.value):
        raise place.error("a control character does not belong here")
    return node.value


def secret(node: Scalar, place: Place) -> Secret:
    """Return a text that must not be shown."""
    return Secret(text(node, place))


def boolean(node: Scalar, place: Place) -> bool:
    """Return true or false, which YAML also writes yes, on, no, off; not in quotes."""
    word = node.value.lower()
    if node.plain and word in _TRUE + _FALSE:
        return word in _TRUE
    quotes = "" if node.plain or word not in _TRUE + _FALSE else " without quotes"
    raise place.error(f"expected true or false{quotes}{_shown(node)}")


def integer(node: Scalar, place: Place) -> int:
    """Return a whole number in plain decimal digits (a leading zero would make it octal)."""
    if node.plain and _INTEGER.fullmatch(node.value):
        return int(node.value)
    octal = node.plain and node.value.isdigit() and node.value.isascii()
    reason = "; YAML reads a leading zero as octal" if octal else ""
    raise place.error(f"expected a whole number such as 1000{_shown(node)}{reason}")


def duration(node: Scalar, place: Place) -> timedelta:
    """Return a duration as Go writes it; a bare integer counts nanoseconds, as in Litestream."""
    try:
        if node.plain and _INTEGER.fullmatch(node.value):
            return from_nanoseconds(int(node.value))
        return parse_duration(node.value)
    except ValueError as error:
        reason = str(error)
    expected = "" if DURATION_EXAMPLES in reason else f"; expected {DURATION_EXAMPLES}"
    raise place.error(f"{_subject(node)} is not a duration: {reason}{expected}")


def size(node: Scalar, place: Place) -> int:
    """Return a size in bytes: digits, or digits with KB, MiB and so on."""
    try:
        return parse_size(node.value)
    except ValueError as error:
        reason = str(error)
    expected = "" if SIZE_EXAMPLES in reason else f"; expected {SIZE_EXAMPLES}"
    raise place.error(f"{_subject(node)} is not a size: {reason}{expected}")


def one_of(*words: str) -> Reader:
    """Return a reader that takes one of `words`."""

    def read(node: Scalar, place: Place) -> str:
        if node.value in words:
            return node.value
        raise place.error(f"expected {' or '.join(words)}{_shown(node)}")

    return read


def anything(node: Scalar, place: Place) -> None:
    """Take any single value and drop it; for keys that have no effect here."""


def sql_value(node: Scalar, place: Place) -> str | int | float:
    """Return a value to compare an SQL result with: a number, or text when quoted or not a number."""
    if not node.plain:
        return node.value
    if node.value in _AMBIGUOUS:
        raise place.error('SQLite has no true or false: write 1 or 0, or put the word in "quotes"')
    if _INTEGER.fullmatch(node.value):
        return int(node.value)
    if _FLOAT.fullmatch(node.value):
        return float(node.value)
    return node.value


def _subject(node: Scalar) -> str:
    return f'"{node.value}"' if _may_show(node) else "the value"


def _shown(node: Scalar) -> str:
    return f', not "{node.value}"' if _may_show(node) else ""


def _may_show(node: Scalar) -> bool:
    """Only what is short and was typed into the file is repeated; a variable may hold a secret."""
    return not node.inserted and _SHOWABLE.fullmatch(node.value) is not None
