"""One replica's history in time, whatever wrote it: lineages, coverage, gaps and restore points.

Everything here follows from a listing alone; whether the bytes hold is for the restore and the proof.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlite_recovery_tui.domain import Format, Gap, LtxFile, RestorePoint, Snapshot, Span
from sqlite_recovery_tui.formats import generations as generation_names
from sqlite_recovery_tui.formats.ltx import names as ltx_names
from sqlite_recovery_tui.replica import commit_times
from sqlite_recovery_tui.replica.bursts import Burst, bursts_of
from sqlite_recovery_tui.replica.generations import REMOVED, Generation
from sqlite_recovery_tui.replica.lineage import Lane, Lineage
from sqlite_recovery_tui.replica.ltx import LtxLineage
from sqlite_recovery_tui.replica.route import Route
from sqlite_recovery_tui.replica.segments import Columns, Segments, microseconds
from sqlite_recovery_tui.replica.wal_times import WalTimes
from sqlite_recovery_tui.words import plural


@dataclass(frozen=True)
class Timeline:
    """All that a listing tells of one replica; lineages in order of their start."""

    lineages: tuple[Lineage, ...]
    other_objects: int = 0
    """Objects whose names are of no known layout; they are ignored."""
    other_examples: tuple[str, ...] = ()
    about_times: tuple[str, ...] = ()
    """What was found out about the times that a listing gives."""

    @cached_property
    def formats(self) -> tuple[Format, ...]:
        """The layouts that are there, the older first."""
        return tuple(sorted({lineage.format for lineage in self.lineages}))

    @property
    def format(self) -> str:
        """The layouts in words."""
        return " + ".join(self.formats)

    @cached_property
    def generations(self) -> tuple[Generation, ...]:
        """The v0.3 generations."""
        return tuple(item for item in self.lineages if isinstance(item, Generation))

    @cached_property
    def ltx(self) -> LtxLineage | None:
        """The LTX files, where there are any."""
        return next((item for item in self.lineages if isinstance(item, LtxLineage)), None)

    @cached_property
    def lanes(self) -> tuple[Lane, ...]:
        """Every lane of every lineage."""
        return tuple(lane for lineage in self.lineages for lane in lineage.lanes)

    @property
    def holds(self) -> str:
        """Say how many lanes of which kind there are."""
        return ", ".join(
            plural(count, noun) for noun, count in Counter(lane.noun for lane in self.lanes).items()
        )

    @cached_property
    def objects(self) -> int:
        return sum(lineage.objects for lineage in self.lineages)

    @cached_property
    def size(self) -> int:
        """Bytes as stored."""
        return sum(lineage.size for lineage in self.lineages)

    @property
    def start(self) -> datetime:
        """The earliest time of any object; there must be one."""
        return min(lineage.start for lineage in self.lineages)

    @property
    def end(self) -> datetime:
        """The latest time of any object; there must be one."""
        return max(lineage.end for lineage in self.lineages)

    @cached_property
    def oldest(self) -> RestorePoint | None:
        """The earliest state that can be restored: nothing can before the first base."""
        firsts = (point for lineage in self.lineages if (point := lineage.oldest()))
        return min(firsts, key=lambda point: point.time, default=None)

    @cached_property
    def newest(self) -> RestorePoint | None:
        """The latest state that can be restored."""
        return self.at_or_before(None)

    def at_or_before(self, time: datetime | None) -> RestorePoint | None:
        """Return the newest restore point that belongs to `time`; None: the newest of all."""
        reached = self.reached(time)
        return reached[1] if reached else None

    def reached(self, time: datetime | None) -> tuple[Lineage, RestorePoint] | None:
        """Return what `at_or_before` does, with its lineage; of points of one time the later history's.

        Where the times of single commits were read around `time`, they count; else when objects were stored.
        """
        found = max(
            (
                (lineage, point)
                for lineage in reversed(self.lineages)
                if (point := lineage.at_or_before(time))
            ),
            key=lambda pair: pair[1].time,
            default=None,
        )
        if time is None:
            return found
        return commit_times.reached(self.lineages, found[0] if found else None, time) or found

    def route_at(self, lineage: Lineage, time: datetime | None) -> Route:
        """Return the way to what `reached` returns, which is in `lineage`."""
        exact = commit_times.route_at(lineage, time) if time is not None else None
        route = exact or lineage.route_at(time)
        assert route is not None
        return route

    def led_on(self, lineage: Lineage, route: Route) -> Route:
        """Return a route of `lineage` that knows where history goes on behind that lineage."""
        later = self.lineages[self.lineages.index(lineage) + 1 :]
        return route.led_on_to(next((first for item in later if (first := item.oldest())), None))

    def after(self, time: datetime) -> RestorePoint | None:
        """Return the first restore point that was stored later than `time`."""
        return min(
            (point for lineage in self.lineages if (point := lineage.after(time))),
            key=lambda point: point.time,
            default=None,
        )

    def point_times(self) -> Iterator[int]:
        """Yield the time of every restore point, in microseconds since 1970, in any order."""
        for lineage in self.lineages:
            yield from lineage.point_times()

    def points(self) -> Iterator[RestorePoint]:
        """Yield every restore point, lineage by lineage, in order of position."""
        for lineage in self.lineages:
            yield from lineage.points()

    def coverage(self) -> list[Span]:
        """Return the spans of time with restore points, overlapping ones joined."""
        joined: list[Span] = []
        for span in sorted(self._spans(), key=lambda span: span.start):
            if joined and span.start <= joined[-1].end:
                joined[-1] = Span(joined[-1].start, max(joined[-1].end, span.end))
            else:
                joined.append(span)
        return joined

    def gaps(self) -> list[Gap]:
        """Return every hole: inside lineages, and the pauses from one to the next."""
        return [gap for lineage in self.lineages for gap in lineage.gaps] + list(self.pauses())

    @property
    def holes(self) -> list[Gap]:
        """The gaps that are damage: something that was written is missing."""
        return [gap for lineage in self.lineages for gap in lineage.gaps if gap.is_damage]

    @cached_property
    def bursts(self) -> tuple[Burst, ...]:
        """Where far more was written at once than usual, the largest first."""
        return bursts_of(self.lanes)

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """What an operator should know before trusting times and counts."""
        found = list(self.about_times)
        if self.other_objects:
            examples = ", ".join(self.other_examples)
            found.append(f"{self.other_objects} other objects ignored (such as {examples})")
        disordered = [item.title for item in self.lineages if not item.times_rise]
        if disordered:
            found.append(
                f"object times do not rise with positions in {', '.join(disordered)}: "
                "they may be those of a copy, and restoring to a time is unreliable"
            )
        return tuple(found)

    def generation(self, id: str) -> Generation | None:
        """Return the generation with this id."""
        return next((item for item in self.generations if item.id == id), None)

    def only(self, *lineages: Lineage) -> Timeline:
        """Return the timeline as if nothing but `lineages` were there."""
        return replace(self, lineages=lineages)

    def with_ltx(self, ltx: LtxLineage, *about_times: str) -> Timeline:
        """Return the timeline with other LTX files, or other times of theirs, and what to say of that."""
        others = (lineage for lineage in self.lineages if lineage is not self.ltx)
        lineages = sorted((*others, ltx), key=_order)
        return replace(self, lineages=tuple(lineages), about_times=(*self.about_times, *about_times))

    def with_commit_times(self, read: Mapping[str, Mapping[int, WalTimes]], *about: str) -> Timeline:
        """Return the timeline with the commit times of some WALs, by generation, and what to say of them."""
        lineages = tuple(
            replace(item, commit_times={**item.commit_times, **read.get(item.id, {})})
            if isinstance(item, Generation)
            else item
            for item in self.lineages
        )
        return replace(self, lineages=lineages, about_times=(*self.about_times, *about))

    def to_json(self) -> dict[str, Any]:
        """Return the summary that the command line prints."""
        return {
            "format": self.format,
            "generations": len(self.generations),
            "levels": len(self.ltx.lanes) if self.ltx else 0,
            "objects": self.objects,
            "size": self.size,
            "oldest": self.oldest.to_json() if self.oldest else None,
            "newest": self.newest.to_json() if self.newest else None,
            "coverage": [span.to_json() for span in self.coverage()],
            "gaps": [gap.to_json() for gap in self.gaps()],
            "other_objects": self.other_objects,
            "warnings": list(self.warnings),
        }

    def _spans(self) -> Iterator[Span]:
        for lineage in self.lineages:
            yield from lineage.spans()

    def pauses(self) -> Iterator[Gap]:
        """Yield the times between lineages in which nothing was stored."""
        stretches = [(lineage, span) for lineage in self.lineages for span in lineage.spans()]
        if not stretches:
            return
        earlier, reach = stretches[0]
        for lineage, span in stretches[1:]:
            if span.end <= reach.end:
                continue
            before, end = earlier, reach.end
            earlier, reach = lineage, span
            if before is lineage or span.start <= end:
                continue
            first = lineage.after(end)
            assert first is not None
            is_removed = _is_removed_between(before, lineage)
            yield Gap(
                kind="expired" if is_removed else "between-generations",
                generation=lineage.id if lineage.format == "v0.3" else None,
                message=REMOVED
                if is_removed
                else f"nothing was stored between {before.title} and {lineage.title}",
                object=first.key,
                before=before.at_or_before(None),
                after=first,
            )


class TimelineBuilder:
    """Collect listed objects into a `Timeline`, which can be asked for at any moment."""

    EXAMPLES = 3

    def __init__(self) -> None:
        """Begin with nothing."""
        # By key: a listing that changes while it is read may give an object twice.
        self._snapshots: dict[str, dict[str, Snapshot]] = {}
        self._segments: dict[str, Columns] = {}
        self._whole: dict[str, Segments] = {}
        self._ltx: dict[str, LtxFile] = {}
        self._noted: dict[str, set[int]] = {}
        self._removed: set[generation_names.Removed] = set()
        self._others = 0
        self._examples: list[str] = []

    def add(self, key: str, size: int, time: datetime, etag: str | None) -> None:
        """Take one object; a key of another layout is counted and otherwise ignored.

        What our own daemon notes beside its segments is no stranger, and not counted.
        """
        if (name := generation_names.parse_key(key)) is not None:
            self._add_to_generation(name, key, size, time, etag)
        elif (file := ltx_names.parse_key(key)) is not None:
            found = LtxFile(file.level, file.min_txid, file.max_txid, key, size, time, etag)
            self._ltx[key] = found
        elif (note := generation_names.parse_note(key)) is not None:
            self._noted.setdefault(note[0], set()).add(note[1])
        elif (removed := generation_names.parse_removed(key)) is not None:
            self._removed.add(removed)
        elif not generation_names.is_note(key):
            self._others += 1
            if len(self._examples) < self.EXAMPLES:
                self._examples.append(key)

    def take(self, segments: Segments) -> None:
        """Take all segments of a generation at once, instead of any that it had."""
        self._whole[segments.generation] = segments

    def timeline(self) -> Timeline:
        """Return what has been collected so far."""
        ids = self._snapshots.keys() | self._segments.keys() | self._whole.keys()
        removed = sorted(self._removed, key=lambda note: note.key)
        lineages: list[Lineage] = [
            Generation(
                id,
                tuple(sorted(self._snapshots.get(id, {}).values(), key=lambda item: item.index)),
                self._whole.get(id) or self._segments.get(id, Columns()).segments(id),
                frozenset(self._noted.get(id, ())),
                removed=tuple(note for note in removed if id in (note.kept, note.next)),
            )
            for id in ids
        ]
        if self._ltx:
            lineages.append(LtxLineage.of(self._ltx.values()))
        lineages.sort(key=_order)
        return Timeline(tuple(lineages), self._others, tuple(self._examples))

    def _add_to_generation(
        self, name: generation_names.ObjectName, key: str, size: int, time: datetime, etag: str | None
    ) -> None:
        if name.offset is None:
            snapshot = Snapshot(name.generation, name.index, key, size, time, etag)
            self._snapshots.setdefault(name.generation, {})[key] = snapshot
        else:
            columns = self._segments.get(name.generation)
            if columns is None:
                columns = self._segments[name.generation] = Columns()
            columns.add(name.index, name.offset, size, microseconds(time), etag)


def _is_removed_between(before: Lineage, lineage: Lineage) -> bool:
    """Tell whether retention took away what lay between two generations."""
    if not isinstance(before, Generation) or not isinstance(lineage, Generation):
        return False
    return any((note.kept, note.next) == (before.id, lineage.id) for note in lineage.removed)


def _order(lineage: Lineage) -> tuple[datetime, str]:
    return lineage.start, lineage.id
