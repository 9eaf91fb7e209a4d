"""WALs made to measure, with the checksum written as the SQLite file format states it: word by word."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

HEADER_BYTES = 32
FRAME_HEADER_BYTES = 24


def sequential_checksum(data: bytes, start: tuple[int, int], *, big_endian: bool) -> tuple[int, int]:
    """Continue the chained checksum of SQLite file format section 4.2 over `data`, pair by pair."""
    s0, s1 = start
    for x0, x1 in struct.iter_unpack(">II" if big_endian else "<II", data):
        s0 = (s0 + x0 + s1) & 0xFFFFFFFF
        s1 = (s1 + x1 + s0) & 0xFFFFFFFF
    return s0, s1


@dataclass
class Wal:
    """One WAL under construction: `data` is the file so far."""

    page_size: int = 512
    big_endian: bool = False
    sequence: int = 0
    salts: tuple[int, int] = (0x11111111, 0x22222222)
    data: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        magic = 0x377F0683 if self.big_endian else 0x377F0682
        head = struct.pack(">6I", magic, 3007000, self.page_size, self.sequence, *self.salts)
        self.checksum = sequential_checksum(head, (0, 0), big_endian=self.big_endian)
        self.data += head + struct.pack(">II", *self.checksum)

    @property
    def frame_bytes(self) -> int:
        return FRAME_HEADER_BYTES + self.page_size

    @property
    def frames(self) -> int:
        return (len(self.data) - HEADER_BYTES) // self.frame_bytes

    def frame(self, page: int, commit: int, image: bytes) -> Wal:
        """Append a frame; `commit` is the database size in pages when it ends a transaction, else 0."""
        assert len(image) == self.page_size
        lead = struct.pack(">II", page, commit)
        self.checksum = sequential_checksum(lead + image, self.checksum, big_endian=self.big_endian)
        self.data += lead + struct.pack(">II", *self.salts) + struct.pack(">II", *self.checksum) + image
        return self

    def image(self, tag: object) -> bytes:
        """Return a page that tells `tag` and fills the page size."""
        text = f"<{tag}>".encode()
        return (text * (self.page_size // len(text) + 1))[: self.page_size]

    def transaction(self, pages: Iterable[tuple[int, object]], size: int) -> Wal:
        """Append one transaction of (page, tag) pairs that leaves a database of `size` pages."""
        listed = list(pages)
        for number, (page, tag) in enumerate(listed, start=1):
            self.frame(page, size if number == len(listed) else 0, self.image(tag))
        return self

    def end_of(self, frames: int) -> int:
        """Return the offset at which frame number `frames` (1-based) ends."""
        return HEADER_BYTES + frames * self.frame_bytes


def rechained(data: bytes) -> bytes:
    """Return a WAL with the checksums that its frames should have, as a forger would seal it again."""
    (page_size,) = struct.unpack_from(">I", data, 8)
    big_endian = data[3] == 0x83
    sealed = bytearray(data[:24])
    checksum = sequential_checksum(data[:24], (0, 0), big_endian=big_endian)
    sealed += struct.pack(">II", *checksum)
    step = FRAME_HEADER_BYTES + page_size
    for at in range(HEADER_BYTES, len(data), step):
        head, image = data[at : at + 16], data[at + FRAME_HEADER_BYTES : at + step]
        checksum = sequential_checksum(head[:8] + image, checksum, big_endian=big_endian)
        sealed += head + struct.pack(">II", *checksum) + image
    return bytes(sealed)
