"""The rollback journal (SQLite file format, section 3): what a database held before an update began.

SQLite, of any version, finds such a journal beside the database and puts everything back before it reads.
"""

from __future__ import annotations

import struct

import numpy as np
import numpy.typing as npt

MAGIC = bytes.fromhex("d9d505f920a163d7")
HEADER_SIZE = 512
"""The header takes a whole sector, of the smallest size there is."""
OVERHEAD = 8
"""Bytes of a record besides the page: its number in front, its checksum behind."""
_LOCK_BYTE = 0x40000000
_CHECKED_EVERY = 200


def lock_page(page_size: int) -> int:
    """Return the number of the page that SQLite never uses, since locks are taken on its bytes."""
    return _LOCK_BYTE // page_size + 1


def header(*, records: int, nonce: int, pages: int, page_size: int) -> bytes:
    """Return the journal's first sector; `pages` is the database's size when the update began."""
    fields = struct.pack(">8s5I", MAGIC, records, nonce, pages, HEADER_SIZE, page_size)
    return fields.ljust(HEADER_SIZE, b"\0")


def room(count: int, page_size: int) -> npt.NDArray[np.uint8]:
    """Return `count` empty records; the page of each lies between its bytes 4 and -4."""
    return np.zeros((count, page_size + OVERHEAD), dtype=np.uint8)


def seal(records: npt.NDArray[np.uint8], numbers: npt.NDArray[np.uint32], nonce: int) -> None:
    """Give records that hold their pages the page numbers and the checksums."""
    page_size = records.shape[1] - OVERHEAD
    records[:, :4] = _big_endian(numbers)
    checked = records[:, 4:-4][:, page_size - _CHECKED_EVERY : 0 : -_CHECKED_EVERY]
    sums = checked.sum(axis=1, dtype=np.uint32) + np.uint32(nonce)
    records[:, -4:] = _big_endian(sums)


def _big_endian(numbers: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint8]:
    return numbers.astype(">u4").view(np.uint8).reshape(-1, 4)
