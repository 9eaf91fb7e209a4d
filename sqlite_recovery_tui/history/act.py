"""One act while it goes on: written down when it begins, completed when it ends, however it ends."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlite_recovery_tui import __version__
from sqlite_recovery_tui.clock import SYSTEM, Clock
from sqlite_recovery_tui.errors import Cancelled, DamagedError, RecoverError, RefusedError, UsageError
from sqlite_recovery_tui.errors import VerificationFailed as CheckFailed
from sqlite_recovery_tui.history.entry import Entry, Outcome
from sqlite_recovery_tui.history.ledger import Ledger
from sqlite_recovery_tui.history.process import who


class Act:
    """An act of this process; use as a context manager, which records whatever ends the block.

    A process that is killed leaves what `begin` wrote: it is shown as interrupted. An act that failed before
    it began is recorded as well, once it is known what it was to be done to.
    """

    def __init__(self, ledger: Ledger, kind: str, *, clock: Clock = SYSTEM, **members: Any) -> None:
        """Prepare to record an act of this kind; `members` are those of `Entry`."""
        self._ledger = ledger
        self._clock = clock
        self._since = clock.monotonic()
        self._known = self._begun = self._over = False
        self.entry = Entry(kind=kind, started=clock.now(), version=__version__, **{**who(), **members})
        self._folder = _folder()

    def learn(self, **members: Any) -> None:
        """Keep what became known, to be written with what comes next; `results` are added to those there."""
        self._known = True
        results = {**self.entry.results, **members.pop("results", {})}
        self.entry = replace(self.entry, **members, results=results)

    def begin(self, **members: Any) -> None:
        """Write down that it begins."""
        if self._over:
            return
        self.learn(**members)
        self._begun = True
        self._write()

    def finish(self, outcome: Outcome = "ok", **members: Any) -> None:
        """Write down how it ended; what comes after that is not heard."""
        if self._over:
            return
        self._over = self._begun = True
        duration = self._clock.monotonic() - self._since
        self.learn(ended=self._clock.now(), duration=duration, outcome=outcome, **members)
        self._write()

    def fail(self, error: BaseException) -> None:
        """Write down that it ended with `error`."""
        if not self._begun and (isinstance(error, UsageError) or not self._known):
            self.drop()
            return
        hint = error.hint or None if isinstance(error, RecoverError) else None
        self.finish(outcome_of(error), error=_words(error), hint=hint)

    def drop(self) -> None:
        """Record nothing: it came to nothing to be done."""
        self._over = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.fail(error)
        elif self._begun:
            self.finish()

    def _write(self) -> None:
        results = {**({"folder": self._folder} if self._folder else {}), **self.entry.results}
        number = self._ledger.record(replace(self.entry, results=results))
        self.entry = replace(self.entry, id=number if number is not None else self.entry.id)


def outcome_of(error: BaseException) -> Outcome:
    """Return how an act ended that ended with `error`."""
    if isinstance(error, Cancelled) or _interrupts(error):
        return "cancelled"
    if isinstance(error, DamagedError | CheckFailed):
        return "damaged"
    return "refused" if isinstance(error, RefusedError) else "failed"


def _words(error: BaseException) -> str:
    if isinstance(error, RecoverError):
        return str(error)
    return "interrupted" if _interrupts(error) else f"internal error: {type(error).__name__}"


def _interrupts(error: BaseException) -> bool:
    return not isinstance(error, Exception)


def _folder() -> str | None:
    """Return the directory that relative paths of the command line are meant from."""
    try:
        return str(Path.cwd())
    except OSError:
        return None
