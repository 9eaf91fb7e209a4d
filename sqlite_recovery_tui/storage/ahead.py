"""Jobs done by several threads ahead of the reader, their results handed over in the order of the jobs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from sqlite_recovery_tui.progress import CancelToken

J = TypeVar("J")
R = TypeVar("R")
AHEAD_PER_THREAD = 4
AHEAD_BYTES = 32 << 20
_CANCEL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far ahead of the reader to be."""

    concurrency: int
    ahead_bytes: int = AHEAD_BYTES


def ahead(
    act: Callable[[J], R],
    jobs: Iterable[J],
    bounds: Bounds,
    *,
    expected: Callable[[J], int] | None,
    measure: Callable[[R], int],
    cancel: CancelToken | None,
) -> Generator[tuple[J, R], None, None]:
    """Yield each job with its result, in the order of `jobs`; raise the first error in that order.

    Results under way or waiting for the reader are at most `AHEAD_PER_THREAD` per thread and, beyond the
    next one, at most `ahead_bytes` as `expected` says (without it: by the largest that `measure` found so
    far). Raise `Cancelled`.
    """
    pool = ThreadPoolExecutor(bounds.concurrency, thread_name_prefix="fetch")
    window = _Window(act, iter(jobs), pool, bounds, expected, measure)
    try:
        while window.fill():
            yield window.take(cancel)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def one_by_one(
    act: Callable[[J], R], jobs: Iterable[J], *, cancel: CancelToken | None
) -> Iterator[tuple[J, R]]:
    """Yield each job with its result without threads. Raise `Cancelled`."""
    for job in jobs:
        if cancel is not None:
            cancel.check()
        yield job, act(job)


def result_of(future: Future[R], cancel: CancelToken) -> R:
    """Return what a job came to, or raise what it raised; raise `Cancelled` while it goes on."""
    cancel.check()
    while not future.done():
        try:
            return future.result(_CANCEL_SECONDS)
        except TimeoutError:  # the job's own, perhaps
            cancel.check()
    return future.result()


@dataclass(slots=True)
class _Started(Generic[J, R]):
    job: J
    future: Future[R]
    expected_bytes: int


@dataclass(slots=True)
class _Window(Generic[J, R]):
    """The jobs that were begun and not yet handed over."""

    act: Callable[[J], R]
    jobs: Iterator[J]
    pool: ThreadPoolExecutor
    bounds: Bounds
    expected: Callable[[J], int] | None
    measure: Callable[[R], int]
    largest_bytes: int = 0
    outstanding_bytes: int = 0
    postponed: list[J] = field(default_factory=list)
    waiting: deque[_Started[J, R]] = field(default_factory=deque)

    def fill(self) -> bool:
        """Begin as many jobs as the bounds allow; return False when all was handed over."""
        while len(self.waiting) < self.bounds.concurrency * AHEAD_PER_THREAD:
            job = self.postponed.pop() if self.postponed else next(self.jobs, _NO_MORE)
            if isinstance(job, _NoMore):
                break
            expected = self.largest_bytes if self.expected is None else self.expected(job)
            if self.waiting and self._outstanding() + expected > self.bounds.ahead_bytes:
                self.postponed.append(job)
                break
            self.waiting.append(_Started(job, self.pool.submit(self.act, job), expected))
            self.outstanding_bytes += expected
        return bool(self.waiting)

    def take(self, cancel: CancelToken | None) -> tuple[J, R]:
        """Return the next result in order."""
        started = self.waiting.popleft()
        result = started.future.result() if cancel is None else result_of(started.future, cancel)
        self.outstanding_bytes -= started.expected_bytes
        self.largest_bytes = max(self.largest_bytes, self.measure(result))
        return started.job, result

    def _outstanding(self) -> int:
        """Return the bytes under way; what nothing is known of is guessed anew as larger ones are seen."""
        return self.outstanding_bytes if self.expected else self.largest_bytes * len(self.waiting)


class _NoMore:
    """Stands where the next job would be."""


_NO_MORE = _NoMore()
