"""The 100-byte header of an LTX file, and whether it belongs to the file's name.

`Header.parse` refuses what Litestream refuses: a header that passes can be trusted in all its fields.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlite_recovery_tui.errors import FormatError
from sqlite_recovery_tui.formats.header import is_page_size
from sqlite_recovery_tui.formats.ltx.names import LtxName, file_name

HEADER_SIZE = 100
MAGIC = b"LTX1"
NO_CHECKSUM = 0x2
"""The only legal flag: checksums of the whole database are not kept."""
SEAL = 1 << 63
"""Set in every stored checksum, so that none is zero."""

_LAYOUT = struct.Struct(">4sIIIQQqQqqIIQ20x")
_LOCK_BYTE = 0x40000000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OLDEST = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)
_NEWEST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of itself; `commit` is the size of the database after it, in pages."""

    page_size: int
    commit: int
    min_txid: int
    max_txid: int
    timestamp_ms: int
    """Milliseconds since 1970. A compaction has the time of its last input."""
    flags: int = NO_CHECKSUM
    pre_apply: int = 0
    wal_offset: int = 0
    wal_size: int = 0
    salt1: int = 0
    salt2: int = 0
    node_id: int = 0

    @property
    def time(self) -> datetime:
        return _EPOCH + timedelta(milliseconds=self.timestamp_ms)

    @property
    def is_base(self) -> bool:
        """Whether the file holds the whole database, which is true exactly when it begins at TXID 1."""
        return self.min_txid == 1

    @property
    def has_database_checksum(self) -> bool:
        return not self.flags & NO_CHECKSUM

    @property
    def lock_page(self) -> int:
        """The page that SQLite locks and never stores; no file holds it."""
        return lock_page(self.page_size)

    @property
    def base_pages(self) -> int:
        """How many pages a base of this size holds: all of them but the lock page."""
        return self.commit - (self.commit >= self.lock_page)

    @classmethod
    def parse(cls, data: bytes | bytearray | memoryview) -> Header:
        """Read the header at the start of `data`; raise `FormatError` when it is none, or breaks a rule."""
        if len(data) < HEADER_SIZE:
            raise FormatError(f"LTX header cut short: {len(data)} of {HEADER_SIZE} bytes")
        (magic, flags, page_size, commit, low, high, timestamp, pre, offset, size, salt1, salt2, node) = (
            _LAYOUT.unpack_from(data)
        )
        if magic != MAGIC:
            raise FormatError(f"not an LTX file: its magic number is {magic.hex()}")
        header = cls(page_size, commit, low, high, timestamp, flags, pre, offset, size, salt1, salt2, node)
        header._check()
        return header

    def encode(self) -> bytes:
        """Return the header's 100 bytes; raise `ValueError` when it breaks a rule."""
        try:
            self._check()
        except FormatError as error:
            raise ValueError(error.message) from None
        return _LAYOUT.pack(
            MAGIC,
            self.flags,
            self.page_size,
            self.commit,
            self.min_txid,
            self.max_txid,
            self.timestamp_ms,
            self.pre_apply,
            self.wal_offset,
            self.wal_size,
            self.salt1,
            self.salt2,
            self.node_id,
        )

    def _check(self) -> None:
        if self.flags & ~NO_CHECKSUM:
            raise FormatError(f"LTX header with unknown flags {self.flags:#x}", offset=4)
        if not is_page_size(self.page_size):
            raise FormatError(
                f"LTX page size {self.page_size} is not a power of two from 512 to 65536", offset=8
            )
        if self.commit == 0:
            raise FormatError("LTX header of a database without pages", offset=12)
        if not 1 <= self.min_txid <= self.max_txid:
            raise FormatError(
                f"LTX header with transactions {self.min_txid:x} to {self.max_txid:x}, which is no range",
                offset=16,
            )
        if not _OLDEST <= self.timestamp_ms <= _NEWEST:
            raise FormatError(f"LTX timestamp {self.timestamp_ms} ms is no date", offset=32)
        self._check_pre_apply()
        self._check_wal()

    def _check_pre_apply(self) -> None:
        wanted = self.has_database_checksum and not self.is_base
        if wanted and not self.pre_apply & SEAL:
            raise FormatError("LTX header lacks the database checksum its flags promise", offset=40)
        if not wanted and self.pre_apply:
            raise FormatError("LTX header has a database checksum where none is allowed", offset=40)

    def _check_wal(self) -> None:
        if self.wal_offset < 0 or self.wal_size < 0:
            raise FormatError("LTX header with a negative place in the WAL", offset=48)
        if not self.wal_offset and (self.wal_size or self.salt1 or self.salt2):
            raise FormatError("LTX header names a WAL but no place in it", offset=48)


def lock_page(page_size: int) -> int:
    """Return the number of the page that SQLite locks, at byte 2^30 of the database."""
    return _LOCK_BYTE // page_size + 1


def check_name(name: LtxName, header: Header) -> None:
    """Raise `FormatError` unless the header's transactions are those the file is named after."""
    if (name.min_txid, name.max_txid) != (header.min_txid, header.max_txid):
        inside = file_name(header.min_txid, header.max_txid)
        raise FormatError(
            f"LTX file is not what its name says: its header is that of {inside}",
            offset=16,
            hint="The object was renamed or overwritten: restore a point that does not need it.",
        )
