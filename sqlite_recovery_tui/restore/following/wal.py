"""Steps of a v0.3 replica: the WAL of one generation, segment by segment, up to what was committed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlite_recovery_tui.clock import Clock
from sqlite_recovery_tui.domain import Position, Snapshot, WalSegment
from sqlite_recovery_tui.errors import DamagedError, ObjectNotFound
from sqlite_recovery_tui.formats import generations as names
from sqlite_recovery_tui.replica.chain import ChainFault
from sqlite_recovery_tui.replica.generations import Generation
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
        self._unfinished = unfinished
        self._generations = _Generations(look, clock)
        self._ahead = _Patience(clock, AHEAD_SECONDS)
        self._torn = _Patience(clock, TORN_SECONDS)
        self._base: _Base | None = None

    def poll(self, since: Mark) -> Step | None:
        """Return the next step; None when nothing is committed behind `since`. Raises as a source does."""
        reading = self._reading
        self._reading = None  # until all went well: what was read and not given out is read again
        if reading is None or reading.place != since.place or self._look.is_due:
            step, reading = self._from_all(reading, since)
        else:
            step = self._from_near(reading, since)
            if step is None and self._generations.has_new():
                step, reading = self._from_all(reading, since)
        self._reading = None if reading.is_broken else reading
        return step

    def _from_near(self, reading: WalReading, since: Mark) -> Step | None:
        """Look where the next segment appears."""
        generation, index = since.lineage, reading.index
        # The next WAL first: once it is there, everything of the one before is.
        begun = self._look.is_there(names.segment_key(generation, index + 1, 0))
        if not begun and not self._look.is_there(names.segment_key(generation, index, reading.end)):
            return None
        found = self._look.glance(
            *(f"{names.generation_prefix(generation)}wal/{number:08x}_" for number in (index + 1, index))
        ).generation(generation)
        step = self._read(reading, found.segments if found else ())
        if step is not None and not step.more and reading.index > index:
            return replace(step, more=self._look.is_there(names.segment_key(generation, index + 2, 0)))
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
        if reading is None or reading.place != since.place:
            self._base = _Base.of(generation, since)
            reading = self._begin(since.place, generation)
        step = self._read(reading, generation.segments)
        if step is None:
            check_nothing_newer(timeline, since)
            self._check_rest(reading, generation)
        return step, reading

    def _begin(self, place: Position, generation: Generation) -> WalReading:
        try:
            return WalReading.begin(place, generation.segments, self._fetcher, self._room)
        except ChainFault as fault:
            raise self._unfinished.fault(fault.segment, fault.message, object=fault.object) from None
        except ObjectNotFound as gone:
            raise _removed(gone) from None

    def _read(self, reading: WalReading, segments: Sequence[WalSegment]) -> Step | None:
        """Return what `segments` commit, of one WAL only: where one ends, pages may be cut off."""
        enough = self._base.enough if self._base is not None else None
        while not reading.has_commits:
            rest = _of_index(segments, reading.index, reading.end) or _of_index(segments, reading.index + 1)
            if not rest:
                return None
            try:
                reading.read(rest, enough)
            except ChainFault as fault:
                reading.is_broken = True
                if not reading.has_commits:
                    raise self._unfinished.fault(fault.segment, fault.message, object=fault.object) from None
            except ObjectNotFound as gone:
                raise _removed(gone) from None
        is_over = bool(_of_index(segments, reading.index + 1))
        is_read = not _of_index(segments, reading.index, reading.end)
        self._settle(reading, is_whole=is_over and is_read and not reading.is_broken)
        return reading.step(more=is_over or not is_read or reading.is_broken)

    def _settle(self, reading: WalReading, *, is_whole: bool) -> None:
        """Raise an error while the copy's base may hold pages of later commits than those that were read.

        The result would mix two states. A restore can tell, which reads the base as well.
        """
        base = self._base
        if base is None:
            return
        if is_whole or (reading.time is not None and reading.time > base.enough):
            self._base = None
            self._torn.end()
            return
        raise self._torn.error(
            f"snapshot {base.snapshot.label} may hold more than the WAL stored behind it so far",
            base.snapshot.key,
        )

    def _check_rest(self, reading: WalReading, generation: Generation) -> None:
        """Raise an error for what is stored behind the WAL that was read, and does not connect to it."""
        following = reading.index + 1
        behind = next((item for item in generation.segments if item.index > following), None)
        if behind is not None:
            missing = names.segment_key(generation.id, following, 0)
            raise CannotAdvance(
                f"WAL {following:08x} is missing (found {behind.key.rpartition('/')[2]} behind it)",
                object=missing,
            )
        ahead = next((item for item in generation.snapshots if item.index >= following), None)
        if ahead is not None:
            raise self._ahead.error(f"snapshot {ahead.label} is ahead of the WAL that is stored", ahead.key)
        self._ahead.end()


@dataclass(frozen=True, slots=True)
class _Base:
    """A snapshot that may hold more than the frames that were laid over it."""

    snapshot: Snapshot
    enough: datetime
    """Whatever is stored later than this has all that the snapshot can hold."""

    @classmethod
    def of(cls, generation: Generation, since: Mark) -> _Base | None:
        """Return the base of a copy at `since`; None where the frames laid over it go far enough."""
        assert isinstance(since.place, Position)
        index = since.place.index
        found = (item for item in generation.snapshots if item.key == since.base and item.index == index)
        snapshot = next(found, None)
        if snapshot is None or since.time > snapshot.time + SHIPPED_AFTER:
            return None
        return cls(snapshot, snapshot.time + SHIPPED_AFTER)


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


def _of_index(segments: Sequence[WalSegment], index: int, offset: int = 0) -> list[WalSegment]:
    return [item for item in segments if item.index == index and item.offset >= offset]


def _removed(gone: ObjectNotFound) -> CannotAdvance:
    return CannotAdvance(f"{gone.object} was removed after the replica was listed", object=gone.object)
