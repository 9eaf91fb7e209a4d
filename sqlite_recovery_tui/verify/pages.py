"""Which pages of two database files at rest differ: a table none of whose pages does has the same rows.

A table is the tree of pages below its root. Where both begin at the same page, and every page of one has the
same bytes on the other side, the other tree is that one (SQLite file format, sections 1.6 and 2.1).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from sqlite_recovery_tui.errors import FormatError
from sqlite_recovery_tui.formats import header
from sqlite_recovery_tui.progress import CancelToken, Progress, ProgressFn

_CHUNK_BYTES = 1 << 20
_RESERVED = slice(20, 21)  # bytes at the end of each page that are nobody's (section 1.3.4)
_MOST_PAGES = 1 << 24
"""Of more, the map would be too large to be handed on."""
_MOST_SHARE = 0.5
"""Where more pages differ than this, hardly any table is the same."""


def differing_pages(
    left: Path, right: Path, *, progress: ProgressFn, cancel: CancelToken | None
) -> bytes | None:
    """Return a bit for each page, page 1 first, from the lowest bit on: set where the files differ.

    None where that says nothing: pages of another size, more than half of them different, files too large.
    Raises `OSError`, `Cancelled`.
    """
    with left.open("rb") as one, right.open("rb") as other:
        size = _page_size(one, other)
        lengths = [os.fstat(file.fileno()).st_size for file in (one, other)]
        pages = -(-max(lengths) // size) if size else 0
        if not 0 < pages <= _MOST_PAGES:
            return None
        found = bytearray(-(-pages // 8))
        differing = 0
        for start in range(0, max(lengths), _CHUNK_BYTES):
            if cancel is not None:
                cancel.check()
            progress(Progress("looking for pages that differ", start, max(lengths), "bytes"))
            chunks = one.read(_CHUNK_BYTES), other.read(_CHUNK_BYTES)
            if chunks[0] != chunks[1]:
                for page in _unequal(*chunks, size):
                    number = start // size + page
                    found[number // 8] |= 1 << (number % 8)
                    differing += 1
            if differing > pages * _MOST_SHARE:
                return None
    return bytes(found)


def _page_size(one: BinaryIO, other: BinaryIO) -> int:
    """Return the size of the pages of both, leaving both at their beginning; 0 where they are not alike."""
    heads = [file.read(header.SIZE) for file in (one, other)]
    for file in (one, other):
        file.seek(0)
    try:
        sizes = {header.parse(head).page_size for head in heads}
    except FormatError:
        return 0
    is_alike = len(sizes) == 1 and heads[0][_RESERVED] == heads[1][_RESERVED]
    return sizes.pop() if is_alike else 0


def _unequal(one: bytes, other: bytes, size: int) -> list[int]:
    length = max(len(one), len(other))
    starts = range(0, length, size)
    return [
        number
        for number, start in enumerate(starts)
        if one[start : start + size] != other[start : start + size]
    ]
