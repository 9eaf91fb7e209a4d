"""Objects in memory: a store of its own for tests, demos and screenshots, its times told by a clock."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from sqlite_recovery_tui.clock import SYSTEM, Clock
from sqlite_recovery_tui.storage.base import ObjectInfo, StoreKind
from sqlite_recovery_tui.storage.retry import Failure, Operation
from sqlite_recovery_tui.storage.translate import missing_object, missing_root, short_body

_PAGE = 1000


class MemoryStore:
    """A bucket in memory, as strict as a real one."""

    kind: StoreKind = "memory"
    is_local = True

    def __init__(
        self,
        name: str = "",
        *,
        clock: Clock = SYSTEM,
        exists: bool = True,
        lists_written_times: bool = True,
    ) -> None:
        """Begin empty; without `exists` every operation finds the bucket missing.

        Without `lists_written_times` the writer's times are only those given to `set_written_time`.
        """
        self.lists_written_times = lists_written_times
        self.url = f"memory://{name}"
        self._clock = clock
        self._exists = exists
        self._objects: dict[str, tuple[ObjectInfo, bytes]] = {}
        self._written: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def answers_ranges(self, key: str) -> bool:  # noqa: ARG002
        """Ranges are slices here."""
        return True

    def set_time(self, key: str, time: datetime) -> None:
        """Give an object that is there another time."""
        with self._lock:
            info, data = self._objects[key]
            self._objects[key] = ObjectInfo(key, info.size, time, info.etag), data

    def set_written_time(self, key: str, time: datetime | None) -> None:
        """Say when the writer says it wrote an object (None: it does not), as a service's metadata would."""
        with self._lock:
            self._written.pop(key, None)
            if time is not None:
                self._written[key] = time

    def list(self, prefix: str = "") -> Iterator[Sequence[ObjectInfo]]:
        """Yield pages of objects in the order of their keys, as they are when listing begins."""
        self._check(Operation("list", prefix, self.url))
        with self._lock:
            found = [info for key, (info, _) in sorted(self._objects.items()) if key.startswith(prefix)]
        for start in range(0, len(found), _PAGE):
            yield found[start : start + _PAGE]

    def list_folders(self, prefix: str = "") -> Sequence[str]:
        """Return the folders directly below `prefix`."""
        self._check(Operation("list", prefix, self.url))
        with self._lock:
            below = [key[len(prefix) :] for key in self._objects if key.startswith(prefix)]
        return sorted({f"{prefix}{rest.partition('/')[0]}/" for rest in below if "/" in rest})

    def head(self, key: str) -> ObjectInfo:
        """Return one object's size and time."""
        return self._find("head", key)[0]

    def written_time(self, key: str) -> datetime | None:
        """Return the listed time where it is the writer's, else what was set."""
        info = self.head(key)
        return info.time if self.lists_written_times else self._written.get(key)

    def get(self, key: str) -> bytes:
        """Return a whole object."""
        return self._find("get", key)[1]

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """Return exactly `length` bytes from `start`."""
        data = self.get(key)
        if start + length > len(data):
            raise short_body(start + length, len(data)).error(Operation("get", key, self.url))
        return data[start : start + length]

    def stream(self, key: str, *, start: int = 0, chunk_bytes: int = 4 << 20) -> Iterator[bytes]:
        """Yield an object from `start` to its end."""
        data = self.get(key)
        for at in range(start, len(data), chunk_bytes):
            yield data[at : at + chunk_bytes]

    def put(self, key: str, data: bytes) -> ObjectInfo:
        """Store an object."""
        self._check(Operation("put", key, self.url))
        etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
        info = ObjectInfo(key, len(data), self._clock.now(), etag)
        with self._lock:
            self._objects[key] = info, bytes(data)
            self._written.pop(key, None)
        return info

    def put_file(self, key: str, path: Path) -> ObjectInfo:
        """Store a file's bytes."""
        return self.put(key, path.read_bytes())

    def put_if_absent(self, key: str, data: bytes) -> bool:
        """Store an object unless the key is taken."""
        self._check(Operation("put", key, self.url))
        etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
        mine = ObjectInfo(key, len(data), self._clock.now(), etag), bytes(data)
        with self._lock:
            return self._objects.setdefault(key, mine) is mine

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects."""
        self._check(Operation("delete", keys[0] if keys else "", self.url))
        with self._lock:
            for key in keys:
                self._objects.pop(key, None)

    def close(self) -> None:
        """Keep the objects: whoever holds the store still has them."""

    def _find(self, operation: str, key: str) -> tuple[ObjectInfo, bytes]:
        self._check(Operation(operation, key, self.url))
        with self._lock:
            found = self._objects.get(key)
        if found is None:
            raise missing_object().error(Operation(operation, key, self.url))
        return found

    def _check(self, operation: Operation) -> None:
        if not self._exists:
            failure: Failure = missing_root("the bucket")
            raise failure.error(operation)


_SHARED: dict[str, MemoryStore] = {}
_SHARED_LOCK = threading.Lock()


def shared_memory(name: str) -> MemoryStore:
    """Return this process's memory store of that name; it is made, empty, when first asked for."""
    with _SHARED_LOCK:
        return _SHARED.setdefault(name, MemoryStore(name))
