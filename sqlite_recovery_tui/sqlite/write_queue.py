"""All writes of a process through one thread: many callers, one transaction, nobody waits for a lock.

What was accepted is carried out, or its caller is told why not; what a caller was told is committed. One
that fails takes no other down.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from sqlite_recovery_tui.errors import RecoverError, RefusedError
from sqlite_recovery_tui.sqlite.write_group import Group, Outcome, Writer

T = TypeVar("T")

MOST_WAITING = 10_000
MOST_TOGETHER = 1_000


class TooLate(RecoverError):
    """A write did not begin before its deadline, or found no room; it was not carried out."""

    kind = "too late"


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a queue did since it was opened."""

    waiting: int
    """Accepted and not begun."""
    written: int
    """Committed."""
    failed: int
    """Told an error of their own."""
    cancelled: int
    """Taken back by their callers before they began."""
    late: int
    """Not begun before their deadlines."""
    commits: int
    largest_group: int
    """The most writes in one transaction."""
    repeated: int
    """Run once more, since one beside them failed in a way that took the transaction along."""


@dataclass(slots=True)
class Job(Generic[T]):
    """One write that was accepted."""

    function: Callable[[Any], T]
    future: Future[T]
    deadline: float
    """On the monotonic clock."""


class WriteQueue:
    """Carry writes out one after the other, on a connection that only this queue has.

    A write is a function that takes the connection and changes what it likes, without BEGIN or COMMIT.
    It may be run again when another one's failure undid it, so it must not act on anything else.
    """

    def __init__(
        self,
        connect: Callable[[], Any],
        *,
        most_waiting: int = MOST_WAITING,
        most_together: int = MOST_TOGETHER,
    ) -> None:
        """Open the connection by `connect`, in the queue's own thread; raise what it raises.

        At most `most_waiting` writes wait, further callers do; `most_together` share a transaction.
        """
        self._connect = connect
        self._most_waiting = most_waiting
        self._most_together = most_together
        self._waiting: deque[Job[Any]] = deque()
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        self._room = threading.Condition(self._lock)
        self._callers = 0
        self._closed = False
        self._idle = False
        self._process = os.getpid()
        self._failed = self._cancelled = self._late = 0
        self._writer: Writer | None = None
        opened: Future[None] = Future()
        # Python lets a daemon thread end itself at exit only through `close`, which waits for it.
        self._thread = threading.Thread(target=self._run, args=(opened,), name="writer", daemon=True)
        self._thread.start()
        opened.result()
        atexit.register(self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def submit(self, function: Callable[[Any], T], *, timeout: float | None = None) -> Future[T]:
        """Accept a write, waiting for room; the future has its result once it is committed.

        A write that did not begin within `timeout` seconds fails with `TooLate`, and so does a call that
        found no room in that time. A future that is cancelled before its write begins leaves no trace.
        Raises `RefusedError` once the queue is closed.
        """
        job = Job(function, Future(), _deadline(timeout))
        with self._lock:
            self._accept_or_wait(job)
        return job.future

    async def write(self, function: Callable[[Any], T], *, timeout: float | None = None) -> T:
        """Do as `submit` does for a coroutine, which gets the result; cancelled, it takes the write back."""
        job = Job(function, Future(), _deadline(timeout))
        with self._lock:
            accepted = self._accept(job)
        if not accepted:
            await asyncio.to_thread(self._wait_for_room, job)
        return await asyncio.wrap_future(job.future)

    def statistics(self) -> Statistics:
        """Return the counts up to now."""
        writer = self._writer
        with self._lock:
            return Statistics(
                waiting=len(self._waiting),
                written=writer.written if writer else 0,
                failed=self._failed,
                cancelled=self._cancelled,
                late=self._late,
                commits=writer.commits if writer else 0,
                largest_group=writer.largest if writer else 0,
                repeated=writer.repeated if writer else 0,
            )

    def close(self) -> None:
        """Carry out what was accepted, accept nothing more, and close the connection."""
        if os.getpid() != self._process:  # the thread is the parent's
            return
        with self._lock:
            self._closed = True
            self._work.notify_all()
            self._room.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join()
        atexit.unregister(self.close)

    def _accept(self, job: Job[Any]) -> bool:
        """Take a job in if there is room; with the lock held."""
        if self._closed:
            raise RefusedError("the write queue is closed", hint="open another one")
        if os.getpid() != self._process:
            raise RefusedError(
                "the write queue belongs to the process that this one was forked from",
                hint="open a queue of its own in each process",
            )
        if len(self._waiting) >= self._most_waiting:
            return False
        self._waiting.append(job)
        if self._idle:
            self._idle = False
            self._work.notify()
        return True

    def _accept_or_wait(self, job: Job[Any]) -> None:
        while not self._accept(job):
            left = job.deadline - time.monotonic()
            if left <= 0:
                self._late += 1
                raise TooLate(
                    f"{self._most_waiting} writes wait already",
                    hint="write less at once, or let several small writes be one",
                )
            self._callers += 1
            self._room.wait(None if left == float("inf") else left)
            self._callers -= 1

    def _wait_for_room(self, job: Job[Any]) -> None:
        with self._lock:
            self._accept_or_wait(job)

    def _run(self, opened: Future[None]) -> None:
        try:
            connection = self._connect()
            self._writer = Writer(connection)
        except BaseException as error:
            opened.set_exception(error)
            return
        opened.set_result(None)
        try:
            while group := self._next_group():
                self._carry_out(group)
        finally:
            connection.close()

    def _next_group(self) -> list[Job[Any]]:
        """Return what waits, in order, once anything does; nothing when the queue is closed and empty."""
        with self._lock:
            while not self._waiting and not self._closed:
                self._idle = True
                self._work.wait()
            self._idle = False
            count = min(len(self._waiting), self._most_together)
            group = [self._waiting.popleft() for _ in range(count)]
            if self._callers:
                self._room.notify(count)
        return group

    def _carry_out(self, jobs: list[Job[Any]]) -> None:
        begun = [job for job in jobs if self._begins(job)]
        if not begun:
            return
        group = Group(begun)
        self._write(group)
        failed = 0
        for job, outcome in zip(begun, group.outcomes, strict=True):
            if outcome.error is None:
                job.future.set_result(outcome.result)
            else:
                failed += 1
                job.future.set_exception(outcome.error)
        if failed:
            with self._lock:
                self._failed += failed

    def _write(self, group: Group) -> None:
        """Carry a group out; whatever happens, each of its callers hears of it."""
        assert self._writer is not None
        try:
            self._writer.write(group)
        except BaseException as error:
            group.outcomes[:] = [Outcome(error=error) for _ in group.jobs]

    def _begins(self, job: Job[Any]) -> bool:
        if not job.future.set_running_or_notify_cancel():
            with self._lock:
                self._cancelled += 1
            return False
        if job.deadline < time.monotonic():
            with self._lock:
                self._late += 1
            job.future.set_exception(TooLate("the write did not begin in time, and was not carried out"))
            return False
        return True


def _deadline(timeout: float | None) -> float:
    return float("inf") if timeout is None else time.monotonic() + timeout
