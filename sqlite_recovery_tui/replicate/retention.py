"""What a replica no longer needs, decided on its listing alone; and the order in which that may go.

History is kept in chains: a snapshot and the segments up to the next one. A chain goes once every time that
is still to be covered can be restored from a later one, unless it is the newest that was ever proven: then
that alone stays, and what lies between goes, which is noted. Wherever deleting stops, what remains restores,
and Litestream finds each WAL that remains from its first segment on.
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
    """A chain to be deleted, in steps: the objects of one may go in any order, the steps may not.

    Behind a chain that stays there is but one step, in whose order its objects go: the newest first, so that
    nobody restores across what is gone already.
    """

    generation: str
    index: int
    start: datetime
    end: datetime
    objects: int
    size: int
    """Bytes as stored."""
    steps: tuple[tuple[str, ...], ...]
    noted: str = ""
    """The key of the note to be written first, where older history stays: nothing is missing by accident."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A chain that stays although its time is over."""

    generation: str
    index: int
    start: datetime
    end: datetime
    objects: int
    size: int
    """Bytes as stored."""
    why: str


@dataclass(frozen=True, slots=True)
class RetentionPlan:
    """What goes, oldest first, and what more would go but for a reason."""

    removals: tuple[Removal, ...] = ()
    withheld: str = ""
    kept: tuple[Kept, ...] = ()
    """What stays although its time is over."""
    stale: tuple[str, ...] = ()
    """Notes of what was removed that say nothing any more."""
    next_at: datetime | None = None
    """When something that is there now will be due; None when nothing will."""


def decide(
    objects: Iterable[ObjectInfo],
    *,
    now: datetime,
    retention: timedelta,
    present: str,
    proven: Sequence[Position] = (),
) -> RetentionPlan:
    """Decide what of a replica's listing goes, of which `present` is the generation that is written now.

    Everything from `now - retention` on stays restorable. `proven` are the positions that a restore or a
    look at all bytes has proven, the newest first: the chain of the first that is still there stays.
    Without a snapshot of `present` nothing goes.
    """
    if retention <= timedelta(0):
        return RetentionPlan(withheld="retention is off")
    listed = list(objects)
    chains = chains_of(listed)
    if not any(chain.generation == present and chain.snapshot for chain in chains):
        return RetentionPlan(withheld="the present generation has no snapshot there yet")
    cutoff = now - retention
    floor = _proven_chain(chains, proven)
    due: list[Chain] = []
    later: list[datetime] = []
    kept: tuple[Kept, ...] = ()
    for chain in chains:
        at = None if _is_newest_of(chain, present) else _expires(chain, chains)
        if at is None:
            continue
        if at > cutoff:
            later.append(at + retention)
        elif chain is floor:
            kept = (_kept(chain),)
        elif floor is None or chain is not chains[-1]:  # something must lie behind what goes behind a floor
            due.append(chain)
    most = max(1, len(chains) // _PART)
    withheld = f"{len(due) - most} more chains in the next runs" if len(due) > most else ""
    next_at = now if withheld else min(later, default=None)
    removals = tuple(_removal(chain, chains, floor if kept else None) for chain in due[:most])
    written = {removal.noted for removal in removals}
    stale = tuple(key for key in _stale(listed, chains) if key not in written)
    return RetentionPlan(removals, withheld, kept, stale, next_at)


def chains_of(objects: Iterable[ObjectInfo]) -> list[Chain]:
    """Return the chains of a listing, generation by generation, oldest first.

    What has no name of the layout is not ours to judge.
    """
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
    begun: dict[str, datetime] = {}
    for chain in chains:
        begun[chain.generation] = min(_start(chain), begun.get(chain.generation, _start(chain)))
    return sorted(chains, key=lambda chain: (begun[chain.generation], chain.generation, chain.index))


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


def _proven_chain(chains: Sequence[Chain], proven: Sequence[Position]) -> Chain | None:
    """Return the chain that the newest position was proven with of which there still is one."""
    found = (
        chain
        for position in proven
        for chain in chains
        if chain.generation == position.generation
        and chain.snapshot is not None
        and chain.index <= position.index
        and (chain.until is None or chain.until > position.index)
    )
    return next(found, None)


def _kept(chain: Chain) -> Kept:
    assert chain.end is not None
    return Kept(
        chain.generation,
        chain.index,
        _start(chain),
        chain.end,
        len(chain.objects),
        sum(info.size for info in chain.objects),
        "the newest that was proven",
    )


def _stale(objects: Sequence[ObjectInfo], chains: Sequence[Chain]) -> Iterator[str]:
    """Yield the notes on what nothing older is in front of any more, and all but the newest of others."""
    newest: dict[tuple[str, int], tuple[int, str]] = {}
    kept = {(chain.generation, _last_index(chain) + 1) for chain in chains if chain.snapshot}
    places = {(chain.generation, chain.index): number for number, chain in enumerate(chains)}
    for info in objects:
        note = names.parse_removed(info.key)
        if note is None:
            continue
        place = places.get((note.next, note.end))
        if (note.kept, note.first) not in kept or place is None:
            yield info.key
            continue
        before = newest.get((note.kept, note.first))
        if before is not None:
            yield min(before, (place, info.key))[1]
        newest[note.kept, note.first] = max(before or (place, info.key), (place, info.key))


def _removal(chain: Chain, chains: Sequence[Chain], floor: Chain | None) -> Removal:
    assert chain.end is not None
    place = chains.index(chain)
    is_behind = floor is not None and place > chains.index(floor)
    noted = ""
    if floor is not None and is_behind:
        following = chains[place + 1]
        first = _last_index(floor) + 1
        noted = names.Removed(floor.generation, first, following.generation, max(following.index, 0)).key
        steps = [_newest_first(chain), chain.sidecars]
    else:
        steps = [[chain.snapshot] if chain.snapshot else [], chain.rest, chain.begins, chain.sidecars]
    return Removal(
        noted=noted,
        generation=chain.generation,
        index=max(chain.index, 0),
        start=_start(chain),
        end=chain.end,
        objects=len(chain.objects),
        size=sum(info.size for info in chain.objects),
        steps=tuple(tuple(info.key for info in step) for step in steps if step),
    )


def _newest_first(chain: Chain) -> list[ObjectInfo]:
    """Return a chain's segments from the last to the first, and its snapshot behind them."""
    placed = [
        (name.index, name.offset or 0, info)
        for info in (*chain.begins, *chain.rest)
        if (name := names.parse_key(info.key))
    ]
    segments = [info for _, _, info in sorted(placed, key=lambda each: each[:2], reverse=True)]
    return [*segments, *([chain.snapshot] if chain.snapshot else [])]


def _last_index(chain: Chain) -> int:
    found = (name.index for info in chain.begins if (name := names.parse_key(info.key)) is not None)
    return max(found, default=max(chain.index, 0))
