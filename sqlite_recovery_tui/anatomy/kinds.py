"""What a page is used for (SQLite file format, 1.5 to 1.8), by what is known or by its first byte alone.

The first byte tells a b-tree page from the others. A page that was freed keeps it, so only the walk from the
roots (`census`) knows for sure.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt

from sqlite_recovery_tui.formats.journal import lock_page

U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]


class Kind(IntEnum):
    """What a page is used for."""

    UNKNOWN = 0
    INDEX_INTERIOR = 2
    TABLE_INTERIOR = 5
    INDEX_LEAF = 10
    TABLE_LEAF = 13
    EMPTY = 20
    OVERFLOW = 21
    TRUNK = 22
    FREE = 23
    POINTER_MAP = 24
    LOCK = 25

    @property
    def word(self) -> str:
        """What it is called."""
        return _WORDS[self]

    @property
    def is_btree(self) -> bool:
        return Kind.UNKNOWN < self < Kind.EMPTY

    @property
    def is_interior(self) -> bool:
        return self in (Kind.INDEX_INTERIOR, Kind.TABLE_INTERIOR)

    @property
    def is_table(self) -> bool:
        return self in (Kind.TABLE_INTERIOR, Kind.TABLE_LEAF)


_WORDS = {
    Kind.UNKNOWN: "not known",
    Kind.INDEX_INTERIOR: "index interior",
    Kind.TABLE_INTERIOR: "table interior",
    Kind.INDEX_LEAF: "index leaf",
    Kind.TABLE_LEAF: "table leaf",
    Kind.EMPTY: "empty",
    Kind.OVERFLOW: "overflow",
    Kind.TRUNK: "freelist trunk",
    Kind.FREE: "freelist leaf",
    Kind.POINTER_MAP: "pointer map",
    Kind.LOCK: "lock page",
}
HEADER_BYTES = 100
"""In front of the b-tree on page 1."""
_OF_BYTE = np.zeros(256, dtype=np.uint8)
for _kind in (Kind.INDEX_INTERIOR, Kind.TABLE_INTERIOR, Kind.INDEX_LEAF, Kind.TABLE_LEAF):
    _OF_BYTE[_kind] = _kind


def kinds_of(numbers: U32, images: U8) -> U8:
    """Return what each page looks like by its first byte; `images` has shape (n, page size)."""
    if not len(numbers):
        return np.empty(0, dtype=np.uint8)
    first = images[:, 0].copy()
    places = np.flatnonzero(numbers == 1)
    first[places] = images[places, HEADER_BYTES]
    return _OF_BYTE[first]


def kind_of(number: int, image: bytes | memoryview) -> Kind:
    """Return what one page looks like; an all-zero one is told from others."""
    if number == lock_page(len(image)):
        return Kind.LOCK
    kind = Kind(int(_OF_BYTE[image[HEADER_BYTES if number == 1 else 0]]))
    if kind is Kind.UNKNOWN and not any(memoryview(image)[:16]) and not bytes(image).strip(b"\0"):
        return Kind.EMPTY
    return kind


def pointer_maps(pages: int, page_size: int, usable: int) -> U32:
    """Return the numbers of the pointer map pages in a database of `pages` that keeps them (1.8)."""
    per_map = usable // 5 + 1
    numbers = np.arange(2, pages + 1, per_map, dtype=np.uint32)
    numbers[numbers == lock_page(page_size)] += 1
    return numbers[numbers <= pages]
