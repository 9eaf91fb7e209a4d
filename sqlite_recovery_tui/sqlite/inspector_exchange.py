"""One question to an inspection process and its answer: against the clock, cancelled, lacking pages.

Whatever the child says is checked: it may have been taken over by what it read.
"""

from __future__ import annotations

import binascii
import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sqlite_recovery_tui.errors import (
    Cancelled,
    DamagedError,
    InspectorDied,
    InspectorError,
    NotFoundError,
    RecoverError,
    RefusedError,
    StatementError,
    TimedOut,
    UsageError,
)
from sqlite_recovery_tui.progress import CancelToken, Progress, ProgressFn
from sqlite_recovery_tui.sqlite.lazy.supply import Supply

if TYPE_CHECKING:
    from sqlite_recovery_tui.sqlite.inspector_process import InspectorProcess

HINT = "The file may be damaged or hostile; nothing else is affected, and you can try again."
_POLL_SECONDS = 0.02
# SQLite reads 64 KiB at most, and a page has 512 bytes at least.
_MOST_PAGES_ASKED = 129


class StaleError(InspectorError):
    """The file is not the one any more that the child had opened: another child must open it."""


class ChangedError(InspectorError):
    """The file was written while the child looked at it."""


_ERRORS: dict[str, type[RecoverError]] = {
    "changed": ChangedError,
    "damaged": DamagedError,
    "not-found": NotFoundError,
    "refused": RefusedError,
    "stale": StaleError,
    "timed-out": TimedOut,
    "usage": UsageError,
}


class Answered(Exception):
    """The child answered with a failure, and lives."""

    def __init__(self, error: RecoverError) -> None:
        self.error = error


class Exchange:
    """One request and what comes back, against the clock and the cancel token."""

    def __init__(
        self,
        child: InspectorProcess,
        number: int,
        *,
        seconds: float | None,
        progress: ProgressFn,
        cancel: CancelToken | None,
        supply: Supply | None,
        take: Callable[[bytes], None] | None = None,
    ) -> None:
        """Talk to `child` about request `number`, for `seconds` without the time pages take to come.

        `take` gets the bytes that come before the answer, if any may.
        """
        self._take = take
        self._child = child
        self._supply = supply
        self._lacking: RecoverError | None = None
        self._number = number
        self._progress = progress
        self._cancel = cancel
        self._cancelled_at: float | None = None
        self._grace = child.limits.grace_seconds
        self._heard_at = time.monotonic()
        self._deadline = None if seconds is None else self._heard_at + seconds + self._grace

    def send(self, data: bytes) -> None:
        """Write the whole request, however slowly the child takes it."""
        rest = memoryview(data)
        while rest:
            try:
                written = self._child.write(rest)
            except OSError:
                raise self._child.died() from None
            rest = rest[written:]
            if not written:
                time.sleep(_POLL_SECONDS)
                self._check_time(time.monotonic())

    def answer(self) -> Any:
        """Wait for the answer; pass on progress, cancellation and the end of patience."""
        while True:
            message = self._child.line(_POLL_SECONDS)
            if message is not None:
                self._heard_at = time.monotonic()
                if "progress" in message:
                    self._report(message["progress"])
                elif "fetch" in message:
                    self._bring(message["fetch"])
                elif "data" in message:
                    self._hand_on(message["data"])
                elif message.get("id") == self._number:
                    return self._result(message)
            self._pass_on_cancel()
            self._check_time(time.monotonic())

    def _bring(self, ask: Any) -> None:
        """Bring pages the child asks for; what keeps them from coming is the outcome of the request."""
        supply = self._supply
        first, count = _asked(ask)
        if supply is None or not 0 < first <= supply.pages or not 0 < count <= _MOST_PAGES_ASKED:
            raise self._child.nonsense("what is no request for pages")
        began = time.monotonic()
        try:
            if self._lacking is None and self._cancelled_at is None:
                supply.bring(first, count, self._progress, self._cancel)
        except RecoverError as error:
            self._lacking = error
        self._heard_at = time.monotonic()
        if self._deadline is not None:
            self._deadline += self._heard_at - began
        came = self._lacking is None and self._cancelled_at is None
        self.send(json.dumps({"brought": came, "costly": supply.is_costly}).encode() + b"\n")

    def _hand_on(self, data: Any) -> None:
        """Give bytes to who waits for them, unless nobody wants them any more."""
        try:
            raw = binascii.a2b_base64(data)
        except (TypeError, ValueError):
            raise self._child.nonsense("what is no data") from None
        if self._take is None:
            raise self._child.nonsense("data that nobody asked for")
        if self._cancelled_at is None:
            self._take(raw)
            self._heard_at = time.monotonic()

    def _result(self, message: dict[str, Any]) -> Any:
        if self._cancelled_at is not None:
            raise Answered(Cancelled("cancelled"))
        if self._lacking:
            # Whatever SQLite made of a page that did not come, this is why.
            raise Answered(self._lacking)
        if "result" in message:
            return message["result"]
        try:
            kind, text, hint, place = message["failure"]
            error = self._error(str(kind), str(text), str(hint), None if place is None else int(place))
        except (KeyError, TypeError, ValueError):
            raise self._child.nonsense("what is no answer") from None
        raise Answered(error)

    def _error(self, kind: str, text: str, hint: str, place: int | None) -> RecoverError:
        if kind == "cancelled":
            return Cancelled("cancelled")
        if place is not None:
            return StatementError(text, object=self._child.name, hint=hint, offset=place)
        name = self._child.name
        message = text if kind == "usage" else f"{name}: {text}"
        return _ERRORS.get(kind, InspectorError)(message, object=name, hint=hint)

    def _report(self, state: Any) -> None:
        try:
            report = Progress(
                phase=str(state["phase"]),
                done=int(state["done"]),
                total=None if state["total"] is None else int(state["total"]),
                unit=str(state["unit"]),
                detail=str(state["detail"]),
            )
        except (KeyError, TypeError, ValueError):
            raise self._child.nonsense("what is no progress") from None
        self._progress(report)

    def _pass_on_cancel(self) -> None:
        if self._cancel and self._cancel.cancelled and self._cancelled_at is None:
            self._cancelled_at = time.monotonic()
            with suppress(OSError):
                self._child.write(json.dumps({"cancel": self._number}).encode() + b"\n")

    def _check_time(self, now: float) -> None:
        if self._cancelled_at is not None and now > self._cancelled_at + self._grace:
            raise Cancelled("cancelled")
        name = self._child.name
        if self._deadline is not None and now > self._deadline:
            raise TimedOut(f"looking into {name} took longer than it may", object=name, hint=HINT)
        if now > self._heard_at + self._child.limits.stall_seconds:
            raise InspectorDied(
                f"the process that looked into {name} showed no sign of life for"
                f" {self._child.limits.stall_seconds:g} s and was stopped",
                object=name,
                hint=HINT,
            )


def _asked(ask: Any) -> tuple[int, int]:
    """Return first page and count of a request for pages; (0, 0) when it is none."""
    if isinstance(ask, list) and len(ask) == 2 and all(type(number) is int for number in ask):
        return ask[0], ask[1]
    return 0, 0
