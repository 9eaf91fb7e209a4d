"""One item of a spool brought to a replica as its object; it counts when its size was read back."""

from __future__ import annotations

from pathlib import Path

from sqlite_recovery_tui.errors import RecoverError, StorageError
from sqlite_recovery_tui.formats import lz4
from sqlite_recovery_tui.replicate import spool_files
from sqlite_recovery_tui.replicate.counted import Counted
from sqlite_recovery_tui.replicate.encrypt import Seal as Encryption
from sqlite_recovery_tui.replicate.items import Cut, Item, Seal, SnapshotItem
from sqlite_recovery_tui.replicate.spool import Spool
from sqlite_recovery_tui.replicate.units import Unit


class SpoolDamaged(Exception):
    """What the spool should hold for this replica is not there."""


class Delivery:
    """Brings items of `spool` to `store`, encrypted if the replica is to be."""

    def __init__(self, spool: Spool, store: Counted, encryption: Encryption | None, name: str) -> None:
        """Ask nothing yet; `name` is the replica's."""
        self._spool, self._store, self._seal, self._name = spool, store, encryption, name

    def put(self, unit: Unit) -> None:
        """Upload segments as one object, or a sidecar; raise `StorageError`, `SpoolDamaged`, OSError."""
        if isinstance(unit.first, Cut):
            self._put(unit.first, self._joined(unit))
        elif unit.first.size:
            self._put(unit.first, self._bytes_of(unit.first))

    def _joined(self, unit: Unit) -> bytes:
        """Return the LZ4 frame of a unit; raise `SpoolDamaged` when a segment is not what it was."""
        stored = [self._bytes_of(item) for item in unit.items]
        parts = [_decoded(item, data) for item, data in zip(unit.items, stored, strict=True)]
        return stored[0] if len(stored) == 1 else lz4.compress(b"".join(parts))

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


def _check_size(key: str, sent: int, stored: int) -> None:
    if sent != stored:
        raise StorageError(
            f"cannot write {key}: {sent:,} bytes were sent and {stored:,} are there",
            operation="put",
            object=key,
        )
