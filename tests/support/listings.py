"""Listings of v0.3 replicas in a few words: what lies where, stored how many seconds after the start."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlite_recovery_tui.formats import generations as names
from sqlite_recovery_tui.replica.timeline import Timeline, TimelineBuilder

START = datetime(2026, 3, 26, 10, 0, tzinfo=UTC)
A, B, C = "a" * 16, "b" * 16, "c" * 16


def at(seconds: float) -> datetime:
    """Return the moment `seconds` after the start."""
    return START + timedelta(seconds=seconds)


@dataclass(frozen=True)
class Item:
    """One object: a snapshot when `offset` is None; `time` in seconds after the start."""

    generation: str
    index: int
    offset: int | None
    time: float
    size: int = 100

    @property
    def key(self) -> str:
        if self.offset is None:
            return names.snapshot_key(self.generation, self.index)
        return names.segment_key(self.generation, self.index, self.offset)


def listing(text: str, generation: str = A) -> list[Item]:
    """Read "S0@1 0.0@2 0.20@3 1.0@5": snapshot and segments (index and offset in hex) with their times."""
    items = []
    for word in text.split():
        name, _, time = word.partition("@")
        if name.startswith("S"):
            items.append(Item(generation, int(name[1:], 16), None, float(time), 1000))
        else:
            index, offset = name.split(".")
            items.append(Item(generation, int(index, 16), int(offset, 16), float(time)))
    return items


def timeline_of(items: Iterable[Item], others: Iterable[str] = ()) -> Timeline:
    """Return the timeline of a listing in just this order."""
    builder = TimelineBuilder()
    for item in items:
        builder.add(item.key, item.size, at(item.time), None)
    for key in others:
        builder.add(key, 1, START, None)
    return builder.timeline()


def timeline(text: str = "", **more: str) -> Timeline:
    """Return the timeline of generation A as `listing` reads it; `b` and `c` add further generations."""
    ids: Mapping[str, str] = {"b": B, "c": C}
    items = listing(text) + [item for name, words in more.items() for item in listing(words, ids[name])]
    return timeline_of(items)
