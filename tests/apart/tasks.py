"""Tasks that a process of its own can be given in tests."""

from __future__ import annotations

import logging
import os
import signal
import time
import warnings
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from sqlite_recovery_tui.clock import Clock
from sqlite_recovery_tui.config.secret import Secret
from sqlite_recovery_tui.progress import CancelToken, Progress, ProgressFn

LOGGER = logging.getLogger("sqlite_recovery_tui.test")
LONG = 60.0


@dataclass(frozen=True)
class Trial:
    """What all of them have in common."""

    name = "trial"
    after_death = "try again"


@dataclass(frozen=True)
class Reporting(Trial):
    """Reports, notes, warns, and gives back a part of itself."""

    part: tuple[str, ...]

    def carry_out(self, progress: ProgressFn, cancel: CancelToken, clock: Clock) -> dict[str, Any]:
        for step in ("reading", "writing"):
            progress(Progress(step, 1, 2, "pages", "of it"))
        LOGGER.info("noted %d", 1)
        LOGGER.debug("too quiet")
        warnings.warn("warned", stacklevel=1)
        return {"part": self.part, "pid": os.getpid()}


@dataclass(frozen=True)
class Failing(Trial):
    """Fails."""

    error: Exception

    def carry_out(self, progress: ProgressFn, cancel: CancelToken, clock: Clock) -> None:
        raise self.error


@dataclass(frozen=True)
class Waiting(Trial):
    """Says who it is and waits until it is told to stop; then says how."""

    note: Path | None = None
    begun: Path | None = None
    """A FIFO that hears of the beginning."""

    def carry_out(self, progress: ProgressFn, cancel: CancelToken, clock: Clock) -> str:
        progress(Progress("waiting", os.getpid()))
        if self.begun is not None:
            self.begun.write_text("begun")
        assert cancel.wait(LONG)
        said = "paused" if cancel.paused else "cancelled"
        if self.note is not None:
            self.note.write_text(said)
        return said


@dataclass(frozen=True)
class Deaf(Trial):
    """Does not look whether it is to stop; `begun` is a FIFO that hears of the beginning."""

    begun: Path

    def carry_out(self, progress: ProgressFn, cancel: CancelToken, clock: Clock) -> None:
        self.begun.write_text("begun")
        time.sleep(LONG)


@dataclass(frozen=True)
class Chatting(Trial):
    """Reports without a pause until it is told to stop; then says how."""

    def carry_out(self, progress: ProgressFn, cancel: CancelToken, clock: Clock) -> str:
        end = clock.monotonic() + LONG
        for step in count():
            progress(Progress(f"step {step}"))
            if cancel.cancelled or clock.monotonic() > end:
                break
        return ("paused" if cancel.paused else "cancelled") if cancel.cancelled else "never told"


@dataclass(frozen=True)
class Dying(Trial):
    """Is killed, or leaves without a word; `report` comes first."""

    signal: int = 0

    def carry_out(self, progress: ProgressFn, cancel: CancelToken, clock: Clock) -> None:
        progress(Progress("dying"))
        os.write(2, b"last words")
        if self.signal:
            signal.raise_signal(self.signal)
        os._exit(7)


@dataclass(frozen=True)
class Confessing(Trial):
    """Tells what anybody on this machine can see of its process, and how it lets others go first."""

    secret: Secret

    def carry_out(self, progress: ProgressFn, cancel: CancelToken, clock: Clock) -> dict[str, Any]:
        groups = Path("/proc/self/autogroup")
        return {
            "seen": Path("/proc/self/cmdline").read_bytes() + Path("/proc/self/environ").read_bytes(),
            "secret": self.secret.reveal(),
            "priority": os.getpriority(os.PRIO_PROCESS, 0),
            "session": os.getsid(0) == os.getpid(),
            "processors": len(os.sched_getaffinity(0)),
            "group": groups.read_text() if groups.exists() else "",
        }
