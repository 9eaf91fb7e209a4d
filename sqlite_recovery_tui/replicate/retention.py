"""What a replica no longer needs, decided on its listing alone; and the order in which that may go.

History is kept in chains: a snapshot and the segments up to the next one. A chain goes once every time that
is still to be covered can be restored from a later one. Wherever deleting stops, what remains restores, and
Litestream finds each WAL that remains from its first segment on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from sqlite_recovery_tui.domain import Position
from sqlite_recovery_tui.formats import generations as names
from sqlite_recovery_tui.formats import sidecars
from sqlite_recovery_tui.storage.base import ObjectInfo

_PART = 4
"""At most one in so many chains goes in one run, so that a clock that jumped cannot take all."""


@dataclass
class Chain:
    """A snapshot and what follows on it, up to the next one of its generation."""

    generation: str
    index: int
    snapshot: ObjectInfo | None
    """None for what lies before the first snapshot."""
    begins: list[ObjectInfo] = field(default_factory=list)
    """The first segment of each WAL."""
    rest: list[ObjectInfo] = field(default_factory=list)
    sidecars: list[ObjectInfo] = field(default_factory=list)
    end: datetime | None = None
    """The newest time that only this chain restores; of the last of a generation, its newest object's."""
    until: int | None = None
    """The index of the next snapshot of the generation; None: it is the last."""

    @property
    def objects(self) -> list[ObjectInfo]:
        return [*([self.snapshot] if self.snapshot else []), *self.rest, *self.begins, *self.sidecars]

    @property
    def label(self) -> str:
        return f"{self.generation}/{self.index:08x}"


@dataclass(frozen=True, slots=True)
class Removal:
    """A chain to be deleted, in steps: the objects of one may go in any order, the steps may not."""

    generation: str
    index: int
    start: datetime
    end: datetime
    objects: int
    size: int
    """Bytes as stored."""
    steps: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class RetentionPlan:
    """What goes, oldest first, and what more would go but for a reason."""

    removals: tuple[Removal, ...] = ()
    withheld: str = ""
    next_at: datetime | None = None
    """When something that is there now will be due; None when nothing will."""


def decide(
    objects: Iterable[ObjectInfo],
    *,
    now: datetime,
    retention: timedelta,
    present: str,
    proven: Position | None = None,
) -> RetentionPlan:
    """Decide what of a replica's listing goes, of which `present` is the generation that is written now.

    Everything from `now - retention` on stays restorable. `proven` is a position that a restore has proven:
    its chain and what follows on it stay. Without a snapshot of `present` nothing goes.
    """
    if retention <= timedelta(0):
        return RetentionPlan(withheld="retention is off")
    chains = chains_of(objects)
    if not any(chain.generation == present and chain.snapshot for chain in chains):
        return RetentionPlan(withheld="the present generation has no snapshot there yet")
    cutoff = now - retention
    due: list[Chain] = []
    later: list[datetime] = []
    for chain in chains:
        at = None if _is_newest_of(chain, present) else _expires(chain, chains)
        if at is None or (proven is not None and _is_proven(chain, proven)):
            continue
        if at <= cutoff:
            due.append(chain)
        else:
            later.append(at + retention)
    most = max(1, len(chains) // _PART)
    withheld = f"{len(due) - most} more chains in the next runs" if len(due) > most else ""
    next_at = now if withheld else min(later, default=None)
    return RetentionPlan(tuple(map(_removal, due[:most])), withheld, next_at)


def chains_of(objects: Iterable[ObjectInfo]) -> list[Chain]:
    """Return the chains of a listing, oldest first; what has no name of the layout is not ours to judge."""
    found: dict[str, list[tuple[names.ObjectName, ObjectInfo]]] = defaultdict(list)
    noted: dict[str, list[tuple[int, ObjectInfo]]] = defaultdict(list)
    for info in objects:
        if (name := names.parse_key(info.key)) is not None:
            found[name.generation].append((name, info))
        elif (ours := sidecars.parse_key(info.key)) is not None:
            noted[ours[0]].append((ours[1], info))
    chains = [
        chain
        for generation, listed in found.items()
        for chain in _chains_of(generation, listed, noted[generation])
    ]
    return sorted(chains, key=lambda chain: (_start(chain), chain.index))


def _chains_of(
    generation: str,
    listed: Sequence[tuple[names.ObjectName, ObjectInfo]],
    noted: Sequence[tuple[int, ObjectInfo]],
) -> Iterator[Chain]:
    snapshots = sorted((name.index, info) for name, info in listed if name.offset is None)
    chains = [Chain(generation, -1, None)]
    chains += [Chain(generation, index, info) for index, info in snapshots]
    for name, info in listed:
        if name.offset is not None:
            chain = _holder(chains, name.index)
            (chain.rest if name.offset else chain.begins).append(info)
    for index, info in noted:
        _holder(chains, index).sidecars.append(info)
    for chain, following in pairwise(chains):
        assert following.snapshot is not None
        chain.end, chain.until = following.snapshot.time, following.index
    chains[-1].end = max((info.time for info in chains[-1].objects), default=None)
    return (chain for chain in chains if chain.objects)


def _holder(chains: Sequence[Chain], index: int) -> Chain:
    return next(chain for chain in reversed(chains) if chain.index <= index)


def _start(chain: Chain) -> datetime:
    return chain.snapshot.time if chain.snapshot else min(info.time for info in chain.objects)


def _expires(chain: Chain, chains: Sequence[Chain]) -> datetime | None:
    """Return from when on nothing is covered by this chain alone; None while nothing covers for it."""
    assert chain.end is not None
    if chain.until is not None:
        return chain.end
    begun = [
        other.snapshot.time
        for other in chains
        if other.generation != chain.generation and other.snapshot and other.snapshot.time >= _start(chain)
    ]
    return max(chain.end, min(begun)) if begun else None


def _is_newest_of(chain: Chain, generation: str) -> bool:
    return chain.generation == generation and chain.until is None


def _is_proven(chain: Chain, proven: Position) -> bool:
    """Whether a chain is the one that `proven` was restored from, or follows on it."""
    return chain.generation == proven.generation and (chain.until is None or chain.until > proven.index)


def _removal(chain: Chain) -> Removal:
    assert chain.end is not None
    steps = [[chain.snapshot] if chain.snapshot else [], chain.rest, chain.begins, chain.sidecars]
    return Removal(
        generation=chain.generation,
        index=max(chain.index, 0),
        start=_start(chain),
        end=chain.end,
        objects=len(chain.objects),
        size=sum(info.size for info in chain.objects),
        steps=tuple(tuple(info.key for info in step) for step in steps if step),
    )
