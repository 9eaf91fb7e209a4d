"""The database header says what SQLite says, and what is no database is said in words."""

from __future__ import annotations

import sqlite3
import struct
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlite_recovery_tui.errors import FormatError
from sqlite_recovery_tui.formats import header
from tests.support.properties import examples


def database(path: Path, *pragmas: str) -> bytes:
    with closing(sqlite3.connect(path)) as connection:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("CREATE TABLE t(a)")
        connection.commit()
        connection.execute("INSERT INTO t VALUES (1)")
        connection.commit()
    return path.read_bytes()


@pytest.mark.parametrize("page_size", [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536])
def test_every_page_size(page_size: int, tmp_path: Path) -> None:
    data = database(tmp_path / "a.db", f"page_size={page_size}")
    parsed = header.parse(data)
    assert parsed.page_size == page_size
    assert parsed.page_count * page_size == len(data)
    assert parsed.change_counter == parsed.version_valid_for


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le", "UTF-16be"])
def test_fields_are_those_that_sqlite_tells(encoding: str, tmp_path: Path) -> None:
    data = database(
        tmp_path / "a.db",
        f"encoding='{encoding}'",
        "user_version=7",
        "application_id=-559038737",
        "journal_mode=WAL",
    )
    parsed = header.parse(memoryview(data)[:100])
    assert parsed.text_encoding == encoding
    assert parsed.user_version == 7
    assert parsed.application_id == 0xDEADBEEF
    assert (parsed.read_version, parsed.write_version) == (2, 2)
    major, minor, patch = map(int, sqlite3.sqlite_version.split("."))
    assert parsed.sqlite_version == major * 1_000_000 + minor * 1000 + patch
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
        assert parsed.schema_cookie == connection.execute("PRAGMA schema_version").fetchone()[0]


@pytest.mark.parametrize("value", [-1, 0, 1, 256, 511, 513, 1000, 65535, 65537, 131072])
def test_only_powers_of_two_are_page_sizes(value: int) -> None:
    assert not header.is_page_size(value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "cut short: 0 of 100"),
        (header.MAGIC + bytes(83), "cut short: 99 of 100"),
        (bytes(100), "not a SQLite database, or an encrypted one"),
        (b"SQLite format 2\0" + bytes(84), "not a SQLite database"),
        (header.MAGIC + struct.pack(">H", 0) + bytes(82), "page size 0"),
        (header.MAGIC + struct.pack(">H", 1000) + bytes(82), "page size 1000"),
        (header.MAGIC + struct.pack(">H", 2) + bytes(82), "page size 2"),
    ],
)
def test_what_is_no_header_is_said_in_words(data: bytes, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        header.parse(data)


@examples(200)
@given(st.binary(max_size=120), st.booleans())
def test_arbitrary_bytes_are_a_header_or_a_format_error(data: bytes, magic: bool) -> None:
    try:
        parsed = header.parse(header.MAGIC + data if magic else data)
    except FormatError:
        return
    assert header.is_page_size(parsed.page_size)
