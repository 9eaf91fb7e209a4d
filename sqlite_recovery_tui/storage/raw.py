"""One request to an object service, as its client library makes it: no retries, nothing explained.

Keys here are full keys of the bucket. `ObjectStore` puts patience, resumption and checks on top.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sqlite_recovery_tui.storage.base import ObjectInfo


class WholeAnswer(Exception):
    """A range was asked for and the server began to send the whole object."""


class UnlistableKey(Exception):
    """The bucket holds a key that this client cannot list."""


class NoConditions(Exception):
    """The server cannot make a put depend on whether the key is taken."""


class NoAccount(Exception):
    """There are no credentials; the text may say why."""


class BadKey(Exception):
    """A key that would lead to another file than it says, or out of the root."""


class TooShort(Exception):
    """Fewer bytes arrived than the object has."""

    def __init__(self, wanted: int, got: int) -> None:
        """Say how many bytes were `wanted` and how many were `got`."""
        super().__init__(wanted, got)
        self.wanted = wanted
        self.got = got


@dataclass(slots=True)
class Body:
    """An object that begins to arrive; `size` is the whole object's."""

    size: int
    etag: str | None
    pieces: Iterator[bytes]


class Raw(Protocol):
    """What a client library can do."""

    @property
    def failures(self) -> tuple[type[Exception], ...]:
        """The exceptions that its requests raise."""
        ...

    def pages(self, prefix: str, *, after: str, cut: int) -> Iterator[Sequence[ObjectInfo]]:
        """Yield the objects whose key starts with `prefix` and is greater than `after` (empty: all).

        `cut` characters are taken off each key. Raise UnlistableKey.
        """
        ...

    def folders(self, prefix: str) -> Sequence[str]:
        """Return the folders directly below `prefix`, full, with a slash at the end."""
        ...

    def head(self, key: str) -> ObjectInfo:
        """Return what is known of one object."""
        ...

    def metadata(self, key: str) -> Mapping[str, str]:
        """Return what the writer noted beside the object, names in lower case."""
        ...

    def get(self, key: str) -> bytes:
        """Return a whole object; raise TooShort."""
        ...

    def range(self, key: str, start: int, length: int) -> bytes:
        """Return up to `length` bytes from `start`; raise WholeAnswer."""
        ...

    def body(self, key: str, start: int, chunk_bytes: int) -> Body:
        """Begin to read an object from `start`; raise WholeAnswer unless `start` is 0."""
        ...

    def put(self, key: str, data: bytes) -> None:
        """Store an object."""
        ...

    def put_file(self, key: str, path: Path) -> None:
        """Store a file's bytes as an object."""
        ...

    def create(self, key: str, data: bytes) -> bool:
        """Store an object if the server finds no other; return False when it does; raise NoConditions."""
        ...

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects, also such as are not there."""
        ...


def plain_etag(etag: str | None) -> str | None:
    """Return an ETag without its quotes, which only some answers have."""
    return etag.strip('"') if etag else None
