"""A snapshot's LZ4 frame into a file: blocks decoded and written by parallel threads.

The content checksum needs the blocks in order, so the calling thread reads and hashes while the
others decode and write; all buffers are used again, since fresh ones cost more than the decoding.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import cramjam
import lz4.frame
import xxhash

from sqlite_recovery_tui.errors import FormatError
from sqlite_recovery_tui.formats import lz4 as frames
from sqlite_recovery_tui.formats.header import SIZE as HEADER_BYTES
from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.restore.source import ByteSource
from sqlite_recovery_tui.restore.workers import decoders

SLOTS = 5
JOURNAL_BYTES = 64 << 20
"""How much is decoded between two entries of the journal."""

HEAD_BYTES = 64 << 10
"""How much of the file's start is looked at before it is written: at least one page."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a snapshot is written: the frame read to byte `packed`, the file filled to `plain`."""

    packed: int
    plain: int
    digest: int
    """xxh32 of the file's first `plain` bytes."""


class IrregularFrame(Exception):
    """A legal frame whose blocks do not fill their maximum size: it is decoded in sequence instead."""


@dataclass(slots=True)
class _Slot:
    """Room for one block; anonymous memory, so that a small block touches only the pages it needs."""

    packed: mmap.mmap
    plain: mmap.mmap
    length: int = 0
    stored: bool = False


@dataclass
class ImageWriter:
    """Write one snapshot to the file behind `fd`."""

    fd: int
    cancel: CancelToken
    on_bytes: Callable[[int, int], None]
    """Gets bytes read of the frame and bytes written of the file."""
    on_head: Callable[[bytes], None]
    """Gets the first bytes of the file before any of them is written; may raise to stop."""
    on_checkpoint: Callable[[Checkpoint], None]
    workers: int = field(default_factory=decoders)
    _slots: list[_Slot] = field(default_factory=list)
    _packed_before: int = 0
    """Bytes of the frame in front of the source."""

    def write(self, source: ByteSource, resume: Checkpoint | None = None) -> Checkpoint:
        """Decode `source` and return what was written; raise `FormatError`, `IrregularFrame`.

        With `resume` the source begins at its `packed` byte, behind whole blocks of a frame as
        Litestream writes it, whose first `plain` bytes are already in the file.
        """
        header = self._header(source, resume)
        hasher, at, self._packed_before = xxhash.xxh32(), 0, 0
        if resume is not None:
            hasher, at, self._packed_before = self._rehash(resume.plain), resume.plain, resume.packed
        self._slots = [
            _Slot(mmap.mmap(-1, header.block_max), mmap.mmap(-1, header.block_max))
            for _ in range(min(SLOTS, self.workers + 3))
        ]
        with ThreadPoolExecutor(self.workers, thread_name_prefix="decode") as pool:
            at = self._blocks(source, header, hasher, at, pool)
        self._finish(source, header, hasher, at)
        return Checkpoint(self._packed_before + source.consumed, at, hasher.intdigest())

    def write_in_sequence(self, source: ByteSource) -> Checkpoint:
        """Decode any legal frame, or several in a row, through liblz4; return what was written."""
        at = 0
        hasher = xxhash.xxh32()
        for plain in _whole_head(decoded(source, self.cancel)):
            if at == 0:
                self.on_head(plain[:HEAD_BYTES])
            _write_all(self.fd, memoryview(plain), at)
            hasher.update(plain)
            at += len(plain)
            self.on_bytes(source.consumed, at)
        return Checkpoint(source.consumed, at, hasher.intdigest())

    def _header(self, source: ByteSource, resume: Checkpoint | None) -> frames.FrameHeader:
        if resume is not None:
            return LITESTREAM_FRAME
        head = source.read(7)
        more = frames.header_size(head) - len(head)
        header = frames.parse_header(head + source.read(more))
        if not header.is_parallel:
            raise IrregularFrame
        return header

    def _blocks(
        self,
        source: ByteSource,
        header: frames.FrameHeader,
        hasher: xxhash.xxh32,
        at: int,
        pool: ThreadPoolExecutor,
    ) -> int:
        """Run all blocks through the pool and return the end of the file."""
        free = list(self._slots)
        running: deque[tuple[Future[int], _Slot, int, int]] = deque()
        written, journaled, expected = at, at, at
        while True:
            self.cancel.check()
            if not free:
                slot, written, packed = self._collect(running.popleft(), hasher, header, last=False)
                free.append(slot)
                journaled = self._journal(hasher, header, packed, written, journaled)
                self.on_bytes(source.consumed, written)
            slot = free.pop()
            if not self._next_block(source, header, slot):
                break
            job = pool.submit(self._decode, slot, expected)
            if expected == 0:
                job.result()  # the head decides whether there is room for the rest
            running.append((job, slot, expected, source.consumed))
            expected += header.block_max
        while running:
            slot, written, packed = self._collect(running.popleft(), hasher, header, last=not running)
            self.on_bytes(source.consumed, written)
        return written

    def _collect(
        self,
        entry: tuple[Future[int], _Slot, int, int],
        hasher: xxhash.xxh32,
        header: frames.FrameHeader,
        *,
        last: bool,
    ) -> tuple[_Slot, int, int]:
        """Wait for the oldest block and hash it; only the last block may be short."""
        job, slot, at, packed = entry
        length = job.result()
        if length != header.block_max and not last:
            raise IrregularFrame
        hasher.update(memoryview(slot.plain)[:length])
        return slot, at + length, packed

    def _journal(
        self, hasher: xxhash.xxh32, header: frames.FrameHeader, packed: int, plain: int, last: int
    ) -> int:
        if plain - last < JOURNAL_BYTES or header != LITESTREAM_FRAME:
            return last
        self.on_checkpoint(Checkpoint(self._packed_before + packed, plain, hasher.intdigest()))
        return plain

    def _next_block(self, source: ByteSource, header: frames.FrameHeader, slot: _Slot) -> bool:
        """Read the next block into `slot`; return False at the end mark."""
        word = source.read(4)
        if len(word) < 4:
            raise FormatError("LZ4 frame cut short: its end mark is missing", offset=source.consumed)
        slot.length, slot.stored = frames.block_length(struct.unpack("<I", word)[0], header)
        if slot.length == 0:
            return False
        if source.fill(memoryview(slot.packed)[: slot.length]) < slot.length:
            raise FormatError("LZ4 frame cut short inside a block", offset=source.consumed)
        return True

    def _decode(self, slot: _Slot, at: int) -> int:
        packed = memoryview(slot.packed)[: slot.length]
        if slot.stored:
            slot.plain[: slot.length] = packed
            length = slot.length
        else:
            try:
                length = cramjam.lz4.decompress_block_into(packed, slot.plain, output_len=len(slot.plain))
            except cramjam.DecompressionError:
                raise FormatError("LZ4 block cannot be decoded", offset=at) from None
        if at == 0:
            if length < HEADER_BYTES:
                raise IrregularFrame
            self.on_head(bytes(slot.plain[: min(length, HEAD_BYTES)]))
        _write_all(self.fd, memoryview(slot.plain)[:length], at)
        return length

    def _finish(
        self, source: ByteSource, header: frames.FrameHeader, hasher: xxhash.xxh32, size: int
    ) -> None:
        if header.content_size not in (None, size):
            raise FormatError(f"LZ4 frame decodes to {size} bytes, and says {header.content_size}")
        if header.content_checksum:
            stored = source.read(4)
            if len(stored) < 4:
                raise FormatError("LZ4 frame cut short: its content checksum is missing")
            if struct.unpack("<I", stored)[0] != hasher.intdigest():
                raise FormatError("LZ4 content checksum does not hold")
        if source.read(1):
            raise IrregularFrame

    def holds(self, checkpoint: Checkpoint) -> bool:
        """Tell whether the file still begins with what `checkpoint` says was written."""
        if os.fstat(self.fd).st_size < checkpoint.plain:
            return False
        return self._rehash(checkpoint.plain).intdigest() == checkpoint.digest

    def _rehash(self, length: int) -> xxhash.xxh32:
        """Hash the first `length` bytes of the file."""
        hasher = xxhash.xxh32()
        buffer = memoryview(bytearray(frames.BLOCK_BYTES))
        at = 0
        while at < length:
            self.cancel.check()
            count = os.preadv(self.fd, [buffer[: length - at]], at)
            if not count:
                break
            hasher.update(buffer[:count])
            at += count
        return hasher


LITESTREAM_FRAME = frames.FrameHeader(
    size=7,
    block_max=frames.BLOCK_BYTES,
    independent_blocks=True,
    block_checksums=False,
    content_checksum=True,
    content_size=None,
)
"""The frame that Litestream v0.3 writes; only such snapshots are journaled for resuming."""


def decoded(source: ByteSource, cancel: CancelToken) -> Iterator[bytes]:
    """Yield what all frames of `source` decode to, in pieces of at most a block; raise `FormatError`."""
    context, whole, at = lz4.frame.create_decompression_context(), False, 0
    for piece in source.rest():
        data = memoryview(piece)
        while data:
            cancel.check()
            try:
                plain, length, whole = lz4.frame.decompress_chunk(
                    context, data, max_length=frames.BLOCK_BYTES
                )
            except RuntimeError as error:
                raise FormatError(f"LZ4 frame cannot be decoded: {frames.reason(error)}", offset=at) from None
            data = data[length:]
            at += len(plain)
            yield plain
    if not whole:
        raise FormatError("LZ4 frame cut short: its end is missing", offset=at)


def _whole_head(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Join the first pieces until they hold the head, however short they are."""
    head = b""
    for piece in pieces:
        head += piece
        if len(head) >= HEAD_BYTES:
            break
    if head:
        yield head
    yield from (piece for piece in pieces if piece)


def _write_all(fd: int, data: memoryview, at: int) -> None:
    while len(data):
        count = os.pwrite(fd, data, at)
        data = data[count:]
        at += count
