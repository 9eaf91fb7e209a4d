"""What one writer's numbering ties together: a v0.3 generation, or all LTX files of a replica."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Protocol

from sqlite_recovery_tui.domain import Base, Change, Format, Gap, RestorePoint, Span, StoredObject
from sqlite_recovery_tui.replica.route import Route
from sqlite_recovery_tui.replica.segments import Segments
from sqlite_recovery_tui.words import plural, rfc3339


@dataclass(frozen=True)
class Lane:
    """Objects that are listed and drawn together: those of a generation, or of an LTX level."""

    id: str
    title: str
    bases: Sequence[Base]
    changes: Sequence[Change]
    about: str = ""
    """What its objects are, in a word or two; empty where the title says it all."""
    noun: str = "generation"
    """What lanes of its kind are called."""
    change_noun: str = "segment"
    """What its changes are called."""

    @cached_property
    def start(self) -> datetime:
        """The earliest time of any object."""
        return min(part.start for part in self._parts())

    @cached_property
    def end(self) -> datetime:
        """The latest time of any object."""
        return max(part.end for part in self._parts())

    @cached_property
    def size(self) -> int:
        """Bytes as stored."""
        return sum(part.size for part in self._parts())

    @property
    def objects(self) -> int:
        return len(self.bases) + len(self.changes)

    @property
    def holds(self) -> str:
        """Say how many of what it holds."""
        counts = ((len(self.bases), "snapshot"), (len(self.changes), self.change_noun))
        return ", ".join(plural(count, noun) for count, noun in counts if count)

    def to_json(self) -> dict[str, Any]:
        """Return the lane as the command line prints it."""
        return {
            "id": self.id,
            "title": self.title,
            "bases": len(self.bases),
            "changes": len(self.changes),
            "size": self.size,
            "start": rfc3339(self.start, fraction=True),
            "end": rfc3339(self.end, fraction=True),
        }

    def _parts(self) -> Iterator[Segments | _Few]:
        for items in (self.bases, self.changes):
            if items:
                yield items if isinstance(items, Segments) else _Few(items)


@dataclass(frozen=True, slots=True)
class _Few:
    """Objects that are not in columns."""

    items: Sequence[StoredObject]

    @property
    def start(self) -> datetime:
        return min(item.time for item in self.items)

    @property
    def end(self) -> datetime:
        return max(item.time for item in self.items)

    @property
    def size(self) -> int:
        return sum(item.size for item in self.items)


class Lineage(Protocol):
    """A history whose objects connect by number, and what a listing tells of it."""

    @property
    def id(self) -> str:
        """A generation's id; "ltx" for LTX files."""
        ...

    @property
    def title(self) -> str:
        """What a person calls it."""
        ...

    @property
    def format(self) -> Format:
        """The layout of its objects."""
        ...

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """Its objects as they are listed."""
        ...

    @property
    def bases(self) -> tuple[Base, ...]:
        """The objects that a restore can begin with and that were meant for it."""
        ...

    @property
    def start(self) -> datetime:
        """The earliest time of any object."""
        ...

    @property
    def end(self) -> datetime:
        """The latest time of any object."""
        ...

    @property
    def size(self) -> int:
        """Bytes as stored."""
        ...

    @property
    def objects(self) -> int:
        """How many objects it has."""
        ...

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """The holes that names alone betray, and stretches that were never stored."""
        ...

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is worth knowing of how its objects lie, and is no fault."""
        ...

    @property
    def details(self) -> dict[str, Any]:
        """Return what only a history of its format has, as the command line prints it."""
        ...

    @property
    def times_rise(self) -> bool:
        """Whether times rise with positions, as they do unless they are those of a copy."""
        ...

    def spans(self) -> list[Span]:
        """Return the stretches of time with restore points, in order."""
        ...

    def points(self) -> Iterator[RestorePoint]:
        """Yield every restore point in order of position."""
        ...

    def point_times(self) -> Iterator[int]:
        """Yield the time of every restore point, in microseconds since 1970, in any order."""
        ...

    def state_of(self, item: StoredObject) -> RestorePoint | None:
        """Return the state that an object ends in; one that nothing connects to has none."""
        ...

    def oldest(self) -> RestorePoint | None:
        """Return the earliest state that can be restored."""
        ...

    def at_or_before(self, time: datetime | None) -> RestorePoint | None:
        """Return the newest state that belongs to `time` (None: of all), by `includes`."""
        ...

    def after(self, time: datetime) -> RestorePoint | None:
        """Return the first state that was stored later than `time`."""
        ...

    def includes(self, stored: datetime, asked: datetime) -> bool:
        """Tell whether what was stored at `stored` belongs to the state of `asked`.

        Litestream v0.3 takes objects of that very moment in, v0.5 leaves them out.
        """
        ...

    def route_at(self, time: datetime | None) -> Route | None:
        """Return the way to what `at_or_before` returns, by objects of that time alone."""
        ...

    def route_to_oldest(self) -> Route | None:
        """Return the way to what `oldest` returns."""
        ...


def to_json(lineage: Lineage) -> dict[str, Any]:
    """Return a lineage and its lanes as the command line prints them."""
    return {
        "id": lineage.id,
        "title": lineage.title,
        "format": lineage.format,
        "objects": lineage.objects,
        "size": lineage.size,
        "start": rfc3339(lineage.start, fraction=True),
        "end": rfc3339(lineage.end, fraction=True),
        **lineage.details,
        "remarks": list(lineage.remarks),
        "lanes": [lane.to_json() for lane in lineage.lanes],
    }
