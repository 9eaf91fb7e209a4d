"""Many whole objects, fetched by several threads ahead of the reader, handed over in the order asked."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.storage.base import Store

AHEAD_PER_THREAD = 4
AHEAD_BYTES = 32 << 20
_CANCEL_SECONDS = 0.1


def get_many(
    store: Store,
    keys: Sequence[str],
    *,
    sizes: Sequence[int] | None = None,
    concurrency: int = 16,
    ahead_bytes: int = AHEAD_BYTES,
    cancel: CancelToken | None = None,
) -> Iterator[tuple[str, bytes]]:
    """Yield each key with its object, in the order of `keys`; raise the first error in that order.

    Objects under way or waiting for the reader are at most `AHEAD_PER_THREAD` per thread and, beyond the
    next one, at most `ahead_bytes` by their `sizes` (without these: by the largest seen so far). Local
    stores are read without threads: opening a file costs less than handing it over. Raise `Cancelled`.
    """
    if store.is_local or concurrency <= 1 or len(keys) <= 1:
        for key in keys:
            if cancel is not None:
                cancel.check()
            yield key, store.get(key)
        return
    pool = ThreadPoolExecutor(min(concurrency, len(keys)), thread_name_prefix="fetch")
    window = _Window(store, pool, keys, sizes, concurrency * AHEAD_PER_THREAD, ahead_bytes)
    try:
        while window.fill():
            yield window.take(cancel)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


@dataclass(slots=True)
class _Fetch:
    key: str
    future: Future[bytes]
    expected_bytes: int


@dataclass(slots=True)
class _Window:
    """The objects that were asked for and not yet handed over."""

    store: Store
    pool: ThreadPoolExecutor
    keys: Sequence[str]
    sizes: Sequence[int] | None
    most: int
    ahead_bytes: int
    begun: int = 0
    largest_bytes: int = 0
    outstanding_bytes: int = 0
    waiting: deque[_Fetch] = field(default_factory=deque)

    def fill(self) -> bool:
        """Begin as many fetches as the bounds allow; return False when all was handed over."""
        while self.begun < len(self.keys) and len(self.waiting) < self.most:
            expected = self._expected(self.begun)
            if self.waiting and self._outstanding() + expected > self.ahead_bytes:
                break
            key = self.keys[self.begun]
            self.waiting.append(_Fetch(key, self.pool.submit(self.store.get, key), expected))
            self.outstanding_bytes += expected
            self.begun += 1
        return bool(self.waiting)

    def take(self, cancel: CancelToken | None) -> tuple[str, bytes]:
        """Return the next object in order."""
        fetch = self.waiting.popleft()
        while cancel is not None:
            cancel.check()
            if wait([fetch.future], _CANCEL_SECONDS).done:
                break
        data = fetch.future.result()
        self.outstanding_bytes -= fetch.expected_bytes
        self.largest_bytes = max(self.largest_bytes, len(data))
        return fetch.key, data

    def _expected(self, index: int) -> int:
        return self.largest_bytes if self.sizes is None else self.sizes[index]

    def _outstanding(self) -> int:
        """Return the bytes under way; without sizes they are guessed anew as larger objects are seen."""
        return self.largest_bytes * len(self.waiting) if self.sizes is None else self.outstanding_bytes
