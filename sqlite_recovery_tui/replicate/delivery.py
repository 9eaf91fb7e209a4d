"""One item of a spool brought to a replica as its object; it counts when its size was read back."""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO

from lz4.frame import LZ4FrameDecompressor

from sqlite_recovery_tui.errors import RecoverError, StorageError
from sqlite_recovery_tui.formats import lz4
from sqlite_recovery_tui.replicate import spool_files
from sqlite_recovery_tui.replicate.counted import Counted
from sqlite_recovery_tui.replicate.encrypt import Seal as Encryption
from sqlite_recovery_tui.replicate.items import Cut, Item, Seal, SnapshotItem
from sqlite_recovery_tui.replicate.spool import Spool
from sqlite_recovery_tui.replicate.units import Unit

LARGE_BYTES = 16 << 20
"""Segments of more WAL than this, single transactions mostly, are not held in memory."""
_PIECE_BYTES = 1 << 20
_DECODED_BYTES = 64 << 10


class SpoolDamaged(Exception):
    """What the spool should hold for this replica is not there."""


class Delivery:
    """Brings items of `spool` to `store`, encrypted if the replica is to be."""

    def __init__(self, spool: Spool, store: Counted, encryption: Encryption | None, name: str) -> None:
        """Ask nothing yet; `name` is the replica's."""
        self._spool, self._store, self._seal, self._name = spool, store, encryption, name

    def put(self, unit: Unit) -> None:
        """Upload segments as one object, or a sidecar; raise `StorageError`, `SpoolDamaged`, OSError."""
        first = unit.first
        if isinstance(first, Cut) and first.end - first.start > LARGE_BYTES:
            self._check_large(first)
            self._put_file(first)
        elif isinstance(first, Cut):
            self._put(first, self._whole(unit))
        elif first.size:
            self._put(first, self._bytes_of(first))

    def _whole(self, unit: Unit) -> bytes:
        """Return the LZ4 frame of a unit; raise `SpoolDamaged` when a segment is not what it was."""
        if len(unit.items) > 1:
            return lz4.compress(b"".join(_decoded(item, self._bytes_of(item)) for item in unit.items))
        data = self._bytes_of(unit.first)
        _check_frame(io.BytesIO(data), unit.first)
        return data

    def _check_large(self, cut: Cut) -> None:
        try:
            with self._spool.log.path_of(cut).open("rb", 0) as file:
                _check_frame(file, cut)
        except FileNotFoundError:
            raise SpoolDamaged(f"{cut.key} is gone from the spool") from None

    def _bytes_of(self, item: Item) -> bytes:
        try:
            data = self._spool.log.path_of(item).read_bytes()
        except FileNotFoundError:
            raise SpoolDamaged(f"{item.key} is gone from the spool") from None
        if len(data) != item.size:
            raise SpoolDamaged(f"{item.key} in the spool has {len(data)} bytes, not {item.size}")
        return data

    def _put(self, item: Item, data: bytes) -> None:
        sealed = self._seal.data(data) if self._seal and not isinstance(item, Seal) else data
        _check_size(item.key, len(sealed), self._store.put(item.key, sealed).size)

    def put_snapshot(self, item: SnapshotItem) -> None:
        """Upload a snapshot; it is listed once it is whole."""
        self._put_file(item)

    def _put_file(self, item: Item) -> None:
        path = self._spool.log.path_of(item)
        draft: Path | None = None
        try:
            if self._seal:
                draft = path.with_name(f"{path.name}.{self._name}.age")
                self._seal.file(path, draft)
            source = draft or path
            size = source.stat().st_size
            _check_size(item.key, size, self._store.put_file(item.key, source).size)
        except FileNotFoundError:
            raise SpoolDamaged(f"{item.key} is gone from the spool") from None
        finally:
            if draft:
                spool_files.remove(draft)


def _decoded(item: Item, data: bytes) -> bytes:
    assert isinstance(item, Cut)
    length = item.end - item.start
    try:
        decoded = lz4.decompress(data, max_bytes=length)
    except RecoverError as error:
        raise SpoolDamaged(f"{item.key} in the spool: {error.message}") from error
    if len(decoded) != length:
        raise SpoolDamaged(f"{item.key} in the spool decodes to {len(decoded)} bytes, not {length}")
    return decoded


def _check_frame(file: BinaryIO, item: Item) -> None:
    """Decode a segment piece by piece; raise `SpoolDamaged` when it is not what it was, OSError.

    Pieces are small: memory that is new with every one would cost more than the decoding.
    """
    assert isinstance(item, Cut)
    decoder = LZ4FrameDecompressor()
    length = 0
    try:
        while not decoder.eof:
            piece = file.read(_PIECE_BYTES) if decoder.needs_input else b""
            if decoder.needs_input and not piece:
                break
            length += len(decoder.decompress(piece, max_length=_DECODED_BYTES))
    except RuntimeError as error:
        raise SpoolDamaged(f"{item.key} in the spool: {lz4.reason(error)}") from error
    if not decoder.eof or length != item.end - item.start:
        raise SpoolDamaged(f"{item.key} in the spool decodes to {length} bytes, not {item.end - item.start}")


def _check_size(key: str, sent: int, stored: int) -> None:
    if sent != stored:
        raise StorageError(
            f"cannot write {key}: {sent:,} bytes were sent and {stored:,} are there",
            operation="put",
            object=key,
        )
