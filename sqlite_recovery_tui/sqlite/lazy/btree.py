"""Which pages a page of a b-tree leads to, in the order in which a scan meets them (SQLite file format, 1.6).

Only for reading ahead: a page that is none, or lies, gives nothing or wrong numbers, never an error.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

_INDEX_INTERIOR, _TABLE_INTERIOR, _INDEX_LEAF, _TABLE_LEAF = 2, 5, 10, 13
_KINDS = (_INDEX_INTERIOR, _TABLE_INTERIOR, _INDEX_LEAF, _TABLE_LEAF)
_FILE_HEADER = 100
_MOST_TAILS = 1024
_LONGEST_VARINT = 9


@dataclass(frozen=True, slots=True)
class Links:
    """Page numbers, not checked against anything."""

    children: Sequence[int] = ()
    heads: Sequence[int] = ()
    """First overflow page of each row that has one."""
    tails: Sequence[int] = ()
    """The overflow pages behind the first ones, if they lie together as they mostly do."""


def links(image: bytes, page: int, usable: int) -> Links:
    """Return where page number `page` leads to; `usable` is its size without the reserved bytes."""
    start = _FILE_HEADER if page == 1 else 0
    kind = image[start]
    if kind not in _KINDS:
        return Links()
    interior = kind in (_INDEX_INTERIOR, _TABLE_INTERIOR)
    cells, pointers_at = _number(image, start + 3, 2), start + (12 if interior else 8)
    if pointers_at + 2 * cells > len(image):
        return Links()
    pointers = struct.unpack_from(f">{cells}H", image, pointers_at)
    children: list[int] = []
    if interior:
        children = [_number(image, pointer, 4) for pointer in pointers]
        children.append(_number(image, start + 8, 4))
    if kind == _TABLE_INTERIOR:
        return Links(children)
    return Links(children, *_overflow(image, pointers, kind, usable))


def _overflow(image: bytes, pointers: tuple[int, ...], kind: int, usable: int) -> tuple[list[int], list[int]]:
    skip = 4 if kind == _INDEX_INTERIOR else 0
    most = usable - 35 if kind == _TABLE_LEAF else (usable - 12) * 64 // 255 - 23
    least = (usable - 12) * 32 // 255 - 23
    # A first byte above 127 begins a longer number. Only so many cells of that size fit into a page.
    bound, end = min(most, 127), len(image) - skip - 2 * _LONGEST_VARINT
    large = [pointer + skip for pointer in pointers if pointer < end and image[pointer + skip] > bound]
    heads: list[int] = []
    tails: list[int] = []
    for cell in large[: len(image) // min(bound, least)]:
        payload, at = _varint(image, cell)
        if payload <= most:
            continue
        if kind == _TABLE_LEAF:
            _, at = _varint(image, at)
        local = least + (payload - least) % (usable - 4)
        local = local if local <= most else least
        head = _number(image, at + local, 4)
        heads.append(head)
        behind = (payload - local - 1) // (usable - 4)
        tails += range(head + 1, head + 1 + min(behind, _MOST_TAILS - len(tails)))
    return heads, tails


def _number(image: bytes, at: int, size: int) -> int:
    return int.from_bytes(image[at : at + size], "big")


def _varint(image: bytes, at: int) -> tuple[int, int]:
    value = 0
    for index in range(_LONGEST_VARINT - 1):
        byte = image[at + index]
        value = value << 7 | byte & 127
        if byte < 128:
            return value, at + index + 1
    return value << 8 | image[at + _LONGEST_VARINT - 1], at + _LONGEST_VARINT
