"""What an operator wants restored: the target, and how far the plan may bend to reach it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlite_recovery_tui.domain import Position, RestorePoint
from sqlite_recovery_tui.errors import DamagedError
from sqlite_recovery_tui.restore.target import AtPosition, AtTime, Latest, Target, describe, of_point

if TYPE_CHECKING:
    from sqlite_recovery_tui.replica.timeline import Timeline


@dataclass(frozen=True)
class Aim:
    """One wish of an operator about one replica."""

    target: Target
    generation: str | None = None
    """Only within this generation; None: wherever the target leads."""
    nearest: bool = False
    """Take the nearest point when the time lies outside the coverage."""
    damage: DamagedError | None = None
    """What was found broken on the way; the restore then ends in front of it."""

    @property
    def to_last_good(self) -> bool:
        return self.damage is not None

    @property
    def suits_any(self) -> bool:
        """Whether another replica of the same database could serve it: it names no place in one's history."""
        return self.generation is None and isinstance(self.target, Latest | AtTime)

    @property
    def label(self) -> str:
        """What was asked for, in words."""
        match self.target:
            case AtTime(_, text) if text:
                return text
            case target:
                return describe(target)

    def in_front_of(self, damage: DamagedError) -> Aim:
        """Return the same wish, up to the last good commit before `damage`."""
        return replace(self, damage=damage)

    def undamaged(self) -> Aim:
        """Return the same wish, as if nothing had been found broken yet."""
        return replace(self, damage=None)

    def at_nearest(self) -> Aim:
        """Return the same wish, content with the nearest point."""
        return replace(self, nearest=True)


LATEST = Aim(Latest())


def leaves_out(timeline: Timeline, time: datetime) -> bool:
    """Tell whether a state was stored at `time` itself and does not belong to it."""
    after = timeline.reached(time + timedelta(microseconds=1))
    return after is not None and after[1].time == time and not after[0].includes(time, time)


def at_state(point: RestorePoint) -> Aim:
    """Return the wish for everything up to the end of the object that makes `point`."""
    return Aim(of_point(point))


def at_base(point: RestorePoint) -> Aim:
    """Return the wish for a state that a restore can begin with, by itself.

    The state at the beginning of a WAL is also the end of the one before, which may be reached from an older
    snapshot, through segments that are damaged: so the beginning is what is named.
    """
    match point.position:
        case Position(generation, index, _):
            return Aim(AtPosition(index, 0, generation))
        case _:
            return at_state(point)
