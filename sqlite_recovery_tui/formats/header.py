"""The 100-byte header of a SQLite database file (SQLite file format, section 1.3)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from sqlite_recovery_tui.errors import FormatError

SIZE = 100
MAGIC = b"SQLite format 3\0"
_ENCODINGS = {0: "UTF-8", 1: "UTF-8", 2: "UTF-16le", 3: "UTF-16be"}


@dataclass(frozen=True, slots=True)
class DatabaseHeader:
    """The fields of the header that recovery looks at."""

    page_size: int
    write_version: int
    """1 is a rollback journal, 2 a write-ahead log."""
    read_version: int
    change_counter: int
    page_count: int
    """In pages; trustworthy only when `change_counter` equals `version_valid_for`."""
    schema_cookie: int
    text_encoding: str
    user_version: int
    application_id: int
    version_valid_for: int
    sqlite_version: int
    """SQLite's version number of the last writer, 3040001 for 3.40.1."""


def is_page_size(value: int) -> bool:
    """Tell whether SQLite knows this page size, in bytes."""
    return 512 <= value <= 65536 and value & (value - 1) == 0


def parse(data: bytes | memoryview) -> DatabaseHeader:
    """Read the header from the start of page 1; raise `FormatError` when it is none."""
    if len(data) < SIZE:
        raise FormatError(f"database header cut short: {len(data)} of {SIZE} bytes")
    if bytes(data[:16]) != MAGIC:
        raise FormatError("not a SQLite database, or an encrypted one: the header magic is missing")
    stored_size, write_version, read_version = struct.unpack_from(">HBB", data, 16)
    page_size = 65536 if stored_size == 1 else stored_size
    if not is_page_size(page_size):
        raise FormatError(f"page size {page_size} is not a power of two from 512 to 65536", offset=16)
    change_counter, page_count = struct.unpack_from(">II", data, 24)
    (schema_cookie,) = struct.unpack_from(">I", data, 40)
    encoding, user_version = struct.unpack_from(">II", data, 56)
    (application_id,) = struct.unpack_from(">I", data, 68)
    version_valid_for, sqlite_version = struct.unpack_from(">II", data, 92)
    return DatabaseHeader(
        page_size=page_size,
        write_version=write_version,
        read_version=read_version,
        change_counter=change_counter,
        page_count=page_count,
        schema_cookie=schema_cookie,
        text_encoding=_ENCODINGS.get(encoding, f"unknown ({encoding})"),
        user_version=user_version,
        application_id=application_id,
        version_valid_for=version_valid_for,
        sqlite_version=sqlite_version,
    )
