"""Many objects, or their times, asked for by several threads, handed over in the order asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime

from sqlite_recovery_tui.errors import ObjectNotFound
from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.storage.ahead import AHEAD_BYTES, AHEAD_PER_THREAD, Bounds, ahead, one_by_one
from sqlite_recovery_tui.storage.base import Store

_PORTION = 16
"""Objects that a thread fetches before it hands them over, at most."""
_PORTIONS_PER_THREAD = 8
"""More portions than that are left to every thread as long as portions are of several objects."""


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

    Objects under way or waiting for the reader are, beyond the next one, at most `ahead_bytes` by their
    `sizes`, and `AHEAD_PER_THREAD` portions per thread. Without sizes a portion is one object, as large as
    the largest seen so far. Local stores are read without threads: opening a file costs less than handing
    it over. Raise `Cancelled`.
    """
    if store.is_local or concurrency <= 1 or len(keys) <= 1:
        yield from one_by_one(store.get, keys, cancel=cancel)
        return
    bounds = Bounds(min(concurrency, len(keys)), ahead_bytes)
    if sizes is None:
        yield from ahead(store.get, keys, bounds, expected=None, measure=len, cancel=cancel)
        return
    yield from _in_portions(store, keys, sizes, bounds, cancel)


def _in_portions(
    store: Store, keys: Sequence[str], sizes: Sequence[int], bounds: Bounds, cancel: CancelToken | None
) -> Iterator[tuple[str, bytes]]:
    """Yield objects, of which each thread fetches some at a time: handing one over costs as much as a get."""

    def bring(portion: range) -> tuple[list[bytes], Exception | None]:
        found: list[bytes] = []
        try:
            for number in portion:
                if cancel is not None:
                    cancel.check()
                found.append(store.get(keys[number]))
        except Exception as error:  # raised where its turn comes, behind what was found before
            return found, error
        return found, None

    brought = ahead(
        bring,
        _portions(sizes, bounds),
        bounds,
        expected=lambda portion: sum(sizes[portion.start : portion.stop]),
        measure=lambda _: 0,
        cancel=cancel,
    )
    with closing(brought):
        for portion, (found, error) in brought:
            yield from zip(keys[portion.start : portion.start + len(found)], found, strict=True)
            if error is not None:
                raise error


def _portions(sizes: Sequence[int], bounds: Bounds) -> Iterator[range]:
    """Cut objects of these sizes into portions, shorter ones at last: all threads shall end together."""
    most_bytes = bounds.ahead_bytes // (bounds.concurrency * AHEAD_PER_THREAD)
    start = 0
    while start < len(sizes):
        left = len(sizes) - start
        most = min(left, _PORTION, 1 + left // (bounds.concurrency * _PORTIONS_PER_THREAD))
        end, held = start + 1, sizes[start]
        while end < start + most and held + sizes[end] <= most_bytes:
            held += sizes[end]
            end += 1
        yield range(start, end)
        start = end


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
