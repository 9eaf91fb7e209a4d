"""What the console knows: places with their newest listing, and the restores of this session. No widgets."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sqlite_recovery_tui.errors import Cancelled, RecoverError
from sqlite_recovery_tui.progress import Progress
from sqlite_recovery_tui.tui.aim import Aim
from sqlite_recovery_tui.tui.command import command_line
from sqlite_recovery_tui.tui.widgets.rows import Role

if TYPE_CHECKING:
    from sqlite_recovery_tui.replica.fleet import ReplicaRef, ReplicaState
    from sqlite_recovery_tui.replica.timeline import Timeline
    from sqlite_recovery_tui.restore.plan import Plan
    from sqlite_recovery_tui.restore.run import RestoreResult
    from sqlite_recovery_tui.tui.engine import Request


@dataclass(frozen=True, slots=True)
class Status:
    """How something stands: always a glyph and a word, and the role that colours them."""

    glyph: str
    word: str
    role: Role

    @property
    def label(self) -> str:
        return f"{self.glyph} {self.word}"


@dataclass(frozen=True, eq=False)
class Other:
    """What another replica of the same database would give: a plan, or why there is none."""

    place: Place
    plan: Plan | None
    error: RecoverError | None = None


@dataclass(eq=False)
class Place:
    """One replica of one database, with what is known of it so far."""

    ref: ReplicaRef
    state: ReplicaState | None = None
    request: Request[Any] | None = None
    dated: tuple[ReplicaState, datetime, ReplicaState] | None = None
    """A listing, a moment, and that listing with object times as exact as the moment needs them."""

    @property
    def database(self) -> str:
        """The database's name; for a bare URL, the last part of the path."""
        if self.ref.database is not None:
            return self.ref.database.name
        path = self.ref.replica.path.rstrip("/")
        return path.rpartition("/")[2] or self.ref.replica.bucket or self.ref.replica.name

    @property
    def replica(self) -> str:
        return self.ref.replica.name

    @property
    def url(self) -> str:
        return self.ref.replica.url

    @property
    def local(self) -> bool:
        """True when fetching costs no more than reading a file."""
        return self.ref.replica.type == "file"

    @property
    def lists_arrivals(self) -> bool:
        """Whether its listing tells when objects arrived, and something else when they were written."""
        written_late = self.timeline is not None and self.timeline.ltx is not None
        return written_late and self.ref.replica.type in ("s3", "gs", "abs")

    @property
    def listing(self) -> bool:
        """True while its listing is under way."""
        return self.request is not None and self.request.running

    @property
    def pending(self) -> bool:
        """True while neither a whole listing nor the reason why there is none has arrived."""
        return self.state is None or not self.state.complete

    @property
    def timeline(self) -> Timeline | None:
        return self.state.timeline if self.state is not None else None

    @property
    def error(self) -> RecoverError | None:
        return self.state.error if self.state is not None else None

    @property
    def status(self) -> Status:
        """Say in a word how this replica stands."""
        if self.error is not None and not self.listing:
            return Status("✗", self.error.kind.replace("-", " "), "bad")
        if self.timeline is None or (self.listing and not (self.state and self.state.complete)):
            return Status("◌", "listing", "muted")
        return _judge(self.timeline)


def _judge(timeline: Timeline) -> Status:
    if timeline.newest is None:
        return Status("✗", "no snapshot", "bad") if timeline.objects else Status("○", "empty", "warn")
    if holes := len(timeline.holes):
        return Status("✗", "gap" if holes == 1 else f"{holes} gaps", "bad")
    return Status("▲", "see notes", "warn") if timeline.warnings else Status("✓", "no gap", "ok")


class Pace:
    """How fast something counts up, over the last few seconds."""

    WINDOW_SECONDS = 5.0

    def __init__(self) -> None:
        """Begin without any reading."""
        self._readings: deque[tuple[float, int]] = deque()

    def note(self, count: int, now: float) -> None:
        """Take a reading."""
        self._readings.append((now, count))
        while self._readings[0][0] < now - self.WINDOW_SECONDS:
            self._readings.popleft()

    @property
    def per_second(self) -> float | None:
        """Units a second; None until two readings lie apart."""
        if len(self._readings) < 2:
            return None
        (first, low), (last, high) = self._readings[0], self._readings[-1]
        return (high - low) / (last - first) if last > first else None


JobState = Literal["running", "cancelling", "done", "failed", "cancelled"]


@dataclass(eq=False)
class RestoreJob:
    """One restore: what was planned, how far it is, how it ended. Times are monotonic seconds."""

    number: int
    place: Place
    plan: Plan
    output: Path
    scratch_dir: Path | None
    """The scratch directory that `output` is to be made in; None for a path somebody chose."""
    aim: Aim
    started: float
    config: Path | None = None
    """The configuration that names the database."""
    memory_bytes: int = 128 << 20
    others: tuple[Other, ...] = ()
    """What other replicas would have given."""
    reserved: bool = False
    """Whether the directory of a scratch has been made for this restore."""
    request: Request[Any] | None = None
    state: JobState = "running"
    progress: Progress | None = None
    result: RestoreResult | None = None
    error: RecoverError | None = None
    ended: float | None = None
    seen: bool = False
    """Whether somebody has looked at how it ended."""
    pace: Pace = field(default_factory=Pace)

    @property
    def command(self) -> str:
        """The command line that does the same."""
        return command_line(self.place, self.aim, self.output, config=self.config)

    @property
    def running(self) -> bool:
        return self.state in ("running", "cancelling")

    @property
    def status(self) -> Status:
        match self.state:
            case "running":
                return Status("◐", "restoring", "accent")
            case "cancelling":
                return Status("◌", "stopping", "warn")
            case "done":
                return Status("✓", "restored", "ok")
            case "cancelled":
                return Status("‖", "cancelled", "muted")
            case "failed":
                return Status("✗", "failed", "bad")

    @property
    def fraction(self) -> float | None:
        """How much of the current step is done, 0 to 1; None while nobody knows."""
        if self.progress is None or not self.progress.total:
            return None
        return min(1.0, self.progress.done / self.progress.total)

    def advance(self, progress: Progress, now: float) -> None:
        """Take a report of its progress."""
        if self.progress is None or progress.phase != self.progress.phase:
            self.pace = Pace()
        self.progress = progress
        self.pace.note(progress.done, now)

    def finish(self, outcome: RestoreResult | RecoverError, now: float) -> None:
        """Take how it ended."""
        self.ended = now
        if isinstance(outcome, Cancelled):
            self.state = "cancelled"
        elif isinstance(outcome, RecoverError):
            self.state, self.error = "failed", outcome
        else:
            self.state, self.result = "done", outcome

    def elapsed(self, now: float) -> float:
        return (self.ended if self.ended is not None else now) - self.started

    @property
    def seconds_left(self) -> float | None:
        """About how long the current step still takes."""
        rate = self.pace.per_second
        if not rate or self.progress is None or not self.progress.total:
            return None
        return (self.progress.total - self.progress.done) / rate
