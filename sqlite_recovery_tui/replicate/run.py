"""The life of the daemon's process: signals, the application as a child, the last ship, the exit code."""

from __future__ import annotations

import os
import queue
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Literal

from sqlite_recovery_tui.errors import StorageError
from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.replicate.child import HANDED_ON, Child

NOT_DURABLE = StorageError.code
"""The exit code when the last commits could not be made durable in time."""
_STOPPING = (signal.SIGTERM, signal.SIGINT)

Event = int | Literal["child"] | Literal["done"]


@dataclass
class Life:
    """What is done at each turn; called from the main thread alone.

    `ship` ships everything and returns what could not be made durable, "" when nothing is left.
    `at_once` ends the process where it stands.
    """

    ship: Callable[[], str]
    say: Callable[[str], None]
    child: Child | None = None
    child_seconds: float = 30.0
    """How long the application may take to end after it was told to."""
    at_once: Callable[[int], None] = os._exit

    def __post_init__(self) -> None:
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._stopping = False
        self.cancel = CancelToken()
        """Set by the first signal to stop: what is done before all has begun ends with it."""

    def run(self, begin: Callable[[Callable[[], None]], None]) -> int:
        """Call `begin`, which is given what says that all is done; return the exit code at the end.

        That is the child's own where there is one, 128 and the signal's number when one ended it; without
        one 0, also after a signal. What could not be made durable makes a 0 `NOT_DURABLE`.
        """
        with self._signals():
            begin(lambda: self._events.put("done"))
            if self.child:
                self.child.start(lambda: self._events.put("child"))
            self._wait()
            code = self.child.end(self.child_seconds) if self.child else 0
            missing = self.ship()
        if missing:
            self.say(missing)
        return code or (NOT_DURABLE if missing else 0)

    def _wait(self) -> None:
        """Return when it is time to end; hand signals on to the child until then."""
        while True:
            event = self._events.get()
            if not isinstance(event, int):
                return
            if self.child:
                self.child.send(event)
            if event in _STOPPING or not self.child:
                return

    def _arrived(self, number: int, _frame: FrameType | None) -> None:
        if self._stopping and number in _STOPPING:
            if self.child:
                self.child.kill()
            self.at_once(128 + number)
        if number in _STOPPING or not self.child:
            self._stopping = True
            self.cancel.cancel()
        elif self._stopping:
            self.child.send(number)
        self._events.put(number)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        before = {number: signal.signal(number, self._arrived) for number in HANDED_ON}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
