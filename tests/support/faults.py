"""A store with scripted faults around another: what an engine sees once the storage has given up, or lies."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlite_recovery_tui.errors import StorageError, Unreachable
from sqlite_recovery_tui.storage.base import ObjectInfo, Store, StoreKind

WAIT_SECONDS = 30.0


@dataclass
class Gate:
    """A place where a call waits: `entered` tells that it has come, `open()` lets it go on."""

    entered: threading.Event = field(default_factory=threading.Event)
    _opened: threading.Event = field(default_factory=threading.Event)

    def open(self) -> None:
        self._opened.set()

    def wait(self) -> None:
        self.entered.set()
        if not self._opened.wait(WAIT_SECONDS):
            raise TimeoutError("nobody opened the gate")


@dataclass
class _Rule:
    operation: str
    key: str
    times: int
    before: Callable[[], None] | None = None
    change: Callable[[bytes], bytes] | None = None


class FaultyStore:
    """Passes everything on to `inner`, but for what was scripted; `calls` records all."""

    def __init__(self, inner: Store, *, is_local: bool | None = None) -> None:
        """Act as `inner`; `is_local=False` makes a local store look remote."""
        self.inner = inner
        self.is_local = inner.is_local if is_local is None else is_local
        self.calls: list[tuple[str, str]] = []
        self._rules: list[_Rule] = []
        self._lock = threading.Lock()

    def fail(
        self, operation: str, *, key: str = "", times: int = 1, error: StorageError | None = None
    ) -> None:
        """Raise `error` (by default: unreachable) for the next calls; an empty `key` means any key."""

        def act() -> None:
            raise error or Unreachable("scripted failure", operation=operation, object=key)

        self._rules.append(_Rule(operation, key, times, before=act))

    def gate(self, operation: str, *, key: str = "", times: int = 1) -> Gate:
        """Make the next call wait until the returned gate is opened."""
        gate = Gate()
        self._rules.append(_Rule(operation, key, times, before=gate.wait))
        return gate

    def truncate(self, *, key: str, to: int, times: int = 1) -> None:
        """Return only the first bytes of the object, as if it were no longer."""
        self._rules.append(_Rule("get", key, times, change=lambda data: data[:to]))

    def flip(self, *, key: str, offset: int, times: int = 1) -> None:
        """Flip a bit of the byte at `offset` of what is read."""

        def change(data: bytes) -> bytes:
            return data[:offset] + bytes([data[offset] ^ 1]) + data[offset + 1 :]

        self._rules.append(_Rule("get", key, times, change=change))

    def count(self, operation: str) -> int:
        """Return how often `operation` was called."""
        return sum(name == operation for name, _ in self.calls)

    @property
    def kind(self) -> StoreKind:
        return self.inner.kind

    @property
    def url(self) -> str:
        return self.inner.url

    @property
    def lists_written_times(self) -> bool:
        return self.inner.lists_written_times

    def answers_ranges(self, key: str) -> bool:
        return self.inner.answers_ranges(key)

    def list(self, prefix: str = "") -> Iterator[Sequence[ObjectInfo]]:
        self._enter("list", prefix)
        return self.inner.list(prefix)

    def list_folders(self, prefix: str = "") -> Sequence[str]:
        self._enter("list", prefix)
        return self.inner.list_folders(prefix)

    def head(self, key: str) -> ObjectInfo:
        self._enter("head", key)
        return self.inner.head(key)

    def written_time(self, key: str) -> datetime | None:
        self._enter("head", key)
        return self.inner.written_time(key)

    def get(self, key: str) -> bytes:
        return self._enter("get", key)(self.inner.get(key))

    def get_range(self, key: str, start: int, length: int) -> bytes:
        change = self._enter("get", key)
        if change is _unchanged:
            return self.inner.get_range(key, start, length)
        return change(self.inner.get(key))[start : start + length]

    def stream(self, key: str, *, start: int = 0, chunk_bytes: int = 4 << 20) -> Iterator[bytes]:
        change = self._enter("get", key)
        if change is _unchanged:
            yield from self.inner.stream(key, start=start, chunk_bytes=chunk_bytes)
            return
        data = change(self.inner.get(key))
        yield from (data[at : at + chunk_bytes] for at in range(start, len(data), chunk_bytes))

    def put(self, key: str, data: bytes) -> ObjectInfo:
        self._enter("put", key)
        return self.inner.put(key, data)

    def put_file(self, key: str, path: Path) -> ObjectInfo:
        self._enter("put", key)
        return self.inner.put_file(key, path)

    def put_if_absent(self, key: str, data: bytes) -> bool:
        self._enter("put", key)
        return self.inner.put_if_absent(key, data)

    def delete(self, keys: Sequence[str]) -> None:
        self._enter("delete", keys[0] if keys else "")
        self.inner.delete(keys)

    def close(self) -> None:
        self.inner.close()

    def _enter(self, operation: str, key: str) -> Callable[[bytes], bytes]:
        """Record a call, carry out what was scripted before it, return what is done to its bytes."""
        with self._lock:
            self.calls.append((operation, key))
            rule = next((rule for rule in self._rules if self._applies(rule, operation, key)), None)
            if rule is not None:
                rule.times -= 1
        if rule is not None and rule.before is not None:
            rule.before()
        return rule.change if rule is not None and rule.change is not None else _unchanged

    @staticmethod
    def _applies(rule: _Rule, operation: str, key: str) -> bool:
        return rule.times > 0 and rule.operation == operation and rule.key in ("", key)


def _unchanged(data: bytes) -> bytes:
    return data
