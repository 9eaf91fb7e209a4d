"""One generation's WAL, read on and on: verified frames wait until their commit arrives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import numpy as np

from sqlite_recovery_tui.domain import Position, WalSegment
from sqlite_recovery_tui.formats.wal import FRAME_HEADER_SIZE, Frames
from sqlite_recovery_tui.replica.chain import Batch, Chain, PositionBeyondEnd
from sqlite_recovery_tui.restore.changes import CannotAdvance, Step
from sqlite_recovery_tui.restore.fetch import Fetcher
from sqlite_recovery_tui.restore.following.room import Room, newest


class WalReading:
    """The WAL behind one position; give it the segments that follow, in order."""

    def __init__(self, place: Position, chain: Chain, fetcher: Fetcher, room: Room) -> None:
        """Stand at `place`, the end of a commit, with `chain` read up to there."""
        self.place = place
        """Where the last commit that was given out ends."""
        self.is_broken = False
        """Whether it cannot be gone on from: what follows has to be read from the start of its WAL."""
        self._chain = chain
        self._fetcher = fetcher
        self._room = room
        self._open: list[Frames] = []
        """Frames behind the last commit."""
        self._committed: list[Frames] = []
        self._reached = place
        self._pages = 0
        self.time: datetime | None = None
        """When the newest object was stored that the commits since `place` need."""

    @classmethod
    def begin(
        cls, place: Position, segments: Sequence[WalSegment], fetcher: Fetcher, room: Room
    ) -> WalReading:
        """Read the WAL of `place` up to there; `segments` are all of it that there are.

        Raises `CannotAdvance` when it does not reach as far, `ChainFault`, `StorageError`, `Cancelled`.
        """
        before = [item for item in segments if item.index == place.index and item.position < place]
        if place.offset and not before:
            raise CannotAdvance(f"WAL {place.index:08x}, which the copy is in, is no longer stored")
        chain = Chain(None, until=place if place.offset else None)
        try:
            for _ in chain.read(fetcher.segments(before)):
                pass
        except PositionBeyondEnd as beyond:
            raise CannotAdvance(
                f"the copy is at {place.label}, and {beyond}", object=before[-1].key
            ) from None
        return cls(place, chain, fetcher, room)

    @property
    def index(self) -> int:
        """The WAL that is being read."""
        end = self._chain.end
        return end.index if end is not None else self.place.index

    @property
    def end(self) -> int:
        """Up to which byte it was read: where the next segment begins."""
        end = self._chain.end
        return end.offset if end is not None else 0

    @property
    def has_commits(self) -> bool:
        """Whether there is something to give out."""
        return bool(self._committed)

    def read(self, segments: Sequence[WalSegment], enough: datetime | None = None) -> None:
        """Read some of `segments`, those that follow in one WAL.

        As many as there is room for in memory, and at least all up to the first that was stored later
        than `enough`. Raises `ChainFault`, behind the frames in front of it, and others as `begin`.
        """

        def decoded() -> Iterator[tuple[WalSegment, bytes]]:
            size = 0
            for segment, data in self._fetcher.segments(segments):
                yield segment, data
                size += len(data)
                if size >= self._room.limit and (enough is None or segment.time > enough):
                    return

        for batch in self._chain.read_on(decoded()):
            self._see(batch)
        self._spill()

    def step(self, *, more: bool) -> Step:
        """Give out all commits that wait as one step."""
        assert self.time is not None
        parts = [(part.pgno, part.data[:, FRAME_HEADER_SIZE:]) for part in self._committed]
        pages, images = newest(parts, self._pages, self._room)
        step = Step(pages, images, self._pages, self._reached, self.time, more=more)
        self.place, self._committed, self.time = self._reached, [], None
        return step

    def _see(self, batch: Batch) -> None:
        frames = batch.frames
        count = frames.last_commit
        if count:
            self._committed += [*self._open, frames.head(count)]
            self._open = []
            self._pages = int(frames.commit[count - 1])
            end = batch.end_of(count - 1)
            self._reached = Position(self.place.generation, batch.index, end)
            stored = batch.segment_at(end - 1).time
            self.time = max(self.time, stored) if self.time is not None else stored
        if count < len(frames):
            self._open.append(frames.slice(count, len(frames)))
        if batch.ends_index:
            self._open = []  # what never committed is gone with its WAL

    def _spill(self) -> None:
        """Move a transaction that is too large to be held, and still goes on, into a file."""
        waiting = [part for part in self._open if not isinstance(part.data, np.memmap)]
        if not waiting or sum(part.data.nbytes for part in self._open) <= self._room.limit:
            return
        width = waiting[0].data.shape[1]
        self._open = [part for part in self._open if isinstance(part.data, np.memmap)]
        for part in waiting:
            spool = self._room.spool()
            spool.add(part.data)
            self._open.append(Frames(part.pgno, part.commit, spool.rows(width)))
            spool.close()
