"""The last 16 bytes of an LTX file: the checksum of the database, if kept, and that of the file."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from sqlite_recovery_tui.errors import FormatError
from sqlite_recovery_tui.formats.ltx.header import SEAL, Header
from sqlite_recovery_tui.formats.ltx.index import TRAILER_SIZE

_LAYOUT = struct.Struct(">QQ")


@dataclass(frozen=True, slots=True)
class Trailer:
    """Both checksums as they are stored, with bit 63 set; `post_apply` is 0 where none is kept."""

    post_apply: int
    checksum: int

    @classmethod
    def parse(cls, data: bytes | bytearray | memoryview, header: Header, *, at: int = 0) -> Trailer:
        """Read 16 bytes that stand at byte `at`; raise `FormatError` when they break a rule."""
        if len(data) < TRAILER_SIZE:
            raise FormatError(f"LTX trailer cut short: {len(data)} of {TRAILER_SIZE} bytes", offset=at)
        trailer = cls(*_LAYOUT.unpack_from(data))
        if header.has_database_checksum and not trailer.post_apply & SEAL:
            raise FormatError("LTX trailer lacks the database checksum its header promises", offset=at)
        if not header.has_database_checksum and trailer.post_apply:
            raise FormatError("LTX trailer has a database checksum where none is allowed", offset=at)
        if not trailer.checksum & SEAL:
            raise FormatError("LTX trailer lacks the checksum of the file", offset=at + 8)
        return trailer

    def check(self, crc: int, *, at: int) -> None:
        """Raise `FormatError` unless the file's checksum, as computed, is the stored one."""
        if crc | SEAL != self.checksum:
            raise FormatError(
                "LTX file checksum does not hold: the file was damaged after it was written", offset=at + 8
            )

    def check_database(self, pages_sum: int, *, at: int) -> None:
        """Raise `FormatError` unless the sum of a base's page checksums is the stored checksum."""
        if pages_sum | SEAL != self.post_apply:
            raise FormatError("LTX database checksum does not hold", offset=at)

    def encode(self) -> bytes:
        """Return the trailer's 16 bytes."""
        return _LAYOUT.pack(self.post_apply, self.checksum)
