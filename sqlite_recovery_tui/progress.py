"""How long work reports itself and is asked to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from sqlite_recovery_tui.errors import Cancelled


@dataclass(frozen=True, slots=True)
class Progress:
    """One report of a long operation.

    `phase` is a short verb phrase ("fetching snapshot"); `done` and `total` count in `unit`
    ("bytes", "objects", "pages", "tables"), `total` being None while it is unknown.
    """

    phase: str
    done: int = 0
    total: int | None = None
    unit: str = "bytes"
    detail: str = ""


ProgressFn = Callable[[Progress], None]


def ignore_progress(_: Progress) -> None:
    """Report to nobody."""


class CancelToken:
    """A request to stop, set by one thread and checked by others between steps."""

    def __init__(self, event: threading.Event | None = None) -> None:
        """Share `event` (a worker's own, say), or make a new one."""
        self._event = event or threading.Event()
        self.paused = False
        """Whether the work is to leave what it has, so that it can be taken up again."""

    def cancel(self) -> None:
        """Ask the work to stop at its next step."""
        self._event.set()

    def pause(self) -> None:
        """Ask the work to stop at its next step, and to leave what it needs to go on another time."""
        self.paused = True
        self._event.set()

    @property
    def cancelled(self) -> bool:
        """True once asked for; the work itself may not have stopped yet."""
        return self._event.is_set()

    def check(self) -> None:
        """Raise `Cancelled` when the work was asked to stop."""
        if self._event.is_set():
            raise Cancelled("cancelled")

    def wait(self, seconds: float) -> bool:
        """Wait, at most until cancelled; return True when it was."""
        return self._event.wait(seconds)
