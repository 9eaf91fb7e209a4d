"""Records (SQLite file format, 2.1): the values of a row or an index entry, as far as they are there."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from sqlite_recovery_tui.anatomy.cells import varint

Value = int | float | str | bytes | None
_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
_REAL = 7
_SHOWN_TEXT = 40


@dataclass(frozen=True, slots=True)
class Field:
    """One value: what it is, and how many bytes it takes; `whole` tells whether all of them were there."""

    value: Value
    size: int
    whole: bool = True


def fields(data: bytes | memoryview, encoding: str, *, most: int = 2000) -> Iterator[Field]:
    """Yield the values of the record that `data` begins with, `most` at most, until they are cut off."""
    head, at = varint(data, 0)
    body = head
    for _ in range(most):
        if at >= min(head, len(data)) or body > len(data):
            return
        code, at = varint(data, at)
        size = size_of(code)
        part = bytes(data[body : body + size])
        yield Field(_value(code, part, size, encoding), size, len(part) == size)
        body += size


def size_of(code: int) -> int:
    """Return how many bytes a value of serial type `code` takes."""
    if code >= 12:
        return (code - 12) // 2
    return 8 if code == _REAL else _INTEGERS.get(code, 0)


def _value(code: int, part: bytes, size: int, encoding: str) -> Value:
    if code in (0, 10, 11):
        return None
    if code in (8, 9):
        return code - 8
    if code >= 12:
        return part if code % 2 == 0 else part.decode(encoding, "replace")
    if len(part) < size:
        return None
    return struct.unpack(">d", part)[0] if code == _REAL else int.from_bytes(part, "big", signed=True)


def summary(data: bytes | memoryview, encoding: str, *, most: int = 12) -> str:
    """Return the first values of a record on one line: `17, 'blue', NULL, blob of 1,200 bytes`."""
    found = list(fields(data, encoding, most=most + 1))
    words = [_word(field) for field in found[:most]]
    return ", ".join(words) + (", …" if len(found) > most else "")


def _word(field: Field) -> str:
    value = field.value
    if value is None:
        return "NULL" if field.whole else "cut off"
    if isinstance(value, bytes):
        return f"blob of {field.size:,} bytes"
    if isinstance(value, str):
        cut = "…" if len(value) > _SHOWN_TEXT or not field.whole else ""
        return f"'{value[:_SHOWN_TEXT]}{cut}'"
    return repr(value)
