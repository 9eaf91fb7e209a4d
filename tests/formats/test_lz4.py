"""Every legal LZ4 frame decodes, every damaged one is named, and no frame takes more memory than allowed."""

from __future__ import annotations

import random
import struct
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import lz4.block
import lz4.frame
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from sqlite_recovery_tui.errors import FormatError
from sqlite_recovery_tui.formats import lz4 as frames
from tests.support import corpus
from tests.support.properties import examples

LITESTREAM_HEADER = bytes.fromhex("04224d186470b9")
PAGES = random.Random(7).randbytes(300_000) + bytes(4_300_000) + b"row of a table " * 20_000
SKIPPABLE = struct.pack("<II", 0x184D2A53, 5) + b"hello"

BLOCK_SIZES = {
    64 << 10: lz4.frame.BLOCKSIZE_MAX64KB,
    256 << 10: lz4.frame.BLOCKSIZE_MAX256KB,
    1 << 20: lz4.frame.BLOCKSIZE_MAX1MB,
    4 << 20: lz4.frame.BLOCKSIZE_MAX4MB,
}


def encode(data: bytes, **options: object) -> bytes:
    return bytes(lz4.frame.compress(data, **options))


def raw_frame(*blocks: tuple[bytes, bool], header: bytes = LITESTREAM_HEADER, content: bytes = b"") -> bytes:
    """A frame of the given blocks (bytes, whether stored), with Litestream's header."""
    body = b"".join(
        struct.pack("<I", len(block) | (0x80000000 if stored else 0)) + block for block, stored in blocks
    )
    return header + body + bytes(4) + xxhash.xxh32(content).intdigest().to_bytes(4, "little")


@pytest.mark.parametrize("case", corpus.cases("v03"))
def test_real_objects_begin_and_decode_as_litestream_wrote_them(case: str, tmp_path: Path) -> None:
    replica = corpus.case(case, tmp_path).replica
    objects = sorted(replica.rglob("*.lz4"))
    assert objects
    for path in objects:
        data = path.read_bytes()
        assert data.startswith(LITESTREAM_HEADER)
        assert frames.parse_header(data) == frames.FrameHeader(
            size=7,
            block_max=4 << 20,
            independent_blocks=True,
            block_checksums=False,
            content_checksum=True,
            content_size=None,
        )
        assert frames.decompress(data, max_bytes=1 << 30) == lz4.frame.decompress(data)


def test_what_is_written_has_litestreams_header_and_another_tool_reads_it(tmp_path: Path) -> None:
    packed = frames.compress(PAGES)
    assert packed.startswith(LITESTREAM_HEADER)
    assert frames.decompress(packed, max_bytes=len(PAGES)) == PAGES
    assert lz4.frame.decompress(packed) == PAGES


@pytest.mark.parametrize("block_size", BLOCK_SIZES)
@pytest.mark.parametrize("linked", [False, True])
@pytest.mark.parametrize("content_checksum", [False, True])
@pytest.mark.parametrize("store_size", [False, True])
def test_every_kind_of_frame_is_read(
    block_size: int, linked: bool, content_checksum: bool, store_size: bool
) -> None:
    packed = encode(
        PAGES,
        block_size=BLOCK_SIZES[block_size],
        block_linked=linked,
        content_checksum=content_checksum,
        store_size=store_size,
    )
    header = frames.parse_header(packed)
    assert header.block_max == block_size
    assert header.independent_blocks is not linked
    assert header.content_checksum is content_checksum
    assert header.content_size == (len(PAGES) if store_size else None)
    assert header.is_parallel is not linked
    assert packed[header.size - 1] == xxhash.xxh32(packed[4 : header.size - 1]).intdigest() >> 8 & 0xFF
    assert frames.decompress(packed, max_bytes=len(PAGES)) == PAGES


def test_block_checksums_are_read_and_keep_blocks_in_sequence() -> None:
    packed = encode(PAGES, block_linked=False, block_checksum=True)
    assert not frames.parse_header(packed).is_parallel
    assert frames.decompress(packed, max_bytes=len(PAGES)) == PAGES
    spoilt = bytearray(packed)
    spoilt[1000] ^= 1
    with pytest.raises(FormatError):
        frames.decompress(spoilt, max_bytes=len(PAGES))


def test_frames_in_a_row_and_skippable_ones_are_one_object() -> None:
    packed = SKIPPABLE + frames.compress(b"one ") + SKIPPABLE + encode(b"two ") + frames.compress(b"three")
    assert frames.decompress(packed + SKIPPABLE, max_bytes=100) == b"one two three"


def test_stored_blocks_are_taken_as_they_are() -> None:
    noise = random.Random(1).randbytes(5000)
    packed = raw_frame((noise, True), (lz4.block.compress(b"x" * 99, store_size=False), False), content=noise)
    whole = noise + b"x" * 99
    packed = packed[:-4] + xxhash.xxh32(whole).intdigest().to_bytes(4, "little")
    assert frames.decompress(packed, max_bytes=len(whole)) == whole


def test_an_empty_frame_decodes_to_nothing() -> None:
    assert frames.decompress(frames.compress(b""), max_bytes=0) == b""


@examples(60)
@given(st.binary(max_size=2000), st.integers(0, 10))
def test_the_bound_is_exact(data: bytes, more: int) -> None:
    packed = frames.compress(data)
    assert frames.decompress(packed, max_bytes=len(data) + more) == data
    if data:
        with pytest.raises(FormatError, match="more than"):
            frames.decompress(packed, max_bytes=len(data) - 1)


def test_the_bound_counts_all_frames_of_an_object() -> None:
    packed = frames.compress(b"x" * 600) * 2
    with pytest.raises(FormatError, match="more than"):
        frames.decompress(packed, max_bytes=1000)


def test_a_bomb_stops_at_its_bound() -> None:
    bomb = encode(bytes(400 << 20), block_size=lz4.frame.BLOCKSIZE_MAX4MB, content_checksum=True)
    assert len(bomb) < 2 << 20
    script = (
        "import re, sys\n"
        "from sqlite_recovery_tui.errors import FormatError\n"
        "from sqlite_recovery_tui.formats import lz4\n"
        "peak = lambda: int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1])\n"
        "bomb = sys.stdin.buffer.read()\n"
        "before = peak()\n"
        "try:\n    lz4.decompress(bomb, max_bytes=10 << 20)\n"
        "except FormatError as error:\n    print(error)\n"
        "print(peak() - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], input=bomb, capture_output=True, check=True)
    message, grown = done.stdout.decode().splitlines()
    assert "more than the 10485760 bytes" in message
    assert 0 < int(grown) < 40 << 10  # KiB


def test_a_large_bound_does_not_reserve_memory_for_a_small_object() -> None:
    packed = frames.compress(b"small")
    tracemalloc.start()
    try:
        assert frames.decompress(packed, max_bytes=4 << 30) == b"small"
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


def test_a_great_many_frames_take_time_in_proportion() -> None:
    packed = frames.compress(b"") * 400_000
    began = time.process_time()
    assert frames.decompress(packed, max_bytes=10) == b""
    assert time.process_time() - began < 10  # half a second; copying the rest at each frame takes 45


def test_every_truncation_is_named() -> None:
    packed = frames.compress(bytes(3000) + random.Random(3).randbytes(300))
    for length in range(len(packed)):
        with pytest.raises(FormatError):
            frames.decompress(packed[:length], max_bytes=1 << 20)


def test_every_flipped_bit_is_named_or_without_effect() -> None:
    data = bytes(2000) + random.Random(3).randbytes(100) + b"text " * 50
    packed = frames.compress(data)
    for bit in range(len(packed) * 8):
        spoilt = bytearray(packed)
        spoilt[bit // 8] ^= 1 << bit % 8
        try:
            decoded = frames.decompress(spoilt, max_bytes=1 << 20)
        except FormatError:
            continue
        assert decoded == data, f"bit {bit} of {len(packed) * 8} changed the result in silence"


@examples(200)
@given(st.binary(max_size=400))
def test_garbage_is_named(data: bytes) -> None:
    try:
        frames.decompress(data, max_bytes=1 << 16)
    except FormatError:
        return
    assert data.startswith((b"\x04\x22\x4d\x18", b"\x50\x2a\x4d\x18"))


@examples(200)
@given(st.binary(max_size=200), st.binary(min_size=1, max_size=20))
def test_garbage_behind_a_frame_is_named(data: bytes, rest: bytes) -> None:
    with pytest.raises(FormatError):
        frames.decompress(frames.compress(data) + rest, max_bytes=1 << 16)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"\x04\x22\x4d", "cut short in its header"),
        (b"PK\x03\x04 not ours", "magic number"),
        (b"age-encryption.org/v1\n-> X25519", "age-encrypted"),
        (bytes.fromhex("04224d18") + b"\xa4\x70\xb9", "unknown version"),
        (bytes.fromhex("04224d18") + b"\x66\x70\xb9", "reserved bits"),
        (bytes.fromhex("04224d18") + b"\x64\x30\xb9", "reserved bits"),
        (bytes.fromhex("04224d18") + b"\x6c\x70\xb9\x00", "7 bytes|cut short|of 15"),
    ],
)
def test_what_is_no_frame_is_said_in_words(data: bytes, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        frames.decompress(data, max_bytes=100)


def test_a_block_longer_than_its_frame_allows_is_refused() -> None:
    header = frames.parse_header(LITESTREAM_HEADER)
    assert frames.block_length(0, header) == (0, False)
    assert frames.block_length(4 << 20, header) == (4 << 20, False)
    assert frames.block_length(0x80000000 | 7, header) == (7, True)
    for word in ((4 << 20) + 1, 0x80000000 | (4 << 20) + 1, 0x7FFFFFFF):
        with pytest.raises(FormatError, match="larger than"):
            frames.block_length(word, header)


def test_the_content_checksum_decides() -> None:
    packed = bytearray(frames.compress(b"x" * 100))
    packed[-1] ^= 1
    with pytest.raises(FormatError, match=r"(?i)checksum"):
        frames.decompress(packed, max_bytes=100)


def test_a_wrong_content_size_is_named() -> None:
    packed = bytearray(encode(b"x" * 100, store_size=True, content_checksum=True))
    packed[6] = 99
    packed[14] = xxhash.xxh32(bytes(packed[4:14])).intdigest() >> 8 & 0xFF
    with pytest.raises(FormatError):
        frames.decompress(packed, max_bytes=1000)
