"""When the request at hand must stop, and who hears how far it is."""

from __future__ import annotations

import binascii
import time
from collections.abc import Callable
from typing import Any

from sqlite_recovery_tui.sqlite.child.failure import Failure

_REPORT_SECONDS = 0.1


class Watch:
    """The stop conditions of one request; its `tick` is SQLite's progress handler.

    Another thread may call `cancel` at any moment.
    """

    def __init__(self, send: Callable[[dict[str, Any]], None], seconds: float | None) -> None:
        """Report through `send`; stop after `seconds` of wall clock, None being never."""
        self._send = send
        self._deadline = None if seconds is None else time.monotonic() + seconds
        self._next_report = time.monotonic() + _REPORT_SECONDS
        self._cancelled = False
        self._abandoned: Failure | None = None
        self.is_costly = False
        """Whether so much was fetched for the request that it should come to an end soon."""
        self._measure: Callable[[], int] | None = None
        self._state: dict[str, Any] = {"phase": "", "done": 0, "total": None, "unit": "", "detail": ""}

    def cancel(self) -> None:
        self._cancelled = True

    def abandon(self, reason: Failure) -> None:
        """Stop the request: what it needs cannot be had."""
        self._abandoned = self._abandoned or reason

    def extend(self, seconds: float) -> None:
        """Put the deadline off by time that was spent waiting for pages."""
        if self._deadline is not None:
            self._deadline += seconds

    @property
    def is_hopeless(self) -> bool:
        """Whether nothing more needs to be fetched for the request."""
        return self._cancelled or self._abandoned is not None

    @property
    def stopped(self) -> Failure | None:
        """Why the request must stop now; None while it need not."""
        if self._cancelled:
            return Failure("cancelled", "cancelled")
        if self._abandoned:
            return self._abandoned
        if self._deadline is not None and time.monotonic() > self._deadline:
            return Failure("timed-out", "stopped at the time limit")
        return None

    def tick(self) -> bool:
        """Report now and then; return True when SQLite must abandon the statement."""
        now = time.monotonic()
        if now >= self._next_report:
            self.report(now)
        return self.is_hopeless or (self._deadline is not None and now > self._deadline)

    def check(self) -> None:
        """Raise the `Failure` that stops the request, if there is one."""
        self.tick()
        if reason := self.stopped:
            raise reason

    def phase(
        self,
        phase: str,
        *,
        total: int | None = None,
        unit: str = "",
        measure: Callable[[], int] | None = None,
    ) -> None:
        """Begin a phase of the work; `measure` is asked how much is done whenever that is reported."""
        self._state = {"phase": phase, "done": 0, "total": total, "unit": unit, "detail": ""}
        self._measure = measure
        self.report(time.monotonic())

    def step(self, done: int, detail: str = "") -> None:
        """Note how much of the phase is done, and on what it works."""
        self._state["done"], self._state["detail"] = done, detail
        self.check()

    def announce(self, done: int, detail: str) -> None:
        """Note a step that may take long, and report it before it begins."""
        self._state["done"], self._state["detail"] = done, detail
        self.report(time.monotonic())
        self.check()

    def hand_out(self, data: bytes) -> None:
        """Send bytes that belong to the answer, ahead of it."""
        self._send({"data": binascii.b2a_base64(data, newline=False).decode("ascii")})

    def report(self, now: float) -> None:
        self._next_report = now + _REPORT_SECONDS
        if self._measure:
            self._state["done"] = self._measure()
        self._send({"progress": self._state})
