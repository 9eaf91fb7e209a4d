"""A plan's objects, fetched, decrypted and decoded; what was fetched once is not fetched again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from sqlite_recovery_tui.domain import Snapshot, StoredObject, WalSegment
from sqlite_recovery_tui.errors import FormatError, ShortBody
from sqlite_recovery_tui.formats import lz4
from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.replica.chain import ChainFault
from sqlite_recovery_tui.restore import decrypt
from sqlite_recovery_tui.restore.pack import Pack
from sqlite_recovery_tui.restore.source import ByteSource, pieces
from sqlite_recovery_tui.storage.base import Store
from sqlite_recovery_tui.storage.many import get_many

SEGMENT_BYTES = 4 << 30
"""No segment decodes to more than this; a larger one is a decompression bomb."""

AHEAD_BYTES = 16 << 20
"""Stored changes that may wait in memory to be decoded."""

Item = TypeVar("Item", bound=StoredObject)


@dataclass
class Fetcher:
    """Read objects of one replica for one restore or proof."""

    store: Store
    identities: Sequence[str] = field(default=(), repr=False)
    parallelism: int = 8
    cancel: CancelToken = field(default_factory=CancelToken)
    pack: Pack | None = None
    """Where fetched changes are kept for an attempt after this one; None: nowhere."""
    bytes_fetched: int = 0
    objects_fetched: int = 0
    objects_reused: int = 0
    _counted_keys: set[str] = field(default_factory=set, repr=False)

    def snapshot(self, base: Snapshot, *, start: int = 0) -> ByteSource:
        """Open a snapshot's LZ4 frame from byte `start`; an encrypted one can only be read from 0."""
        raw = self._pieces(base, start)
        if not self.identities:
            return ByteSource(raw)
        return ByteSource(decrypt.decrypt_stream(raw, self.identities, object=base.key))

    def head(self, item: StoredObject, length: int) -> bytes:
        """Return the first `length` bytes of an object as it is stored, fewer where it is shorter."""
        length = min(length, item.size)
        try:
            return self.store.get_range(item.key, 0, length) if length else b""
        except ShortBody:
            return b""

    def stored(self, item: StoredObject, *, start: int = 0) -> ByteSource:
        """Open an object as it is stored, from byte `start`."""
        return ByteSource(self._pieces(item, start))

    def stored_change(self, change: StoredObject) -> ByteSource:
        """Open a change that is too large to hold, as it is stored; it goes through the pack."""
        if self.pack is None:
            return ByteSource(self._pieces(change, 0))
        if self.pack.holds([change]):
            self.objects_reused += self._is_first(change)
            return ByteSource(self.pack.pieces(change.key))
        return ByteSource(self.pack.keep(change, self._pieces(change, 0)))

    def segments(self, segments: Sequence[WalSegment]) -> Iterator[tuple[WalSegment, bytes]]:
        """Yield each segment's WAL bytes, in order; raise `ChainFault` for one that does not decode."""
        for segment, data in self.changes(segments):
            self.cancel.check()
            yield segment, self._decode(segment, data)

    def changes(self, items: Sequence[Item]) -> Iterator[tuple[Item, bytes]]:
        """Yield whole objects as stored, in order, from the pack where it has them."""
        kept = self.pack.holds(items) if self.pack is not None else set()
        missing = [item for item in items if item.key not in kept]
        fetched = get_many(
            self.store,
            [item.key for item in missing],
            sizes=[item.size for item in missing],
            concurrency=self.parallelism,
            ahead_bytes=AHEAD_BYTES,
            cancel=self.cancel,
        )
        for item in items:
            if self.pack is not None and item.key in kept:
                self.objects_reused += self._is_first(item)
                yield item, self.pack.read(item.key)
                continue
            _, data = next(fetched)
            self.objects_fetched += self._is_first(item)
            self.bytes_fetched += len(data)
            if self.pack is not None:
                self.pack.add(item, data)
            yield item, data
        if self.pack is not None:
            self.pack.flush()

    def _pieces(self, item: StoredObject, start: int) -> Iterator[bytes]:
        """Open one object from byte `start`, counted."""
        raw = pieces(
            self.store, item.key, item.size, cancel=self.cancel, start=start, parallelism=self.parallelism
        )
        self.objects_fetched += self._is_first(item)
        return self._counted(raw)

    def _is_first(self, item: StoredObject) -> bool:
        """Tell whether an object is read for the first time: one that is read again is still one object."""
        is_first = item.key not in self._counted_keys
        self._counted_keys.add(item.key)
        return is_first

    def _decode(self, segment: WalSegment, data: bytes) -> bytes:
        try:
            if self.identities:
                data = decrypt.decrypt(data, self.identities, object=segment.key)
            return lz4.decompress(data, max_bytes=SEGMENT_BYTES)
        except FormatError as error:
            raise ChainFault(segment, error.message) from None

    def _counted(self, raw: Iterator[bytes]) -> Iterator[bytes]:
        for piece in raw:
            self.cancel.check()
            self.bytes_fetched += len(piece)
            yield piece
