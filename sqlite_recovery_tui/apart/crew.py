"""Several processes, each of which does one task after another: what ends one ends no other one's task."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from sqlite_recovery_tui.apart.process import Worker
from sqlite_recovery_tui.apart.task import Task
from sqlite_recovery_tui.progress import CancelToken, ignore_progress

T = TypeVar("T")
_PATIENCE_SECONDS = 2.0
"""How long tasks may take to leave what nobody waits for any more."""


class Crew:
    """Up to so many processes, begun when there is something to do for them.

    Each has a thread here that waits for it; the tasks are all that they share. (The standard library's
    pool breaks as a whole when one process dies, and may hang when that happens while it starts another.)
    """

    def __init__(self, size: int) -> None:
        """Do up to `size` tasks at a time."""
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="crew")
        self._cancel = CancelToken()
        self._free: deque[Worker] = deque()
        self._busy: set[Worker] = set()

    def submit(self, task: Task[T]) -> Future[T]:
        """Have a task done; the future raises what it raises, and `WorkerDied`."""
        return self._threads.submit(self._carry_out, task)

    def close(self) -> None:
        """Stop what is under way, and end the processes."""
        self._cancel.cancel()
        timer = threading.Timer(_PATIENCE_SECONDS, self._kill)
        timer.start()
        self._threads.shutdown(cancel_futures=True)
        timer.cancel()
        for worker in self._free:
            worker.close()

    def _carry_out(self, task: Task[T]) -> T:
        self._cancel.check()
        worker = self._worker()
        self._busy.add(worker)
        try:
            result = worker.carry_out(task, progress=ignore_progress, cancel=self._cancel)
        except BaseException:
            worker.close(0)
            raise
        else:
            self._free.append(worker)
            return result
        finally:
            self._busy.remove(worker)

    def _worker(self) -> Worker:
        with suppress(IndexError):
            return self._free.pop()
        return Worker()

    def _kill(self) -> None:
        for worker in tuple(self._busy):
            worker.kill()
