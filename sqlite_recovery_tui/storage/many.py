"""Many objects, or their times, asked for by several threads, handed over in the order asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlite_recovery_tui.errors import ObjectNotFound
from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.storage.ahead import AHEAD_BYTES, Bounds, ahead, one_by_one
from sqlite_recovery_tui.storage.base import Store


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
        yield from one_by_one(store.get, keys, cancel=cancel)
        return
    bounds = Bounds(min(concurrency, len(keys)), ahead_bytes)
    if sizes is None:
        yield from ahead(store.get, keys, bounds, expected=None, measure=len, cancel=cancel)
        return
    numbers = range(len(keys))
    found = ahead(
        lambda number: store.get(keys[number]),
        numbers,
        bounds,
        expected=sizes.__getitem__,
        measure=len,
        cancel=cancel,
    )
    yield from ((keys[number], data) for number, data in found)


def get_written_times(
    store: Store, keys: Sequence[str], *, concurrency: int = 50, cancel: CancelToken | None = None
) -> Iterator[tuple[str, datetime | None]]:
    """Yield each key with the time its writer noted, in the order of `keys`.

    None where an object has none, or is there no more. One request for each key: ask only where
    `store.lists_written_times` is False, else the listing told them already. Raise `Cancelled`.
    """

    def time_of(key: str) -> datetime | None:
        try:
            return store.written_time(key)
        except ObjectNotFound:
            return None

    if store.is_local or concurrency <= 1 or len(keys) <= 1:
        yield from one_by_one(time_of, keys, cancel=cancel)
        return
    bounds = Bounds(min(concurrency, len(keys)))
    yield from ahead(time_of, keys, bounds, expected=lambda _: 0, measure=lambda _: 0, cancel=cancel)
