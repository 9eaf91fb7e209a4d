"""The cells of a b-tree page (SQLite file format, 1.6): where each lies, its key, where it leads to."""

from __future__ import annotations

from dataclasses import dataclass

from sqlite_recovery_tui.anatomy.kinds import Kind

_LONGEST_VARINT = 9
_SMALLEST_CELL = 4
"""A freed cell must have room for a free block's head."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell, counted from 0 in the order of its keys."""

    number: int
    start: int
    end: int
    """From and up to which byte of the page."""
    child: int = 0
    """The page whose keys come before this one; 0 on leaves."""
    rowid: int | None = None
    """Of tables."""
    payload: int = 0
    """Bytes of its record, wherever they lie."""
    local: int = 0
    """Bytes of its record on this page."""
    body: int = 0
    """Where the record begins on the page."""
    overflow: int = 0
    """The page where the record goes on; 0 when it is all here."""

    @property
    def size(self) -> int:
        return self.end - self.start


def parse_cell(image: bytes, kind: Kind, number: int, at: int, usable: int) -> Cell | None:
    """Return the cell that begins at byte `at`; None when it does not lie within the page."""
    child, place = 0, at
    if kind.is_interior:
        if at + 4 > usable:
            return None
        child, place = int.from_bytes(image[at : at + 4], "big"), at + 4
    if kind is Kind.TABLE_INTERIOR:
        rowid, place = varint(image, place)
        return Cell(number, at, place, child, signed(rowid)) if place <= usable else None
    payload, place = varint(image, place)
    key: int | None = None
    if kind is Kind.TABLE_LEAF:
        unsigned, place = varint(image, place)
        key = signed(unsigned)
    local = local_bytes(kind, payload, usable)
    end = place + local
    overflow = 0
    if local < payload:
        overflow = int.from_bytes(image[end : end + 4], "big")
        end += 4
    end = max(end, at + _SMALLEST_CELL)
    if place > usable or end > usable:
        return None
    return Cell(number, at, end, child, key, payload, local, place, overflow)


def local_bytes(kind: Kind, payload: int, usable: int) -> int:
    """Return how much of a record lies on its page (SQLite file format, 1.6)."""
    most = usable - 35 if kind is Kind.TABLE_LEAF else (usable - 12) * 64 // 255 - 23
    if payload <= most:
        return payload
    least = (usable - 12) * 32 // 255 - 23
    wanted = least + (payload - least) % (usable - 4)
    return wanted if wanted <= most else least


def varint(data: bytes | memoryview, at: int) -> tuple[int, int]:
    """Return the number that begins at byte `at`, and where it ends; beyond the data it is as if zero."""
    value = 0
    for place in range(at, at + _LONGEST_VARINT - 1):
        byte = data[place] if place < len(data) else 0
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, place + 1
    last = at + _LONGEST_VARINT - 1
    return value << 8 | (data[last] if last < len(data) else 0), last + 1


def signed(value: int) -> int:
    """Return 64 bits as the signed number that they are."""
    return value - (1 << 64) if value >= 1 << 63 else value
