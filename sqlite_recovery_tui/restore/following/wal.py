"""Steps of a v0.3 replica: the WAL of one generation, segment by segment, up to what was committed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlite_recovery_tui.clock import Clock
from sqlite_recovery_tui.domain import Position, Snapshot, WalSegment
from sqlite_recovery_tui.errors import DamagedError, ObjectNotFound
from sqlite_recovery_tui.formats import generations as names
from sqlite_recovery_tui.replica.chain import ChainFault
from sqlite_recovery_tui.replica.generations import Generation
from sqlite_recovery_tui.replica.segments import Segments
from sqlite_recovery_tui.replica.timeline import Timeline
from sqlite_recovery_tui.restore.changes import CannotAdvance, Step
from sqlite_recovery_tui.restore.fetch import Fetcher
from sqlite_recovery_tui.restore.following.look import Look, check_nothing_newer
from sqlite_recovery_tui.restore.following.room import Room
from sqlite_recovery_tui.restore.following.unfinished import Unfinished
from sqlite_recovery_tui.restore.following.wal_reading import WalReading
from sqlite_recovery_tui.restore.live.mark import Mark
from sqlite_recovery_tui.restore.tear import SHIPPED_AFTER

GENERATIONS_SECONDS = 5.0
"""How often to look for a new generation, which Litestream begins with every other restart."""
AHEAD_SECONDS = 15.0
"""How long a snapshot may be ahead of the WAL that is stored before that counts as lost."""
TORN_SECONDS = 3.0
"""How long to wait for what shows that a snapshot holds no more than the frames behind it."""


class WalSteps:
    """Leads a copy on through the WAL of its generation."""

    def __init__(
        self, look: Look, fetcher: Fetcher, room: Room, unfinished: Unfinished, clock: Clock
    ) -> None:
        """Know nothing yet of what is there."""
        self._look = look
        self._fetcher = fetcher
        self._room = room
        self._reading: WalReading | None = None
        self._listed: _Listed | None = None
        """Segments of the last full look, while there are some that were not read."""
        self._unfinished = unfinished
        self._generations = _Generations(look, clock)
        self._ahead = _Patience(clock, AHEAD_SECONDS)
        self._torn = _Patience(clock, TORN_SECONDS)
        self._base: _Base | None = None

    def poll(self, since: Mark) -> Step | None:
        """Return the next step; None when nothing is committed behind `since`. Raises as a source does."""
        reading = self._reading
        self._reading = None  # until all went well: what was read and not given out is read again
        listed, self._listed = self._listed, None
        if reading is None or reading.place != since.place:
            step, reading = self._from_all(None, since)
        elif listed is not None and (step := self._from_listed(reading, listed)) is not None:
            pass
        elif self._look.is_due:
            step, reading = self._from_all(reading, since)
        else:
            step = self._from_near(reading, since)
            if step is None and self._generations.has_new():
                step, reading = self._from_all(reading, since)
        self._reading = None if reading.is_broken else reading
        return step

    def _from_near(self, reading: WalReading, since: Mark) -> Step | None:
        """Look where the next segment appears."""
        return self._read(reading, _Near(self._look, since.lineage, reading.index))

    def _from_listed(self, reading: WalReading, listed: _Listed) -> Step | None:
        """Take what a full look has shown."""
        step = self._read(reading, listed)
        if step is not None and step.more:
            self._listed = listed
        return step

    def _from_all(self, reading: WalReading | None, since: Mark) -> tuple[Step | None, WalReading]:
        """Look at everything."""
        assert isinstance(since.place, Position)
        timeline = self._look.full()
        self._generations.saw(timeline)
        generation = timeline.generation(since.lineage)
        if generation is None:
            check_nothing_newer(timeline, since)
            raise CannotAdvance(f"generation {since.lineage}, which the copy is of, is no longer stored")
        if reading is None:
            self._base = _Base.of(generation, since)
            reading = self._begin(since.place, generation)
        step = self._from_listed(reading, _Listed(generation.segments))
        if step is None:
            check_nothing_newer(timeline, since)
            self._check_rest(reading, generation)
            _check_bare_base(reading, generation, since)
        return step, reading

    def _begin(self, place: Position, generation: Generation) -> WalReading:
        try:
            return WalReading.begin(place, generation.segments, self._fetcher, self._room)
        except ChainFault as fault:
            raise self._unfinished.fault(fault.segment, fault.message, object=fault.object) from None
        except ObjectNotFound as gone:
            raise _removed(gone) from None

    def _read(self, reading: WalReading, stored: _Stored) -> Step | None:
        """Return what is committed next, in one WAL only: where one ends, pages may be cut off."""
        enough = self._base.enough if self._base is not None else None
        while not reading.has_commits:
            rest = stored.behind(reading.index, reading.end) or stored.behind(reading.index + 1, 0)
            if not rest:
                return None
            before = reading.index, reading.end
            try:
                reading.read(rest, enough)
            except ChainFault as fault:
                reading.is_broken = True
                if not reading.has_commits:
                    raise self._unfinished.fault(fault.segment, fault.message, object=fault.object) from None
            except ObjectNotFound as gone:
                raise _removed(gone) from None
            if not reading.has_commits and (reading.index, reading.end) == before:
                raise self._unfinished.fault(rest[0], "it is empty")
        is_over = bool(stored.behind(reading.index + 1, 0))
        is_read = not stored.behind(reading.index, reading.end)
        self._settle(reading, is_whole=is_over and is_read and not reading.is_broken)
        return reading.step(more=is_over or not is_read or reading.is_broken)

    def _settle(self, reading: WalReading, *, is_whole: bool) -> None:
        """Raise an error while the copy's base may hold pages of later commits than those that were read.

        The result would mix two states. A restore can tell, as it reads the base as well.
        """
        base = self._base
        if base is None:
            return
        if not is_whole and reading.time is not None and reading.time <= base.enough:
            error = self._torn.error(
                f"snapshot {base.snapshot.label} may hold more than the WAL stored behind it so far",
                base.snapshot.key,
            )
            # What took the place of the copy's base holds even more, and tells nothing of it.
            if not (base.is_replaced and isinstance(error, CannotAdvance)):
                raise error
        self._base = None
        self._torn.end()

    def _check_rest(self, reading: WalReading, generation: Generation) -> None:
        """Raise an error for what is stored behind the WAL that was read, and does not connect to it."""
        following = reading.index + 1
        behind = generation.segments.before(following + 1)
        if behind < len(generation.segments):
            found = generation.segments[behind].key.rpartition("/")[2]
            missing = names.segment_key(generation.id, following, 0)
            raise CannotAdvance(
                f"WAL {following:08x} is missing (found {found} behind it)",
                object=missing,
            )
        ahead = next((item for item in generation.snapshots if item.index >= following), None)
        if ahead is not None:
            raise self._ahead.error(f"snapshot {ahead.label} is ahead of the WAL that is stored", ahead.key)
        self._ahead.end()


class _Stored(Protocol):
    """The segments that there are."""

    def behind(self, index: int, offset: int) -> Sequence[WalSegment]:
        """Return those of one WAL from `offset` on, or at least the first of them."""
        ...


class _Listed:
    """Segments that were all listed."""

    def __init__(self, segments: Segments) -> None:
        self._segments = segments

    def behind(self, index: int, offset: int) -> Sequence[WalSegment]:
        return self._segments[self._segments.before(index, offset) : self._segments.before(index + 1)]


class _Near:
    """Segments that are looked for one by one."""

    def __init__(self, look: Look, generation: str, index: int) -> None:
        self._look = look
        self._generation = generation
        # Before anything of the WAL itself: once the next one is there, all of this one is.
        self._next = self._find(index + 1, 0)
        self._next_index = index + 1

    def behind(self, index: int, offset: int) -> Sequence[WalSegment]:
        if (index, offset) == (self._next_index, 0):
            return self._next
        return self._find(index, offset)

    def _find(self, index: int, offset: int) -> Sequence[WalSegment]:
        key = names.segment_key(self._generation, index, offset)
        found = self._look.find(key)
        if found is None:
            return []
        return [WalSegment(self._generation, index, offset, key, found.size, found.time, found.etag)]


@dataclass(frozen=True, slots=True)
class _Base:
    """A snapshot that may hold more than the frames that were laid over it."""

    snapshot: Snapshot
    enough: datetime
    """Whatever is stored later than this has all that the copy's base can hold."""
    is_replaced: bool
    """Whether the snapshot was taken anew since the copy was made of the one before."""

    @classmethod
    def of(cls, generation: Generation, since: Mark) -> _Base | None:
        """Return the base of a copy at `since`; None where the frames laid over it go far enough."""
        assert isinstance(since.place, Position)
        index = since.place.index
        found = (item for item in generation.snapshots if item.key == since.base and item.index == index)
        snapshot = next(found, None)
        if snapshot is None:
            return None
        enough = min(snapshot.time, since.time) + SHIPPED_AFTER
        return cls(snapshot, enough, snapshot.time > since.time) if since.time <= enough else None


class _Patience:
    """Something that is most likely over in a moment, and a hole if it is not."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._since: float | None = None

    def error(self, message: str, key: str) -> DamagedError:
        """Return what it means by now."""
        now = self._clock.monotonic()
        self._since = now if self._since is None else self._since
        kind = DamagedError if now - self._since < self._seconds else CannotAdvance
        return kind(message, object=key)

    def end(self) -> None:
        """It is over."""
        self._since = None


class _Generations:
    """Notices a generation that was not there before."""

    def __init__(self, look: Look, clock: Clock) -> None:
        self._look = look
        self._clock = clock
        self._known: frozenset[str] | None = None
        """Those that hold something or did so, and folders that were empty from the start."""
        self._looked_at = 0.0

    def saw(self, timeline: Timeline) -> None:
        """Take note of those that a full look shows."""
        if self._known is None:
            self._known = self._folders()
        self._known |= {generation.id for generation in timeline.generations}
        self._looked_at = self._clock.monotonic()

    def has_new(self) -> bool:
        """Look from time to time whether there is another one."""
        now = self._clock.monotonic()
        if self._known is None or now - self._looked_at < GENERATIONS_SECONDS:
            return False
        self._looked_at = now
        return not self._folders() <= self._known

    def _folders(self) -> frozenset[str]:
        return frozenset(filter(names.is_generation, self._look.folders(names.ROOT)))


def _check_bare_base(reading: WalReading, generation: Generation, since: Mark) -> None:
    """Raise `CannotAdvance` when the snapshot that the copy is, with no WAL behind it, was taken anew."""
    if reading.place.offset or reading.end:
        return
    for snapshot in generation.snapshots:
        if snapshot.index == reading.index and snapshot.time > since.time:
            raise CannotAdvance(
                f"snapshot {snapshot.label} was taken anew, and no WAL leads there", object=snapshot.key
            )


def _removed(gone: ObjectNotFound) -> CannotAdvance:
    return CannotAdvance(f"{gone.object} was removed after the replica was listed", object=gone.object)
