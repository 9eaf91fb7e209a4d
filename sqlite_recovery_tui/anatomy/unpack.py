"""A compressed object of the v0.3 layout, decoded block by block: as far as it goes, and why not further.

Litestream writes one LZ4 frame of independent blocks with a content checksum, encrypted with age as a whole
where that is configured; every other legal frame is read as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lz4.frame

from sqlite_recovery_tui.anatomy.fault import Fault, Proof
from sqlite_recovery_tui.anatomy.salvage import readable
from sqlite_recovery_tui.anatomy.spool import KEPT_BYTES, Spool
from sqlite_recovery_tui.domain import StoredObject
from sqlite_recovery_tui.errors import FormatError, ShortBody
from sqlite_recovery_tui.formats import lz4 as frames
from sqlite_recovery_tui.progress import CancelToken, Progress, ProgressFn, ignore_progress
from sqlite_recovery_tui.restore import decrypt
from sqlite_recovery_tui.restore.source import ByteSource, pieces
from sqlite_recovery_tui.storage.base import Store

_LINKED_BYTES = 64 << 10
"""How far back a block may refer to earlier ones."""
_SKIPPABLE = range(0x184D2A50, 0x184D2A60)


@dataclass(frozen=True)
class Access:
    """Where objects are read from, and with what."""

    store: Store
    identities: Sequence[str] = field(default=(), repr=False)
    folder: Path | None = None
    """Where large objects are kept, decoded, in files without a name."""
    cancel: CancelToken = field(default_factory=CancelToken)
    progress: ProgressFn = ignore_progress


@dataclass(frozen=True)
class Unpacked:
    """What an object decodes to, as far as it could be read."""

    data: memoryview
    size: int
    """Decoded bytes in all, also those that were not kept."""
    blocks: int
    faults: tuple[Fault, ...]
    proof: Proof
    encrypted: bool

    @property
    def kept_whole(self) -> bool:
        """Whether all that was decoded is at hand."""
        return len(self.data) == self.size


def unpack(
    access: Access, item: StoredObject, *, most: int | None = None, keep: int = KEPT_BYTES
) -> Unpacked:
    """Read and decode `item`; with `most` stop once so many bytes are decoded, which proves nothing.

    Raises `StorageError` and `Cancelled` only: what is wrong with the bytes is in the answer.
    """
    spool = Spool(access.folder, most=keep)
    reader = _Reader(ByteSource(_decrypted(access, item)), spool, most)
    faults: list[Fault] = []
    try:
        reader.read()
    except _Cut as cut:
        faults.append(cut.fault)
    except FormatError as error:  # of the encryption
        faults.append(Fault(error.message))
    except ShortBody as error:
        faults.append(Fault(error.message))
    proof = _proof(reader, faults, encrypted=bool(access.identities))
    return Unpacked(spool.view(), spool.seen, reader.blocks, tuple(faults), proof, bool(access.identities))


def _proof(reader: _Reader, faults: Sequence[Fault], *, encrypted: bool) -> Proof:
    if faults:
        return Proof("does not hold", faults[0].message)
    if not reader.ended:
        return Proof("not proven", "only its beginning was read")
    if not reader.checked:
        if encrypted:
            return Proof("proven", "age seals every byte of it")
        return Proof("not proven", "its LZ4 frame carries no checksum")
    return Proof("proven", "the LZ4 checksum of its content holds")


def _decrypted(access: Access, item: StoredObject) -> Iterator[bytes]:
    raw = _counted(access, item)
    if not access.identities:
        return raw
    return decrypt.decrypt_stream(raw, access.identities, object=item.key)


def _counted(access: Access, item: StoredObject) -> Iterator[bytes]:
    done = 0
    for piece in pieces(access.store, item.key, item.size, cancel=access.cancel):
        access.cancel.check()
        done += len(piece)
        access.progress(Progress("reading", done, item.size))
        yield piece


class _Cut(Exception):
    """Nothing behind this place can be read."""

    def __init__(self, message: str, at: int, what: str = "byte") -> None:
        super().__init__(message)
        self.fault = Fault(message, f"{what} {at:,} of the compressed object")


class _Enough(Exception):
    """As much was decoded as was asked for."""


@dataclass
class _Reader:
    """Walk over the frames of one object, and hand what they decode to to the spool."""

    source: ByteSource
    spool: Spool
    most: int | None
    blocks: int = 0
    ended: bool = False
    """Whether the object was read to its end."""
    checked: bool = True
    """Whether every frame that was read to its end had a checksum, which held."""
    _before: bytes = b""

    def read(self) -> None:
        """Decode all frames; raise `_Cut` where that ends early."""
        try:
            start = self.source.read(7)
            if not start:
                raise _Cut("object is empty: no LZ4 frame", 0)
            while start:
                if not self._skip(start):
                    self._frame(start)
                start = self.source.read(7)
            self.ended = True
        except _Enough:
            pass

    def _skip(self, start: bytes) -> bool:
        """Pass over a frame that holds nothing of ours."""
        if int.from_bytes(start[:4], "little") not in _SKIPPABLE:
            return False
        length = int.from_bytes((start + self.source.read(1))[4:8], "little")
        while length > 0:
            piece = self.source.read(min(length, frames.BLOCK_BYTES))
            if not piece:
                raise _Cut("LZ4 frame cut short", self.source.consumed)
            length -= len(piece)
        return True

    def _frame(self, start: bytes) -> None:
        at = self.source.consumed - len(start)
        try:
            start += self.source.read(frames.header_size(start) - len(start))
            header = frames.parse_header(start)
        except FormatError as error:
            raise _Cut(error.message, at) from None
        context = lz4.frame.create_decompression_context()
        self._before = b""
        try:
            lz4.frame.decompress_chunk(context, start, max_length=0)
        except RuntimeError as error:
            raise _Cut(f"LZ4 frame header: {frames.reason(error)}", at) from None
        while self._block(header, context):
            pass

    def _block(self, header: frames.FrameHeader, context: Any) -> bool:
        """Decode the next block of a frame; return False at its end mark."""
        at = self.source.consumed
        word = self.source.read(4)
        if len(word) < 4:
            raise _Cut("LZ4 frame cut short: its end mark is missing", at)
        try:
            length, stored = frames.block_length(int.from_bytes(word, "little"), header)
        except FormatError as error:
            raise _Cut(error.message, at) from None
        if not length:
            self._end_of_frame(header, context, word, at)
            return False
        body = self.source.read(length)
        check = self.source.read(4) if header.block_checksums else b""
        if len(body) < length:
            self._salvage(header, body, stored=stored)
            raise _Cut(f"LZ4 block cut short: {len(body):,} of its {length:,} bytes are there", at)
        plain = self._decoded(
            header, context, word + body + check, at, lambda: self._salvage(header, body, stored=stored)
        )
        self.blocks += 1
        self._take(plain)
        return True

    def _decoded(
        self, header: frames.FrameHeader, context: Any, chunk: bytes, at: int, salvage: Callable[[], None]
    ) -> bytes:
        try:
            plain, _, _ = lz4.frame.decompress_chunk(context, chunk, max_length=header.block_max)
        except RuntimeError as error:
            salvage()
            raise _Cut(f"LZ4 block cannot be decoded: {frames.reason(error)}", at) from None
        return bytes(plain)

    def _end_of_frame(self, header: frames.FrameHeader, context: Any, word: bytes, at: int) -> None:
        check = self.source.read(4) if header.content_checksum else b""
        if header.content_checksum and len(check) < 4:
            raise _Cut("LZ4 frame cut short: its content checksum is missing", at)
        try:
            lz4.frame.decompress_chunk(context, word + check, max_length=0)
        except RuntimeError:
            message = "the LZ4 checksum does not hold: some byte was changed after it was written"
            raise _Cut(message if header.content_checksum else "LZ4 frame ends too early", at) from None
        self.checked = self.checked and header.content_checksum

    def _salvage(self, header: frames.FrameHeader, body: bytes, *, stored: bool) -> None:
        """Keep the beginning of a block that cannot be decoded as a whole."""
        before = b"" if header.independent_blocks else self._before
        plain = body if stored else readable(body, most=header.block_max, before=before)
        self.spool.add(plain)

    def _take(self, plain: bytes) -> None:
        self.spool.add(plain)
        self._before = (
            (self._before + plain)[-_LINKED_BYTES:] if len(plain) < _LINKED_BYTES else plain[-_LINKED_BYTES:]
        )
        if self.most is not None and self.spool.seen >= self.most:
            raise _Enough
