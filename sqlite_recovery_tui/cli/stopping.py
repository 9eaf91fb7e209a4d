"""How a signal ends following: in order, at once, and without half an update."""

from __future__ import annotations

import os
import queue
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, TypeVar

from sqlite_recovery_tui.cli.session import Session
from sqlite_recovery_tui.errors import Cancelled
from sqlite_recovery_tui.progress import CancelToken, ignore_progress

if TYPE_CHECKING:
    from sqlite_recovery_tui.restore.changes import Step
    from sqlite_recovery_tui.restore.following.source import ReplicaSource
    from sqlite_recovery_tui.restore.live.mark import Mark

T = TypeVar("T")

WAKE_SECONDS = 0.1
GRACE_SECONDS = 1.0
"""What is being fetched may end in order for so long; nobody waits for it then."""


class Stoppable:
    """A source that a signal stops asking; what is being written to the copy is finished first."""

    def __init__(
        self, session: Session, source: ReplicaSource, stop: CancelToken, *, before_rebase: Callable[[], None]
    ) -> None:
        """Ask `source`, and let signals set `stop`; restores in between show their progress."""
        self._session = session
        self._source = source
        self._stop = stop
        self._before_rebase = before_rebase

    @property
    def url(self) -> str:
        """Where the replica is."""
        return self._source.url

    def poll(self, since: Mark) -> Step | None:
        """Ask for the next step."""
        return self._asking(lambda: self._source.poll(since))

    def rebase(self, since: Mark, into: Path) -> Mark:
        """Restore a new base."""
        self._before_rebase()
        with self._session.meter() as meter:
            self._source.progress = meter
            try:
                return self._asking(lambda: self._source.rebase(since, into))
            finally:
                self._source.progress = ignore_progress

    def _asking(self, ask: Callable[[], T]) -> T:
        """Ask in another thread: this one is for signals, and a server may never answer."""
        answers: queue.SimpleQueue[T | BaseException] = queue.SimpleQueue()

        def work() -> None:
            try:
                answers.put(ask())
            except BaseException as fault:  # raised again by the thread that waits
                answers.put(fault)

        threading.Thread(target=work, name="ask", daemon=True).start()
        patience = GRACE_SECONDS
        while patience > 0:
            try:
                answer = answers.get(timeout=WAKE_SECONDS)
            except queue.Empty:
                if self._stop.cancelled:
                    patience -= WAKE_SECONDS
                continue
            if isinstance(answer, BaseException):
                raise answer
            return answer
        raise Cancelled("interrupted")

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Take SIGINT and SIGTERM as the wish to stop in order; a second one ends the process at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._end) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        if self._stop.cancelled:
            self._session.err.show_cursor()
            os._exit(Cancelled.code)
        self._stop.cancel()
