"""A job: long work of this session that belongs to no screen; what it is, how far it is, how it ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, TypeVar

from sqlite_recovery_tui.errors import Cancelled, RecoverError
from sqlite_recovery_tui.progress import Progress
from sqlite_recovery_tui.tui.jobs.pace import Pace
from sqlite_recovery_tui.tui.state import Status

if TYPE_CHECKING:
    from sqlite_recovery_tui.tui.engine import Report, Request

T = TypeVar("T")
Kind = Literal["restore", "verify", "export", "delete", "promote", "undo", "rescue", "bisect"]
JobState = Literal["running", "cancelling", "done", "failed", "cancelled", "interrupted", "discarded"]

WORDS: dict[Kind, tuple[str, str]] = {
    "restore": ("restoring", "restored"),
    "verify": ("proving", "looked at"),
    "export": ("exporting", "exported"),
    "delete": ("deleting", "deleted"),
    "promote": ("promoting", "promoted"),
    "undo": ("putting back", "put back"),
    "rescue": ("rescuing", "rescued"),
    "bisect": ("searching", "found"),
}
"""What a job of each kind does, and has done."""

STATUSES: dict[JobState, Status] = {
    "cancelling": Status("◌", "stopping", "warn"),
    "cancelled": Status("‖", "cancelled", "muted"),
    "failed": Status("✗", "failed", "bad"),
    "interrupted": Status("‖", "interrupted", "warn"),
    "discarded": Status("○", "discarded", "muted"),
}
"""How jobs of every kind stand that neither run nor have done their work."""


@dataclass(eq=False, kw_only=True)
class Job(Generic[T]):
    """One piece of long work: what it is, how far it is, how it ended. Times are monotonic seconds."""

    kind: Kind
    title: str
    """What is worked on, as it goes on after the word for its kind: `shop.db from primary`."""
    command: str = ""
    """The command line that does the same; empty where there is none."""
    into: str = ""
    """The file that comes of it; empty without one."""
    work: Callable[[Report], T] | None = None
    """What is to be done, in a thread; a kind that knows by itself has `carry_out` instead."""
    then: Callable[[T], None] | None = None
    """Is told the result, on the screen's thread."""
    number: int = 0
    """Counted from 1 in this session; 0 before it is started."""
    request: Request[Any] | None = None
    state: JobState = "running"
    begun: bool = False
    """Whether a thread has taken it up; until then it waits for others to end."""
    progress: Progress | None = None
    result: T | None = None
    error: RecoverError | None = None
    started: float = 0.0
    ended: float | None = None
    seen: bool = False
    """Whether somebody has looked at how it ended."""
    pace: Pace = field(default_factory=Pace)

    def carry_out(self, report: Report) -> T:
        """Do the work; runs in a thread."""
        assert self.work is not None
        return self.work(report)

    def again(self) -> Self:
        """Return the same job, not started yet."""
        return replace(
            self,
            number=0,
            request=None,
            state="running",
            begun=False,
            progress=None,
            result=None,
            error=None,
            ended=None,
            seen=False,
            pace=Pace(),
        )

    @property
    def running(self) -> bool:
        return self.state in ("running", "cancelling")

    @property
    def repeatable(self) -> bool:
        """Whether there is any use in doing the same again."""
        return not self.running and self.state != "done"

    @property
    def status(self) -> Status:
        """Say in a word how it stands."""
        doing, done = WORDS[self.kind]
        if self.state == "running":
            return Status("◐", doing, "accent") if self.begun else Status("◌", "waiting", "muted")
        if self.state == "done":
            return self.outcome or Status("✓", done, "ok")
        return STATUSES[self.state]

    @property
    def outcome(self) -> Status | None:
        """How it stands once it is done, for kinds whose result may be bad news; None: simply done."""
        return None

    @property
    def phase(self) -> str:
        """The step that it is at; empty before the first."""
        return self.progress.phase if self.progress is not None else ""

    @property
    def fraction(self) -> float | None:
        """How much of the current step is done, 0 to 1; None while nobody knows."""
        if self.progress is None or not self.progress.total:
            return None
        return min(1.0, self.progress.done / self.progress.total)

    def elapsed(self, now: float) -> float:
        return (self.ended if self.ended is not None else now) - self.started

    @property
    def seconds_left(self) -> float | None:
        """About how long the current step still takes."""
        rate = self.pace.per_second
        if not rate or self.progress is None or not self.progress.total:
            return None
        return (self.progress.total - self.progress.done) / rate

    def advance(self, progress: Progress, now: float) -> None:
        """Take a report of its progress."""
        if progress.phase != self.phase:
            self.pace = Pace()
        self.progress = progress
        self.pace.note(progress.done, now)

    def succeed(self, result: T, now: float) -> None:
        """Take what came of it."""
        self.state, self.result, self.ended = "done", result, now

    def fail(self, error: RecoverError, now: float) -> None:
        """Take why nothing came of it."""
        self.ended = now
        if isinstance(error, Cancelled):
            self.state = "cancelled"
        else:
            self.state, self.error = "failed", error
