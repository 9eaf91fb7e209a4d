"""What the console knows of replicas: places with their newest listing. No widgets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.tui.widgets.rows import Role

if TYPE_CHECKING:
    from sqlite_recovery_tui.replica.behind import Behind
    from sqlite_recovery_tui.replica.fleet import ReplicaRef, ReplicaState
    from sqlite_recovery_tui.replica.timeline import Timeline
    from sqlite_recovery_tui.restore.plan import Plan
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


@dataclass(frozen=True, slots=True)
class LastListing:
    """A complete listing, of this session or kept from an earlier one."""

    timeline: Timeline
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Beside:
    """What is known of a replica beside its listing."""

    behind: Behind | None = None
    """How far it is behind its live database; None where that was not compared."""
    on_host: bool = False
    """Whether the live database is on this host."""


@dataclass(eq=False)
class Place:
    """One replica of one database, with what is known of it so far."""

    ref: ReplicaRef
    state: ReplicaState | None = None
    """Of this session; what a restore is planned on."""
    known: LastListing | None = None
    """The newest complete listing, also of an earlier session, or from before a failure: for showing."""
    beside: Beside = Beside()
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
        """What is shown of it: the newest complete listing, or as much of the first one as has arrived."""
        if self.known is not None and not self.fresh:
            return self.known.timeline
        return self.state.timeline if self.state is not None else None

    @property
    def fresh(self) -> bool:
        """True when the newest attempt to list it gave a complete listing, the one plans are made on."""
        return not self.pending and self.error is None

    @property
    def aged(self) -> datetime | None:
        """When what is shown was listed, if that is not the listing which a plan would be made on."""
        return self.known.as_of if self.known is not None and not self.fresh else None

    @property
    def error(self) -> RecoverError | None:
        return self.state.error if self.state is not None else None

    @property
    def status(self) -> Status:
        """Say in a word how this replica stands."""
        if self.error is not None and not self.listing:
            return Status("✗", self.error.kind.replace("-", " "), "bad")
        if self.timeline is None or (self.known is None and self.pending):
            return Status("◌", "listing", "muted")
        return _judge(self.timeline)


def _judge(timeline: Timeline) -> Status:
    if timeline.newest is None:
        return Status("✗", "no snapshot", "bad") if timeline.objects else Status("○", "empty", "warn")
    if holes := len(timeline.holes):
        return Status("✗", "gap" if holes == 1 else f"{holes} gaps", "bad")
    return Status("▲", "see notes", "warn") if timeline.warnings else Status("✓", "no gap", "ok")
