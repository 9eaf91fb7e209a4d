"""What is known of a replica beyond its listing: the states that were shown to be restorable, and damage."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlite_recovery_tui.domain import Place, Position, RestorePoint
from sqlite_recovery_tui.errors import DamagedError
from sqlite_recovery_tui.tui.jobs.job import Job

if TYPE_CHECKING:
    from sqlite_recovery_tui.tui.state import Place as Replica


@dataclass(frozen=True, slots=True)
class Shown:
    """A state that was shown to be restorable."""

    moment: datetime
    """Of the state."""
    place: str
    at: datetime
    """When it was shown."""
    how: str
    """By what: "a full restore"."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """An object that does not hold."""

    key: str
    message: str
    last_good: RestorePoint | None = None


@dataclass(frozen=True)
class Known:
    """All that is known, the newest first."""

    shown: tuple[Shown, ...] = ()
    flaws: Mapping[str, Flaw] = field(default_factory=dict)
    """By key."""

    @cached_property
    def _by_place(self) -> Mapping[str, Shown]:
        return {shown.place: shown for shown in reversed(self.shown)}

    @cached_property
    def _rising(self) -> list[Shown]:
        return sorted(self.shown, key=lambda shown: shown.moment)

    @cached_property
    def _by_wal(self) -> Mapping[str, Shown]:
        """The state that reaches furthest into each WAL, by the place in front of its offset."""
        ordered = sorted(self.shown, key=lambda shown: shown.place)
        return {shown.place.rpartition(":")[0]: shown for shown in ordered}

    def inside(self, position: Position) -> Shown | None:
        """Return the state behind `position`, in the same WAL, that was shown to be restorable."""
        shown = self._by_wal.get(str(position).rpartition(":")[0])
        return shown if shown is not None and shown.place > str(position) else None

    def of_state(self, place: Place) -> Shown | None:
        """Return how exactly this state was last shown to be restorable."""
        return self._by_place.get(str(place))

    def before(self, moment: datetime) -> Shown | None:
        """Return the newest state, no later than a moment, that was shown to be restorable."""
        count = bisect_right(self._rising, moment, key=lambda shown: shown.moment)
        return self._rising[count - 1] if count else None


def known_of(replica: Replica, jobs: Iterable[Job[Any]], proofs: Iterable[Any] = ()) -> Known:
    """Gather what the history tells (`proofs` of it), and what this session found."""
    shown = tuple(
        Shown(proof.point_time, proof.place, proof.at, proof.how)
        for proof in proofs
        if proof.point_time is not None
    )
    flaws = {flaw.key: flaw for job in jobs if getattr(job, "place", None) is replica for flaw in _flaws(job)}
    return Known(shown, flaws)


def _flaws(job: Job[Any]) -> Iterable[Flaw]:
    """Yield what a verify found, or what a restore ran into or went in front of."""
    for fault in getattr(job.result, "faults", ()):
        yield Flaw(fault.object, fault.message, fault.last_good)
    aim = getattr(job, "aim", None)
    for error in (job.error, getattr(aim, "damage", None)):
        if isinstance(error, DamagedError) and error.object:
            yield Flaw(error.object, str(error), error.last_good)
