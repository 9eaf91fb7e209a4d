"""A snapshot's frame comes out as liblz4 decodes it, whichever way it is read and wherever it is taken up."""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import lz4.block
import lz4.frame
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from sqlite_recovery_tui.errors import Cancelled, FormatError
from sqlite_recovery_tui.formats import lz4 as frames
from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.restore import image
from sqlite_recovery_tui.restore.image import Checkpoint, ImageWriter, IrregularFrame
from sqlite_recovery_tui.restore.source import ByteSource
from tests.support.properties import examples

pytestmark = pytest.mark.usefixtures("two_decoders")

BLOCK = frames.BLOCK_BYTES
NOISE = random.Random(11).randbytes(1 << 20)


def content(size: int) -> bytes:
    """Bytes of which some blocks compress and some do not, none like another."""
    parts, left, number = [], size, 0
    while left > 0:
        part = NOISE[number * 1000 :] if number % 3 == 1 else struct.pack(">I", number) * (1 << 18)
        parts.append(part[:left])
        left -= len(parts[-1])
        number += 1
    return b"".join(parts)


def source(data: bytes, piece: int = 1 << 20) -> ByteSource:
    return ByteSource(data[at : at + piece] for at in range(0, len(data), piece))


@contextmanager
def writer(
    path: Path,
    *,
    on_head: Callable[[bytes], None] = lambda _: None,
    cancel: CancelToken | None = None,
    on_bytes: Callable[[int, int], None] = lambda _read, _written: None,
) -> Iterator[tuple[ImageWriter, list[Checkpoint]]]:
    journal: list[Checkpoint] = []
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        yield ImageWriter(fd, cancel or CancelToken(), on_bytes, on_head, journal.append), journal
    finally:
        os.close(fd)


def write(path: Path, data: bytes, *, piece: int = 1 << 20, in_sequence: bool = False) -> Checkpoint:
    """Decode `data` into a fresh file, cut to what was written as the restore does it."""
    path.unlink(missing_ok=True)
    with writer(path) as (target, _):
        read = target.write_in_sequence if in_sequence else target.write
        done = read(source(data, piece))
        os.ftruncate(target.fd, done.plain)
    return done


# --- the same bytes as liblz4 -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "size",
    [100, 512, 65536, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 6 * BLOCK - 512, 6 * BLOCK, 6 * BLOCK + 4096],
)
def test_blocks_in_parallel_give_the_same_file(size: int, tmp_path: Path) -> None:
    data = content(size)
    packed = frames.compress(data)
    done = write(tmp_path / "a", packed)
    assert (tmp_path / "a").read_bytes() == data
    assert done == Checkpoint(len(packed), size, xxhash.xxh32(data).intdigest())


@examples(25)
@given(
    st.integers(0, 3).flatmap(lambda n: st.integers(max(0, n * 65536 - 3), n * 65536 + 3000)),
    st.sampled_from([lz4.frame.BLOCKSIZE_MAX64KB, lz4.frame.BLOCKSIZE_MAX256KB, lz4.frame.BLOCKSIZE_MAX4MB]),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.integers(1, 70_000),
)
def test_any_legal_frame_gives_the_same_file_one_way_or_the_other(
    tmp_path: Path, size: int, block_size: int, linked: bool, checksum: bool, store_size: bool, piece: int
) -> None:
    data = content(size)
    packed = lz4.frame.compress(
        data, block_size=block_size, block_linked=linked, content_checksum=checksum, store_size=store_size
    )
    done = write(tmp_path / "a", packed, piece=piece, in_sequence=True)
    assert (tmp_path / "a").read_bytes() == data
    try:
        assert write(tmp_path / "b", packed, piece=piece) == done
    except IrregularFrame:
        assert linked or size < 100
    else:
        assert (tmp_path / "b").read_bytes() == data


IRREGULAR = {
    "linked blocks": lz4.frame.compress(content(3 << 20), block_linked=True),
    "block checksums": lz4.frame.compress(content(3 << 20), block_linked=False, block_checksum=True),
    "two frames": frames.compress(content(100_000)) + frames.compress(b"the rest"),
    "a skippable frame behind": frames.compress(content(100_000))
    + struct.pack("<II", 0x184D2A50, 3)
    + b"abc",
}


def in_blocks(data: bytes, *sizes: int) -> bytes:
    """A frame with Litestream's header whose blocks are of these sizes, the last size over and over."""
    encoder = lz4.frame.LZ4FrameCompressor(
        block_size=lz4.frame.BLOCKSIZE_MAX4MB, block_linked=False, content_checksum=True, auto_flush=True
    )
    parts, at = [encoder.begin()], 0
    while at < len(data):
        size = sizes[min(len(parts), len(sizes)) - 1]
        parts.append(encoder.compress(data[at : at + size]))
        at += size
    return b"".join([*parts, encoder.flush()])


IRREGULAR["short blocks"] = in_blocks(content(300_000), 70_000)
IRREGULAR["a first block shorter than a header"] = in_blocks(content(300_000), 50)
IRREGULAR["a short block among full ones"] = in_blocks(content(3 * BLOCK), BLOCK, 5000, BLOCK)


@pytest.mark.parametrize("kind", IRREGULAR)
def test_irregular_frames_are_left_to_the_sequential_way(kind: str, tmp_path: Path) -> None:
    packed = IRREGULAR[kind]
    with pytest.raises(IrregularFrame):
        write(tmp_path / "a", packed)
    for piece in (20_000, 1 << 20):
        write(tmp_path / "a", packed, piece=piece, in_sequence=True)
        assert (tmp_path / "a").read_bytes() == frames.decompress(packed, max_bytes=1 << 30)


@pytest.mark.parametrize("in_sequence", [False, True])
def test_an_empty_database_is_an_empty_file(in_sequence: bool, tmp_path: Path) -> None:
    assert write(tmp_path / "a", frames.compress(b""), in_sequence=in_sequence).plain == 0
    assert (tmp_path / "a").read_bytes() == b""


@pytest.mark.parametrize("in_sequence", [False, True])
@pytest.mark.parametrize("piece", [1, 7, 100_000])
def test_the_head_is_seen_whole_and_before_anything_is_written(
    in_sequence: bool, piece: int, tmp_path: Path
) -> None:
    data = content(200_000)
    seen: list[tuple[bytes, int]] = []
    with writer(
        tmp_path / "a", on_head=lambda head: seen.append((head, os.stat(tmp_path / "a").st_size))
    ) as (
        target,
        _,
    ):
        (target.write_in_sequence if in_sequence else target.write)(source(frames.compress(data), piece))
    assert seen == [(data[: image.HEAD_BYTES], 0)]


def test_the_head_is_whole_however_short_the_first_blocks_are(tmp_path: Path) -> None:
    data = content(200_000)
    packed = in_blocks(data, 50, 70, 1000)
    heads: list[bytes] = []
    with writer(tmp_path / "a", on_head=heads.append) as (target, _):
        with pytest.raises(IrregularFrame):
            target.write(source(packed))
        assert heads == []
        target.write_in_sequence(source(packed))
    assert heads == [data[: image.HEAD_BYTES]]


def test_a_head_that_is_refused_leaves_the_file_empty(tmp_path: Path) -> None:
    def refuse(_: bytes) -> None:
        raise FormatError("no room")

    for in_sequence in (False, True):
        with writer(tmp_path / "a", on_head=refuse) as (target, _):
            read = target.write_in_sequence if in_sequence else target.write
            with pytest.raises(FormatError, match="no room"):
                read(source(frames.compress(content(3 * BLOCK))))
        assert (tmp_path / "a").stat().st_size == 0


# --- damage -------------------------------------------------------------------------------------------------


def one_way_or_the_other(path: Path, data: bytes) -> bytes:
    """Decode as a restore does: in parallel, in sequence where that does not fit."""
    try:
        write(path, data)
    except IrregularFrame:
        write(path, data, in_sequence=True)
    return path.read_bytes()


def test_every_truncation_is_named(tmp_path: Path) -> None:
    packed = frames.compress(content(1100))
    for length in range(len(packed)):
        with pytest.raises(FormatError):
            one_way_or_the_other(tmp_path / "a", packed[:length])


def test_truncations_at_and_around_block_edges_are_named(tmp_path: Path) -> None:
    packed = frames.compress(content(3 * BLOCK))
    edges = [7]
    while (length := int.from_bytes(packed[edges[-1] : edges[-1] + 4], "little") & 0x7FFFFFFF) > 0:
        edges.append(edges[-1] + 4 + length)
    for length in (edge + step for edge in edges for step in (-1, 0, 1, 4, 5)):
        if length < len(packed):
            with pytest.raises(FormatError, match="cut short"):
                one_way_or_the_other(tmp_path / "a", packed[:length])


def test_every_flipped_bit_is_named_or_without_effect(tmp_path: Path) -> None:
    data = content(600)
    packed = frames.compress(data)
    harmless = 0
    for bit in range(len(packed) * 8):
        spoilt = bytearray(packed)
        spoilt[bit // 8] ^= 1 << bit % 8
        try:
            result = one_way_or_the_other(tmp_path / "a", bytes(spoilt))
        except FormatError:
            continue
        assert result == data, f"bit {bit} changed the file in silence"
        harmless += 1
    assert harmless < 20  # the header's own checksum, which the content's makes needless


@pytest.mark.parametrize("size", [300_000, 2 * BLOCK + 5])
def test_a_flipped_bit_in_a_large_frame_is_named(size: int, tmp_path: Path) -> None:
    packed = frames.compress(content(size))
    for at in (7, 11, len(packed) // 2, len(packed) - 5, len(packed) - 1):
        spoilt = bytearray(packed)
        spoilt[at] ^= 4
        with pytest.raises(FormatError):
            one_way_or_the_other(tmp_path / "a", bytes(spoilt))


def test_a_wrong_content_size_is_named(tmp_path: Path) -> None:
    packed = bytearray(lz4.frame.compress(content(5000), block_linked=False, store_size=True))
    packed[6:14] = struct.pack("<Q", 5001)
    packed[14] = xxhash.xxh32(bytes(packed[4:14])).intdigest() >> 8 & 0xFF
    with pytest.raises(FormatError, match="5000 bytes, and says 5001"):
        write(tmp_path / "a", bytes(packed))
    with pytest.raises(FormatError):
        write(tmp_path / "a", bytes(packed), in_sequence=True)


@pytest.mark.parametrize("in_sequence", [False, True])
@pytest.mark.parametrize(
    "data", [b"", b"\x04", b"PK\x03\x04 something else entirely", b"age-encryption.org/v1\n-> x"]
)
def test_what_is_no_frame_is_named(data: bytes, in_sequence: bool, tmp_path: Path) -> None:
    with pytest.raises(FormatError):
        write(tmp_path / "a", data, in_sequence=in_sequence)


def test_garbage_behind_the_frame_is_named(tmp_path: Path) -> None:
    for rest in (b"x", b"garbage", b"\x04\x22\x4d\x18"):
        with pytest.raises(FormatError):
            one_way_or_the_other(tmp_path / "a", frames.compress(content(5000)) + rest)


# --- taking up again ----------------------------------------------------------------------------------------


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> tuple[bytes, bytes]:
    """A file of several blocks, journaled behind each of them."""
    monkeypatch.setattr(image, "JOURNAL_BYTES", 1)
    data = content(9 * BLOCK + 12345)
    return data, frames.compress(data)


def journal_of(path: Path, packed: bytes) -> list[Checkpoint]:
    with writer(path) as (target, journal):
        target.write(source(packed))
    return journal


def test_from_every_checkpoint_the_rest_gives_the_same_file(
    large: tuple[bytes, bytes], tmp_path: Path
) -> None:
    data, packed = large
    journal = journal_of(tmp_path / "a", packed)
    assert len(journal) >= 4
    for checkpoint in journal:
        assert checkpoint.digest == xxhash.xxh32(data[: checkpoint.plain]).intdigest()
        (tmp_path / "b").write_bytes(data[: checkpoint.plain] + b"half a block")
        with writer(tmp_path / "b") as (target, later):
            assert target.holds(checkpoint)
            done = target.write(source(packed[checkpoint.packed :]), checkpoint)
        assert (tmp_path / "b").read_bytes() == data
        assert done == Checkpoint(len(packed), len(data), xxhash.xxh32(data).intdigest())
        assert later == journal[len(journal) - len(later) :], "checkpoints count from the frame's start"


def test_it_can_be_taken_up_again_and_again(large: tuple[bytes, bytes], tmp_path: Path) -> None:
    data, packed = large
    path = tmp_path / "a"
    resume: Checkpoint | None = None
    attempts = 0
    while True:
        attempts += 1
        token = CancelToken()
        with writer(path, cancel=token) as (target, journal):
            keep = journal.append
            target.on_checkpoint = lambda checkpoint, token=token, keep=keep: (
                keep(checkpoint),
                token.cancel(),
            )[0]
            try:
                target.write(source(packed[resume.packed if resume else 0 :]), resume)
            except Cancelled:
                assert journal
                resume = journal[-1]
                continue
        break
    assert attempts >= 4
    assert path.read_bytes() == data


def test_a_beginning_that_was_tampered_with_does_not_hold(large: tuple[bytes, bytes], tmp_path: Path) -> None:
    data, packed = large
    checkpoint = journal_of(tmp_path / "a", packed)[1]
    for at in (0, checkpoint.plain // 2, checkpoint.plain - 1):
        spoilt = bytearray(data[: checkpoint.plain])
        spoilt[at] ^= 1
        (tmp_path / "b").write_bytes(spoilt)
        with writer(tmp_path / "b") as (target, _):
            assert not target.holds(checkpoint)
            with pytest.raises(FormatError, match="content checksum"):
                target.write(source(packed[checkpoint.packed :]), checkpoint)
    (tmp_path / "b").write_bytes(data[: checkpoint.plain - 1])
    with writer(tmp_path / "b") as (target, _):
        assert not target.holds(checkpoint)


def test_only_frames_as_litestream_writes_them_are_journaled(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(image, "JOURNAL_BYTES", 1)
    data = content(2 << 20)
    for options in ({"block_size": lz4.frame.BLOCKSIZE_MAX256KB}, {"content_checksum": False}):
        plain = {"block_size": lz4.frame.BLOCKSIZE_MAX4MB, "content_checksum": True, "block_linked": False}
        assert journal_of(tmp_path / "a", lz4.frame.compress(data, **{**plain, **options})) == []


def test_it_stops_when_asked_and_reports_on_the_way(tmp_path: Path) -> None:
    packed = frames.compress(content(8 * BLOCK))
    token, reports = CancelToken(), []

    def on_bytes(read: int, written: int) -> None:
        reports.append((read, written))
        if written >= 2 * BLOCK:
            token.cancel()

    with writer(tmp_path / "a", cancel=token, on_bytes=on_bytes) as (target, _), pytest.raises(Cancelled):
        target.write(source(packed))
    assert reports == sorted(reports)
    assert reports[-1][1] < 8 * BLOCK
