"""WAL segments joined into verified frames: every name, size, salt and checksum agrees, or it says where.

Pure on bytes: decoded segments in, frames out. Good frames in front of a fault are given out before the
fault is raised, so that a reader holds exactly what can be trusted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from sqlite_recovery_tui.domain import Position, WalSegment
from sqlite_recovery_tui.errors import FormatError
from sqlite_recovery_tui.formats import generations as names
from sqlite_recovery_tui.formats import wal
from sqlite_recovery_tui.formats.sidecars import WalEnd
from sqlite_recovery_tui.replica.counters import CounterWatch, Mismatch

BATCH_BYTES = 4 << 20
"""Segments are joined up to this size before their frames are verified in one go."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Verified frames of one WAL, the first at byte `offset`, from consecutive `segments`."""

    header: wal.WalHeader
    index: int
    offset: int
    frames: wal.Frames
    segments: tuple[WalSegment, ...]
    ends_index: bool = False
    """True for the last batch of a WAL that another one follows."""

    def end_of(self, frame: int) -> int:
        """Return the byte offset at which frame number `frame` (0-based) ends."""
        return self.offset + (frame + 1) * self.header.frame_size

    def segment_at(self, offset: int) -> WalSegment:
        """Return the segment that holds byte `offset` of the WAL."""
        return next(item for item in reversed(self.segments) if item.offset <= offset)


class ChainFault(Exception):
    """The chain breaks: at which object, why, and (for a hole) which object is missing."""

    def __init__(
        self, segment: WalSegment, message: str, *, missing: str = "", index: int | None = None
    ) -> None:
        """Blame `segment`, or the key `missing` in front of it, which is of WAL `index`."""
        super().__init__(message)
        self.segment = segment
        self.message = message
        self.object = missing or segment.key
        self.index = segment.index if index is None else index
        """The last WAL that the fault touches; a snapshot behind it is free of it."""


class SnapshotMismatch(ChainFault):
    """The snapshot in front of the chain and the chain are not of one history."""


@dataclass(slots=True)
class _Wal:
    """The WAL being read: its header, how far it reaches and what waits to be verified."""

    header: wal.WalHeader
    index: int
    offset: int
    """Where the waiting bytes begin."""
    checksum: wal.Checksum
    generation: str
    parts: list[bytes | memoryview] = field(default_factory=list)
    segments: list[WalSegment] = field(default_factory=list)
    waiting: int = 0
    in_transaction: bool = False
    """Whether the last verified frame left a transaction open."""

    @property
    def end(self) -> int:
        return self.offset + self.waiting


class Chain:
    """Read a chain of segments in order; after a run `links` and `end` tell what was seen."""

    def __init__(
        self,
        page_size: int | None,
        *,
        until: Position | None = None,
        counter: int | None = None,
        pages: int | None = None,
        ends: Mapping[int, WalEnd] | None = None,
    ) -> None:
        """Expect pages of `page_size` bytes (None: whatever the first WAL says), stop at `until`.

        `counter` is the change counter on page 1 of the snapshot in front of the chain, `pages` its size.
        `ends` says how WALs ended, where that was noted.
        """
        self.page_size = page_size
        self._pages = pages
        self._counters = CounterWatch(counter)
        self.headers: dict[int, wal.WalHeader] = {}
        """Header of every WAL index that was read."""
        self.proven_ends: set[int] = set()
        """The WALs that reach just as far as it was noted when they ended."""
        self._noted = ends or {}
        self.cut_off: list[Batch] = []
        """Verified frames behind `until`, which were read and not given out."""
        self._until = until
        self._wal: _Wal | None = None
        self._ends: dict[int, int] = {}

    def read(self, decoded: Iterable[tuple[WalSegment, bytes]]) -> Iterator[Batch]:
        """Yield verified batches; raise `ChainFault` at the first thing that does not hold.

        A fault in `decoded` itself, or behind the wanted end, does not take away what lies before it.
        """
        fault: ChainFault | None = None
        pieces = iter(decoded)
        while fault is None:
            try:
                segment, data = next(pieces)
            except StopIteration:
                break
            except ChainFault as undecoded:
                fault = undecoded
                break
            if self._wal is None or segment.index != self._wal.index:
                if self._wal is not None:
                    yield from self._flush(ends_index=True)
                    self._check_seam(segment)
                fault = self._begin(segment, data)
            else:
                fault = self._extend(segment, data)
            if self._wal is not None and self._wal.waiting >= BATCH_BYTES:
                yield from self._flush(ends_index=False)
        if self._wal is not None:
            yield from self._flush(ends_index=False)
        if fault is not None:
            raise fault
        self._check_end()

    def read_on(self, decoded: Iterable[tuple[WalSegment, bytes]]) -> Iterator[Batch]:
        """Yield what lies behind `until`, once, then the batches of further segments."""
        self._until = None
        waiting, self.cut_off = self.cut_off, []
        yield from waiting
        yield from self.read(decoded)

    def _begin(self, segment: WalSegment, data: bytes) -> ChainFault | None:
        """Begin the WAL that `segment` starts; return why it starts none."""
        self._wal = None
        if segment.offset != 0:
            return ChainFault(
                segment,
                f"WAL {segment.index:08x} begins at offset {segment.offset:08x}",
                missing=names.segment_key(segment.generation, segment.index, 0),
            )
        try:
            header = wal.parse_header(data)
        except FormatError as error:
            return ChainFault(segment, error.message)
        if self.page_size is not None and header.page_size != self.page_size:
            return ChainFault(
                segment, f"its page size is {header.page_size}, that of the snapshot {self.page_size}"
            )
        self.page_size = header.page_size
        self.headers[segment.index] = header
        self._wal = _Wal(header, segment.index, wal.HEADER_SIZE, header.checksum, segment.generation)
        return self._take(segment, memoryview(data)[wal.HEADER_SIZE :])

    def _extend(self, segment: WalSegment, data: bytes) -> ChainFault | None:
        """Add a segment to the WAL in hand; return why it does not continue it."""
        assert self._wal is not None
        if segment.offset > self._wal.end:
            missing = names.segment_key(segment.generation, segment.index, self._wal.end)
            lost = segment.offset - self._wal.end
            return ChainFault(segment, f"{lost} bytes of WAL are missing", missing=missing)
        if segment.offset < self._wal.end:
            return ChainFault(
                segment, f"it overlaps the segment before it, which ends at {self._wal.end:08x}"
            )
        return self._take(segment, data)

    def _take(self, segment: WalSegment, data: bytes | memoryview) -> ChainFault | None:
        assert self._wal is not None
        frame_size = self._wal.header.frame_size
        if len(data) % frame_size:
            return ChainFault(
                segment, f"its {len(data)} bytes of frames are not a whole number of {frame_size}-byte frames"
            )
        self._wal.parts.append(data)
        self._wal.segments.append(segment)
        self._wal.waiting += len(data)
        return None

    def _flush(self, *, ends_index: bool) -> Iterator[Batch]:
        """Verify what waits and give it out; then raise for the first frame that fails."""
        current = self._wal
        assert current is not None
        segments = tuple(current.segments)
        data = current.parts[0] if len(current.parts) == 1 else b"".join(current.parts)
        frames = wal.split_frames(data, current.header.page_size)
        verified = wal.verify_frames(current.header, frames, current.checksum)
        start = current.offset
        allowed = self._allowed(current, verified.count)
        good = frames.head(allowed)
        if allowed < verified.count:
            behind = frames.slice(allowed, verified.count)
            offset = start + allowed * current.header.frame_size
            self.cut_off.append(Batch(current.header, current.index, offset, behind, segments))
        current.parts, current.segments, current.waiting = [], [], 0
        current.offset = start + len(frames) * current.header.frame_size
        current.checksum = verified.checksum
        if segments:
            self._refuse(self._counters.see(current.index, frames.head(verified.count)), segments[0])
            self._check_sizes(current, frames.head(verified.count), start, segments)
        if verified.count:
            current.in_transaction = not int(frames.commit[verified.count - 1])
        if len(good) or ends_index:
            yield Batch(current.header, current.index, start, good, segments, ends_index)
        if ends_index:
            self._ends[current.index] = current.offset
        bad = start + verified.count * current.header.frame_size
        if verified.fault and not self._is_beyond(current.index, bad):
            segment = next(item for item in reversed(segments) if item.offset <= bad)
            raise ChainFault(segment, f"the frame at offset {bad:08x} does not hold: {verified.fault}")

    def _check_sizes(
        self, current: _Wal, frames: wal.Frames, start: int, segments: tuple[WalSegment, ...]
    ) -> None:
        """A commit cannot give the database a page that neither the snapshot nor any frame has."""
        if self._pages is None or not len(frames):
            return
        known = np.maximum.accumulate(np.maximum(frames.pgno, self._pages))
        wrong = np.flatnonzero(frames.commit > known)
        if not len(wrong):
            self._pages = int(known[-1])
            return
        at = int(wrong[0])
        size, there = int(frames.commit[at]), int(known[at])
        if current.index == next(iter(self.headers)):
            key = names.snapshot_key(current.generation, current.index)
            message = f"it and the WAL behind it are not of one history: page {size} of {size} is in neither"
            raise SnapshotMismatch(segments[0], message, missing=key, index=current.index)
        offset = start + at * current.header.frame_size
        segment = next(item for item in reversed(segments) if item.offset <= offset)
        raise ChainFault(
            segment,
            f"the frame at offset {offset:08x} makes a database of {size} pages, of which {there} exist",
        )

    def _is_beyond(self, index: int, offset: int) -> bool:
        """Tell whether a place in a WAL lies behind the wanted end."""
        until = self._until
        return until is not None and index == until.index and offset >= until.offset

    def _allowed(self, current: _Wal, count: int) -> int:
        """Return how many of `count` good frames lie in front of the wanted end."""
        until = self._until
        if until is None or current.index != until.index:
            return count
        return max(0, min(count, (until.offset - current.offset) // current.header.frame_size))

    def _check_seam(self, following: WalSegment) -> None:
        """A WAL that another one follows ends at a commit, and no later than its snapshot reaches."""
        current = self._wal
        assert current is not None
        if current.in_transaction:
            raise ChainFault(
                following,
                f"WAL {current.index:08x} ends inside a transaction, so its last segments are missing",
                missing=self._missing_tail(following),
                index=current.index,
            )
        self._compare_end(current, following)
        self._refuse(self._counters.end_of_own(following.index), following)

    def _compare_end(self, current: _Wal, following: WalSegment) -> None:
        """Compare where a WAL ends with what was noted of it; a note on another WAL says nothing."""
        noted = self._noted.get(current.index)
        if noted is None or wal.parse_header(noted.header) != current.header:
            return
        if noted.end > current.offset:
            missing = noted.end - current.offset
            raise ChainFault(
                following,
                f"WAL {current.index:08x} ended at {noted.end:08x}: its last {missing} bytes are missing",
                missing=self._missing_tail(following),
                index=current.index,
            )
        if (noted.end, noted.checksum) == (current.offset, current.checksum):
            self.proven_ends.add(current.index)

    @property
    def end(self) -> Position | None:
        """Where the last segment that was read ends; None before the first."""
        return Position(self._wal.generation, self._wal.index, self._wal.end) if self._wal else None

    @property
    def snapshot_is_ahead(self) -> bool:
        """Whether page 1's change counter in the snapshot is beyond all that were read."""
        return self._counters.ahead()

    def _refuse(self, mismatch: Mismatch | None, segment: WalSegment) -> None:
        """Raise for counters that are not those of one history; `segment` is where it was noticed."""
        if mismatch is None:
            return
        if mismatch.of_snapshot:
            key = names.snapshot_key(segment.generation, mismatch.index)
            raise SnapshotMismatch(segment, mismatch.message, missing=key, index=mismatch.index)
        raise ChainFault(segment, mismatch.message, missing=self._missing_tail(segment), index=mismatch.index)

    def _missing_tail(self, following: WalSegment) -> str:
        """Return the name of the segment that would go on from the end of the WAL before `following`."""
        index = following.index - 1
        return names.segment_key(following.generation, index, self._ends.get(index, 0))

    def _check_end(self) -> None:
        """Refuse a wanted position that the WAL does not reach."""
        current, until = self._wal, self._until
        if until is None or current is None or current.index != until.index:
            return
        if until.offset > current.offset:
            raise PositionBeyondEnd(Position(current.generation, current.index, current.offset))


class PositionBeyondEnd(Exception):
    """The wanted position lies behind the last byte that is stored."""

    def __init__(self, end: Position) -> None:
        """Carry where the WAL ends."""
        super().__init__(f"the WAL ends at {end.label}")
        self.end = end


def commit_ends(batch: Batch) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the byte offsets at which the batch's transactions end."""
    commits = np.flatnonzero(batch.frames.commit).astype(np.int64)
    return batch.offset + (commits + 1) * batch.header.frame_size
