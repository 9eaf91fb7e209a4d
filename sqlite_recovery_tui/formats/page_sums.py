"""A checksum of a whole database that does not depend on the order in which its pages are seen.

It is the XOR of one XXH3 of 64 bits for each page, seeded with the page's number from 1: whoever knows those
of the pages that change can keep it up without reading the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xxhash

U64 = npt.NDArray[np.uint64]
PIECE_BYTES = 4 << 20
"""A multiple of every page size."""


@dataclass(frozen=True, slots=True)
class DatabaseSum:
    """How large a database was, and the checksum of all of it."""

    pages: int
    sum: int


def of_page(number: int, page: bytes | memoryview) -> int:
    """Return the checksum of page `number`, from 1."""
    return xxhash.xxh3_64_intdigest(page, number)


def of_pages(first: int, data: bytes | memoryview, page_size: int) -> U64:
    """Return the checksums of the whole pages in `data`, of which the first has number `first`."""
    view = memoryview(data)
    count = len(view) // page_size
    digest = xxhash.xxh3_64_intdigest
    return np.fromiter(
        (digest(view[at * page_size : (at + 1) * page_size], first + at) for at in range(count)),
        dtype=np.uint64,
        count=count,
    )


def together(sums: U64) -> int:
    """Return the checksum of a database of the checksums of its pages."""
    return int(np.bitwise_xor.reduce(sums)) if len(sums) else 0


def of_database(
    read: Callable[[int, int], bytes], size: int, page_size: int, check: Callable[[], None] = lambda: None
) -> DatabaseSum:
    """Return the checksum of what `read(offset, length)` gives; `check` is called now and then.

    Raise OSError.
    """
    total = 0
    for at in range(0, size, PIECE_BYTES):
        check()
        data = read(at, min(PIECE_BYTES, size - at))
        total ^= together(of_pages(at // page_size + 1, data, page_size))
    return DatabaseSum(size // page_size, total)
