"""The way in for an update: waits for readers, politely at first, and never for longer than agreed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlite_recovery_tui.clock import Clock
from sqlite_recovery_tui.restore.live.faults import busy
from sqlite_recovery_tui.sqlite.locks import FileLocks

_LOOK_AGAIN_SECONDS = 0.004


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an update waits for readers, in seconds."""

    polite: float = 0.1
    """For a moment without readers, while new ones come in freely."""
    firm: float = 1.0
    """For those that are in to end, while new ones are told that the database is busy."""


PATIENCE = Patience()


class Gate:
    """SQLite's locks on one copy, with waiting."""

    def __init__(self, fd: int, path: Path, patience: Patience, clock: Clock) -> None:
        """Lock through `fd`, open for reading and writing."""
        self._locks = FileLocks(fd)
        self._path = path
        self._patience = patience
        self._clock = clock

    def enter(self) -> None:
        """Keep other writers out, and let readers go on; raise `CopyBusy`."""
        self._wait(self._reserve, "is written to by somebody else")

    def exclude(self) -> None:
        """From `enter` on: be the only one; raise `CopyBusy`, with no lock held any more."""
        if self._try_for(self._patience.polite, self._slip_in):
            return
        if self._try_for(self._patience.firm, self._press_on):
            return
        self.release()
        raise busy(self._path, "was being read", self._patience.polite + self._patience.firm)

    def share(self) -> None:
        """Lock as a reader does; raise `CopyBusy`."""
        self._wait(self._locks.share, "is written to by somebody else")

    def release(self) -> None:
        """Let everybody in."""
        self._locks.release()

    def _reserve(self) -> bool:
        if self._locks.share():
            if self._locks.reserve():
                return True
            self._locks.release()
        return False

    def _slip_in(self) -> bool:
        if not self._locks.hold_off():
            return False
        if self._locks.exclude():
            return True
        self._locks.let_in()
        return False

    def _press_on(self) -> bool:
        return self._locks.hold_off() and self._locks.exclude()

    def _wait(self, attempt: Callable[[], bool], what: str) -> None:
        seconds = self._patience.polite + self._patience.firm
        if not self._try_for(seconds, attempt):
            self.release()
            raise busy(self._path, what, seconds)

    def _try_for(self, seconds: float, attempt: Callable[[], bool]) -> bool:
        until = self._clock.monotonic() + seconds
        while not attempt():
            if self._clock.monotonic() >= until:
                return False
            self._clock.sleep(_LOOK_AGAIN_SECONDS)
        return True
