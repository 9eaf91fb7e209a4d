"""The protocol every kind of storage keeps: keys and bytes, relative to one replica's root."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

StoreKind = Literal["file", "memory", "s3", "gs", "abs", "sftp"]


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One stored object as a listing shows it; `key` is relative to the store's root."""

    key: str
    size: int
    time: datetime
    """When the store says it was written, aware, in UTC."""
    etag: str | None = None


@runtime_checkable
class Store(Protocol):
    """One replica's place. Thread-safe; every failure is a `StorageError` naming operation and key.

    A key is data: it is never turned into a local path outside the root, and `..`, spaces, percent
    signs and unicode in it mean themselves.
    """

    @property
    def kind(self) -> StoreKind:
        """Which kind of storage this is."""
        ...

    @property
    def url(self) -> str:
        """The place as a person would write it, without secrets."""
        ...

    @property
    def is_local(self) -> bool:
        """True when reading again costs no more than keeping a copy."""
        ...

    @property
    def lists_written_times(self) -> bool:
        """True when the times of a listing are the writer's, so that `written_time` adds nothing."""
        ...

    def answers_ranges(self, key: str) -> bool:
        """Tell whether a range costs only the range here; ask the server once, with `key`, if unknown.

        Some servers send the whole object instead. `get_range` is right there too, but several of
        them cost several whole reads: `stream` once is better.
        """
        ...

    def list(self, prefix: str = "") -> Iterator[Sequence[ObjectInfo]]:
        """Yield pages of every object whose key starts with `prefix`, each page as it arrives.

        The order is the store's own. A prefix that matches nothing yields nothing; a root that does
        not exist raises `BucketNotFound`.
        """
        ...

    def list_folders(self, prefix: str = "") -> Sequence[str]:
        """Return the folders directly below `prefix` (which ends in "/" or is empty), with a "/" each."""
        ...

    def head(self, key: str) -> ObjectInfo:
        """Return one object's size, time and ETag; raise `ObjectNotFound`."""
        ...

    def written_time(self, key: str) -> datetime | None:
        """Return when the writer says it wrote an object, None where it does not; raise `ObjectNotFound`.

        An object service lists when an object arrived there; Litestream notes the time of the data
        beside its LTX files, which costs a request for each to learn.
        """
        ...

    def get(self, key: str) -> bytes:
        """Return a whole object, as long as the store says it is; raise `ObjectNotFound`, `ShortBody`."""
        ...

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """Return exactly `length` bytes from `start`; raise `ShortBody` when the object ends before."""
        ...

    def stream(self, key: str, *, start: int = 0, chunk_bytes: int = 4 << 20) -> Iterator[bytes]:
        """Yield an object from `start` to its end in pieces of about `chunk_bytes`.

        A connection that breaks on the way is taken up again where it broke, within the retry bounds.
        """
        ...

    def put(self, key: str, data: bytes) -> ObjectInfo:
        """Store an object whole: it is either not there or complete, also after a crash."""
        ...

    def put_file(self, key: str, path: Path) -> ObjectInfo:
        """Store a file's bytes as `put` would, without holding them; raise OSError when it cannot be read."""
        ...

    def put_if_absent(self, key: str, data: bytes) -> bool:
        """Store an object unless the key is taken; return False when it is."""
        ...

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects; keys that are not there are no error."""
        ...

    def close(self) -> None:
        """Let go of connections; the store is not used afterwards."""
        ...
