"""Where far more was written at once than usual: what a migration or a script that went wrong looks like.

Told from the sizes in a listing alone, so it is a hint where to look, never a proof that something happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from statistics import median_low
from typing import Any

from sqlite_recovery_tui.domain import Change
from sqlite_recovery_tui.replica.lineage import Lane
from sqlite_recovery_tui.replica.segments import rising, sizes_of, times_of
from sqlite_recovery_tui.words import rfc3339

MANY_TIMES = 4.0
"""How many times the usual size stands out."""
FEW = 16
"""So many changes of a lane make a usual size worth the name."""
MOST = 5


@dataclass(frozen=True, slots=True)
class Burst:
    """One stored change that is far larger than those around it."""

    item: Change
    before: Change
    """The change stored before it: the state to go back to."""
    usual_bytes: int

    @property
    def times(self) -> float:
        """How many times the usual size it has."""
        return self.item.size / self.usual_bytes

    @property
    def excess_bytes(self) -> int:
        return self.item.size - self.usual_bytes

    def to_json(self) -> dict[str, Any]:
        return {
            "time": rfc3339(self.item.time, fraction=True),
            "key": self.item.key,
            "size": self.item.size,
            "times_the_usual": round(self.times, 1),
            "before": rfc3339(self.before.time, fraction=True),
        }


def bursts_of(lanes: Iterable[Lane]) -> tuple[Burst, ...]:
    """Return the few largest bursts, the largest first."""
    found = (burst for lane in lanes for burst in _of(lane))
    return tuple(sorted(found, key=lambda burst: -burst.excess_bytes)[:MOST])


def _of(lane: Lane) -> Iterator[Burst]:
    """Yield the bursts of one lane; its first change is none, for it may hold all that was there before."""
    if len(lane.changes) < FEW:
        return
    sizes, times = sizes_of(lane.changes), times_of(lane.changes)
    usual = max(1, median_low(sizes))
    limit = MANY_TIMES * usual
    if max(sizes) < limit:
        return
    order = rising(times)
    for before, number in pairwise(order):
        if sizes[number] >= limit:
            yield Burst(lane.changes[number], lane.changes[before], usual)
