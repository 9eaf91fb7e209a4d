"""Which items become which objects: neighbouring segments are joined, always the same way once begun."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlite_recovery_tui.replicate.items import Cut, Item

UNIT_BYTES = 8 << 20
"""Segments are joined up to this many bytes of WAL."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One or more items that go to the replica as one object."""

    items: tuple[Item, ...]

    @property
    def first(self) -> Item:
        return self.items[0]

    @property
    def last(self) -> Item:
        return self.items[-1]

    @property
    def numbers(self) -> tuple[int, int]:
        return self.first.number, self.last.number


def units_of(
    items: Sequence[Item], plan: Sequence[tuple[int, int]], *, single_until: int, most_bytes: int = UNIT_BYTES
) -> Iterator[Unit]:
    """Yield the units of consecutive `items`: those of `plan` first, then joined ones.

    Items up to `single_until` that are not planned stay single: they may have been sent so before.
    """
    planned = dict(plan)
    waiting: list[Item] = []
    for item in items:
        if waiting and not _joins(waiting, item, planned, single_until, most_bytes):
            yield Unit(tuple(waiting))
            waiting = []
        waiting.append(item)
    if waiting:
        yield Unit(tuple(waiting))


def _joins(
    waiting: Sequence[Item], item: Item, planned: dict[int, int], single_until: int, most_bytes: int
) -> bool:
    first, last = waiting[0], waiting[-1]
    if not (isinstance(first, Cut) and isinstance(last, Cut) and isinstance(item, Cut)):
        return False
    if (item.generation, item.index, item.start) != (last.generation, last.index, last.end):
        return False
    if first.number in planned:
        return item.number <= planned[first.number]
    if item.number in planned or item.number <= single_until:
        return False
    return first.number > single_until and item.end - first.start <= most_bytes
