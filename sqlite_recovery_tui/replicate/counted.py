"""Requests to a replica, counted by verb: what an idle database must not make, and what a bill is made of."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from sqlite_recovery_tui.errors import BucketNotFound
from sqlite_recovery_tui.storage.base import ObjectInfo, Store

T = TypeVar("T")


class Counted:
    """A store whose requests are counted; a put to an object store is two, its size is read back."""

    def __init__(self, store: Store) -> None:
        """Count what is asked of `store`."""
        self.store = store
        self.bytes = 0
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._puts = ("put",) if store.kind in ("file", "memory") else ("put", "head")

    @property
    def requests(self) -> dict[str, int]:
        """How many of each verb there were."""
        with self._lock:
            return dict(self._counts)

    def put(self, key: str, data: bytes) -> ObjectInfo:
        """Store an object."""
        self._count(*self._puts, size=len(data))
        return self.store.put(key, data)

    def put_file(self, key: str, path: Path) -> ObjectInfo:
        """Store a file's bytes as an object."""
        self._count(*self._puts, size=path.stat().st_size)
        return self.store.put_file(key, path)

    def put_if_absent(self, key: str, data: bytes) -> bool:
        """Store an object unless the key is taken."""
        self._count("put", size=len(data))
        return self.store.put_if_absent(key, data)

    def get(self, key: str) -> bytes:
        """Return an object."""
        self._count("get")
        return self.store.get(key)

    def list(self, prefix: str) -> Sequence[ObjectInfo]:
        """Return every object below `prefix`."""
        return self._or_nothing(lambda: list(self._listed(prefix)))

    def list_folders(self, prefix: str) -> Sequence[str]:
        """Return the folders directly below `prefix`."""
        self._count("list")
        return self._or_nothing(lambda: self.store.list_folders(prefix))

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects."""
        self._count("delete")
        self.store.delete(keys)

    def _listed(self, prefix: str) -> Iterator[ObjectInfo]:
        self._count("list")
        for number, page in enumerate(self.store.list(prefix)):
            if number:
                self._count("list")
            yield from page

    def _or_nothing(self, listing: Callable[[], Sequence[T]]) -> Sequence[T]:
        """Take a folder that is not there as empty: it is made when it is written to; a bucket never is."""
        try:
            return listing()
        except BucketNotFound:
            if self.store.kind in ("file", "sftp"):
                return []
            raise

    def _count(self, *verbs: str, size: int = 0) -> None:
        with self._lock:
            self._counts.update(verbs)
            self.bytes += size
