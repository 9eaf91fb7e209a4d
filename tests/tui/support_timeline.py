"""Histories for the timeline: long ones, damaged ones, ones of many generations; and what is looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, overload

from sqlite_recovery_tui.replica.timeline import Timeline, TimelineBuilder
from sqlite_recovery_tui.tui.entries import EntryList, Stored
from tests.support.listings import START

SEGMENT_BYTES = 4_000


def generation_id(number: int) -> str:
    return f"{number * 0x9E3779B97F4A7C15 % (1 << 64):016x}"


def many_generations(
    generations: int, indexes: int, segments: int, *, pause: float = 600, missing: Sequence[int] = ()
) -> Timeline:
    """Return generations one after another, each of `indexes` WALs, a snapshot before every tenth.

    Segments come each second, a little larger every minute; of the last generation the WALs `missing`
    are not there.
    """
    builder = TimelineBuilder()
    moment = START
    for number in range(generations):
        id = generation_id(number + 1)
        for index in range(indexes):
            if index % 10 == 0:
                builder.add(f"generations/{id}/snapshots/{index:08x}.snapshot.lz4", 100_000, moment, None)
            for segment in range(segments):
                moment += timedelta(seconds=1)
                if number < generations - 1 or index not in missing:
                    key = f"generations/{id}/wal/{index:08x}_{segment * 4096:08x}.wal.lz4"
                    builder.add(key, SEGMENT_BYTES * (1 + moment.minute % 5), moment, None)
        moment += timedelta(seconds=pause)
    return builder.timeline()


def place_of(lines: EntryList, label: str) -> int:
    """Return the line of the object with this label."""
    return next(
        place
        for place, entry in enumerate(lines.entries)
        if isinstance(entry, Stored) and entry.item.label == label
    )


class Counted(Sequence[Any]):
    """A sequence that counts how many of its items are looked at."""

    def __init__(self, items: Sequence[Any], seen: list[int]) -> None:
        self._items = items
        self._seen = seen

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Any]: ...
    def __getitem__(self, index: Any) -> Any:
        found = self._items[index]
        self._seen[0] += len(found) if isinstance(index, slice) else 1
        return found

    def __iter__(self) -> Iterator[Any]:
        for item in self._items:
            self._seen[0] += 1
            yield item
