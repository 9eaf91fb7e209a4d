"""LTX files to test with, put together and taken apart byte by byte, without the code under test."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import lz4.block
import lz4.frame
import numpy as np
from fastcrc import crc64

from sqlite_recovery_tui.formats.ltx.header import Header
from sqlite_recovery_tui.formats.ltx.index import U8, U32

SEAL = 1 << 63
END = bytes(6)
LZ4_FRAME = {"block_size": lz4.frame.BLOCKSIZE_MAX64KB, "block_linked": False, "content_checksum": True}


def a_header(page_size: int = 512, commit: int = 100, *, base: bool = False) -> Header:
    """A header of a file of transactions 5 to 7, or of a base up to 7."""
    return Header(page_size, commit, 1 if base else 5, 7, 1_790_000_000_000)


def tracked(header: Header) -> Header:
    """The same header in a file that keeps a checksum of the database."""
    return replace(header, flags=0, pre_apply=0 if header.is_base else SEAL | 1)


def some_pages(count: int, page_size: int, seed: int = 0) -> U8:
    """Pages of three kinds in turn: text that compresses, nothing but zeros, and random bytes."""
    chance = random.Random(seed)
    kinds = (
        lambda n: (f"row {n} of {chance.random()} " * page_size).encode()[:page_size],
        lambda n: bytes(page_size),
        lambda n: chance.randbytes(page_size),
    )
    pages = b"".join(kinds[n % 3](n) for n in range(count))
    return np.frombuffer(pages, dtype=np.uint8).reshape(count, page_size)


def numbers(values: Iterable[int]) -> U32:
    return np.array(list(values), dtype=np.uint32)


def sized(pgno: int, page: bytes, *, block: bytes | None = None) -> bytes:
    """A page as Litestream v0.5.16 and later writes it; what the file checksum covers comes from `page`."""
    block = lz4.block.compress(page, store_size=False) if block is None else block
    return struct.pack(">IHI", pgno, 1, len(block)) + block


def framed(pgno: int, page: bytes) -> bytes:
    """A page as Litestream before v0.5.16 wrote it."""
    return struct.pack(">IH", pgno, 0) + bytes(lz4.frame.compress(page, store_size=False, **LZ4_FRAME))


def leb128(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def index_block(entries: Iterable[tuple[int, int, int]]) -> bytes:
    data = b"".join(leb128(value) for entry in entries for value in entry) + b"\0"
    return data + struct.pack(">Q", len(data))


def a_file(
    header: bytes,
    frames: Sequence[bytes],
    pages: Sequence[bytes],
    *,
    end: bytes = END,
    index: bytes | None = None,
    post_apply: int = 0,
    checksum: int | None = None,
    behind: bytes = b"",
) -> bytes:
    """A file of these parts, sealed whatever they are."""
    covered, entries, at = bytearray(header), [], len(header)
    for frame, page in zip(frames, pages, strict=True):
        pgno, flags = struct.unpack_from(">IH", frame)
        covered += frame[: 10 if flags & 1 else 6] + page
        entries.append((pgno, at, len(frame)))
        at += len(frame)
    rest = end + (index_block(entries) if index is None else index) + struct.pack(">Q", post_apply)
    if checksum is None:
        checksum = crc64.go_iso(bytes(covered) + rest) | SEAL
    return header + b"".join(frames) + rest + struct.pack(">Q", checksum) + behind


@dataclass(frozen=True)
class Reading:
    """What `read_slowly` found: pages by number, and the spelling of each."""

    pages: dict[int, bytes]
    flags: list[int]
    entries: list[tuple[int, int, int]]


def read_slowly(data: bytes) -> Reading:
    """Read a file page by page, straight from the format's definition; asserts what it relies on."""
    page_size = struct.unpack_from(">I", data, 8)[0]
    covered = bytearray(data[:100])
    pages: dict[int, bytes] = {}
    flags_found, entries, at = [], [], 100
    while data[at : at + 6] != END:
        pgno, flags = struct.unpack_from(">IH", data, at)
        start = at
        if flags == 1:
            length = struct.unpack_from(">I", data, at + 6)[0]
            page = lz4.block.decompress(data[at + 10 : at + 10 + length], uncompressed_size=page_size)
            covered += data[at : at + 10]
            at += 10 + length
        else:
            page, length = lz4.frame.decompress(data[at + 6 :], return_bytes_read=True)
            covered += data[at : at + 6]
            at += 6 + length
        assert len(page) == page_size
        covered += page
        pages[pgno] = page
        flags_found.append(flags)
        entries.append((pgno, start, at - start))
    index = index_block(entries)
    assert data[at + 6 : at + 6 + len(index)] == index
    assert len(data) == at + 6 + len(index) + 16
    assert crc64.go_iso(bytes(covered) + data[at:-8]) | SEAL == int.from_bytes(data[-8:], "big")
    return Reading(pages, flags_found, entries)
