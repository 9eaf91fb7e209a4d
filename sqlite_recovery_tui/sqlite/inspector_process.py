"""The parent's end of an inspection process: one request at a time, never waiting for ever.

Whatever the child does (crash, hang, talk nonsense, send without end) becomes a `RecoverError`.
"""

from __future__ import annotations

import json
import logging
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from sqlite_recovery_tui.errors import InspectorDied
from sqlite_recovery_tui.progress import CancelToken, ProgressFn
from sqlite_recovery_tui.sqlite.inspector_exchange import HINT, Answered, Exchange
from sqlite_recovery_tui.sqlite.lazy.supply import Supply
from sqlite_recovery_tui.sqlite.messages import Limits

_log = logging.getLogger(__name__)
_COMMAND = (sys.executable, "-I", "-m", "sqlite_recovery_tui.sqlite.inspector_child")
_READ_BYTES = 1 << 18
_SPARE_BYTES = 1 << 16


class InspectorProcess:
    """A running child; after any failure to answer it is dead, and another has to be made."""

    def __init__(self, name: str, limits: Limits, supply: Supply | None = None) -> None:
        """Start the child; `name` is the file as messages call it, `supply` brings its pages if it must."""
        self._name = name
        self._limits = limits
        self._supply = supply
        self._number = 0
        self._buffer = bytearray()
        self._scanned = 0
        environment = {"LC_ALL": "C.UTF-8"}
        # Without it an interpreter that needs its own libraries would not start.
        if library_path := os.environ.get("LD_LIBRARY_PATH"):
            environment["LD_LIBRARY_PATH"] = library_path
        self._process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
            _COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env=environment,
            cwd="/",
            umask=0o077,
            process_group=0,
            pass_fds=(supply.descriptor,) if supply else (),
        )
        assert self._process.stdin
        assert self._process.stdout
        self._input, self._output = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._input, False)
        self._poll = select.poll()
        self._poll.register(self._output, select.POLLIN)

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """True while the child can be asked something."""
        return self._process.poll() is None

    def call(
        self,
        operation: str,
        arguments: dict[str, Any],
        *,
        seconds: float | None,
        progress: ProgressFn,
        cancel: CancelToken | None,
        take: Callable[[bytes], None] | None = None,
    ) -> Any:
        """Ask the child and return its answer; `take` gets the bytes that it sends before, if it may any.

        Waits `seconds` at most, None being as long as it shows signs of life. Raises `Cancelled`,
        `TimedOut`, `InspectorDied`, or what the child found wrong.
        """
        self._number += 1
        exchange = Exchange(
            self,
            self._number,
            seconds=seconds,
            progress=progress,
            cancel=cancel,
            supply=self._supply,
            take=take,
        )
        try:
            exchange.send(self._request(operation, arguments, seconds))
            return exchange.answer()
        except Answered as answered:
            raise answered.error from None
        except BaseException:
            # The conversation is out of step: only a new child can be trusted to answer the next question.
            self.stop()
            raise

    def stop(self) -> None:
        """Kill the child, if it lives, and free what it held."""
        self.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe:
                pipe.close()

    def kill(self) -> None:
        """Kill the child; safe from any thread, the one that waits for an answer is told."""
        self._process.kill()

    def died(self) -> InspectorDied:
        """Return the error that says how the child ended."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(self._limits.grace_seconds)
        self.kill()
        code = self._process.wait()
        if self._process.stderr:
            tail = self._process.stderr.read(4096) or b""
            _log.debug("inspection of %s ended with %s: %r", self._name, code, tail[-1000:])
        return InspectorDied(
            f"the process that looked into {self._name} {_ending(code)}", object=self._name, hint=HINT
        )

    def _request(self, operation: str, arguments: dict[str, Any], seconds: float | None) -> bytes:
        cpu = self._limits.cpu_seconds if seconds is None else min(self._limits.cpu_seconds, int(seconds) + 5)
        message = {
            "id": self._number,
            "operation": operation,
            "arguments": arguments,
            "seconds": seconds,
            "cpu_seconds": cpu,
        }
        return json.dumps(message).encode() + b"\n"

    def write(self, data: bytes | memoryview) -> int:
        """Write what the pipe takes now; return how many bytes that was. Raises `OSError`."""
        try:
            return os.write(self._input, data)
        except BlockingIOError:
            return 0

    def line(self, wait_seconds: float) -> dict[str, Any] | None:
        """Return the next message; None when none is complete yet. Raises `InspectorDied`."""
        end = self._buffer.find(b"\n", self._scanned)
        if end < 0:
            self._scanned = len(self._buffer)
            if not self._poll.poll(wait_seconds * 1000):
                return None
            data = os.read(self._output, _READ_BYTES)
            if not data:
                raise self.died()
            self._buffer += data
            if len(self._buffer) > self._limits.reply_bytes + _SPARE_BYTES:
                raise self.nonsense("more than it may")
            end = self._buffer.find(b"\n", self._scanned)
            if end < 0:
                return None
        raw = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._scanned = 0
        return self._parsed(raw)

    def _parsed(self, raw: bytes) -> dict[str, Any]:
        try:
            message = json.loads(raw)
        except (ValueError, RecursionError):
            raise self.nonsense("what is no answer") from None
        if not isinstance(message, dict):
            raise self.nonsense("what is no answer")
        return message

    def nonsense(self, what: str) -> InspectorDied:
        """Return the error for a child that does not keep to the conversation."""
        return InspectorDied(
            f"the process that looked into {self._name} sent {what}", object=self._name, hint=HINT
        )

    @property
    def name(self) -> str:
        return self._name

    @property
    def limits(self) -> Limits:
        return self._limits


def _ending(code: int) -> str:
    if code == -signal.SIGXCPU:
        return "used more CPU time than it may"
    if code < 0:
        return f"was killed by signal {signal.Signals(-code).name}"
    return f"ended with exit code {code}"
