"""Committed frames out of a WAL file, as stretches: as far as the wal-index goes, and only what holds.

Reading is bounded: a stretch has at most so many bytes, unless a single transaction has more.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from sqlite_recovery_tui.errors import FormatError, RecoverError
from sqlite_recovery_tui.formats import wal
from sqlite_recovery_tui.formats.wal import FRAME_HEADER_SIZE, HEADER_SIZE, Frames, WalHeader
from sqlite_recovery_tui.replicate.stretch import BreakKind, Commit, Mark, Stretch
from sqlite_recovery_tui.replicate.wal_index import WalIndex
from sqlite_recovery_tui.replicate.wal_position import Position, outer_header, rechained, restored

STRETCH_BYTES = 8 << 20
_PHANTOM_BYTES = 1 << 20


class NotContinuous(Exception):
    """What follows a position is not what SQLite committed after it."""

    def __init__(self, kind: BreakKind, detail: str) -> None:
        """Say it as the reason of a break."""
        super().__init__(detail)
        self.kind: BreakKind = kind
        self.detail = detail


class CannotRead(RecoverError):
    """The WAL or the database could not be read; nothing is skipped."""

    kind = "cannot-read"


@dataclass(frozen=True, slots=True)
class WalFile:
    """The WAL behind a descriptor."""

    fd: int
    stretch_bytes: int = STRETCH_BYTES

    def read(self, offset: int, length: int) -> bytes:
        """Return its bytes, fewer only at its end; raise `CannotRead`."""
        parts: list[bytes] = []
        while length:
            try:
                part = os.pread(self.fd, length, offset)
            except OSError as error:
                raise CannotRead(f"the write-ahead log cannot be read: {error.strerror}") from None
            if not part:
                break
            parts.append(part)
            offset, length = offset + len(part), length - len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _read_into(self, buffer: bytearray, offset: int, length: int) -> memoryview:
        """Return its bytes as `read` does, in a buffer that is large enough."""
        view = memoryview(buffer)[:length]
        done = 0
        try:
            while done < length and (got := os.preadv(self.fd, [view[done:]], offset + done)):
                done += got
        except OSError as error:
            raise CannotRead(f"the write-ahead log cannot be read: {error.strerror}") from None
        return view[:done]

    def header(self) -> bytes:
        """Return its 32 bytes, fewer when it has none."""
        return self.read(0, HEADER_SIZE)

    def frame_header(self, number: int, page_size: int) -> bytes:
        """Return the header of a frame, counted from 1; empty for 0 or behind the end."""
        if not number:
            return b""
        return self.read(HEADER_SIZE + (number - 1) * (FRAME_HEADER_SIZE + page_size), FRAME_HEADER_SIZE)

    def begin(self, position: Position, index: WalIndex) -> Position:
        """Return where reading goes on from `position`, whose WAL may have ended; raise `NotContinuous`."""
        same = index.salts == position.salts
        if same and index.frames < position.frames:
            detail = f"SQLite's log ends at frame {index.frames}, before frame {position.frames}"
            raise NotContinuous("overwritten", detail)
        if not same and not position.mark.sealed:
            raise NotContinuous("overwritten", "the log was restarted before all of it was read")
        if not position.mark.sealed:
            return position
        header = self.header()
        if header[16:24] != index.salts:
            raise NotContinuous("chain", "the header of the log is not the one that SQLite goes by")
        try:
            return position.next_wal(header)
        except FormatError as error:
            raise NotContinuous("chain", f"the header of the log does not hold: {error}") from None

    def stretches(
        self, position: Position, index: WalIndex, seen: datetime
    ) -> Iterator[tuple[Stretch, Position]]:
        """Yield what is committed after `position`, each until the next, with the position behind it.

        Raises `NotContinuous` where it does not hold, after all that does; `CannotRead`.
        """
        position = self.begin(position, index)
        header = wal.parse_header(position.mark.header)
        left = (index.frames - position.frames) * header.frame_size
        buffer = bytearray(min(left, self.stretch_bytes))  # memory that is new costs more than the reading
        while position.frames < index.frames:
            whole = self._next(header, position, index, buffer)
            stretch, position = _stretch(header, position, whole, seen)
            yield stretch, position
        if position.previous != index.checksum:
            raise NotContinuous("chain", f"the checksum of frame {index.frames} is not the one SQLite has")

    def _next(self, header: WalHeader, position: Position, index: WalIndex, buffer: bytearray) -> Frames:
        """Return whole transactions: as many as fit, at least one; they may lie in `buffer`."""
        start, left = position.frames, index.frames - position.frames
        count = min(left, max(1, self.stretch_bytes // header.frame_size))
        while True:
            size = count * header.frame_size
            if len(buffer) < size:
                buffer = bytearray(size)
            data = self._read_into(buffer, HEADER_SIZE + start * header.frame_size, size)
            frames = wal.split_frames(
                data[: len(data) // header.frame_size * header.frame_size], header.page_size
            )
            verified = wal.verify_frames(header, frames, position.previous)
            commits = frames.head(verified.count).last_commit
            if commits:
                return frames.head(commits)
            if verified.count < count or count == left:
                at = start + verified.count + 1
                why = verified.fault or ("the file ends" if verified.count < count else "no commit follows")
                raise NotContinuous("chain", f"frame {at} of {index.frames} does not hold: {why}")
            count = min(left, count * 2)

    def phantom(self, position: Position) -> int:
        """Return how many frames behind `position` hold up to a commit, though SQLite knows none there."""
        if not position.mark.header or self.header() != position.mark.header:
            return 0
        header = wal.parse_header(position.mark.header)
        first = self.frame_header(position.frames + 1, header.page_size)
        if len(first) < FRAME_HEADER_SIZE or first[8:16] != position.salts:
            return 0
        size = max(_PHANTOM_BYTES // header.frame_size, 1) * header.frame_size
        data = self.read(HEADER_SIZE + position.frames * header.frame_size, size)
        frames = wal.split_frames(
            data[: len(data) // header.frame_size * header.frame_size], header.page_size
        )
        return frames.head(wal.verify_frames(header, frames, position.previous).count).last_commit


def _stretch(
    header: WalHeader, position: Position, frames: Frames, seen: datetime
) -> tuple[Stretch, Position]:
    """Return verified frames as they are handed on, and the position behind them."""
    mark = position.mark
    outer, raw = outer_header(header, mark.header, mark.skipped)
    rows, checksum = frames.data, wal.stored_checksum(frames, len(frames) - 1)
    previous = checksum
    if mark.skipped:
        rows, checksum = rechained(outer, rows, mark.checksum)
    lead = b"" if mark.offset else raw
    data = lead + rows.tobytes() if lead else rows.reshape(-1).data
    first = mark.offset + len(lead)
    ends = np.flatnonzero(frames.commit)
    commits = tuple(
        Commit(first + (number + 1) * header.frame_size, pages)
        for number, pages in zip(ends.tolist(), frames.commit[ends].tolist(), strict=True)
    )
    stretch = Stretch(mark.index, mark.offset, data, header.page_size, commits, checksum, seen)
    behind = replace(
        mark, offset=stretch.end, frame=frames.data[-1, :FRAME_HEADER_SIZE].tobytes(), checksum=checksum
    )
    return stretch, Position(behind, previous, commits[-1].pages)


def proves(  # noqa: PLR0911  # one reason after the other
    mark: Mark | None, index: WalIndex, file: WalFile, page_size: int
) -> NotContinuous | None:
    """Tell why history cannot go on from `mark` after a pause; None when nothing came between.

    The WAL must still be the same one, and its last frame that was kept still in place: a log that was
    restarted meanwhile may have been restarted more than once.
    """
    if mark is None:
        return NotContinuous("new", "nothing was kept before")
    if mark.page_size != page_size:
        return NotContinuous("page-size", f"pages have {page_size:,} bytes, they had {mark.page_size:,}")
    if not mark.header:
        return NotContinuous("down", "there was no log to go on from")
    if file.header() != mark.header or index.salts != mark.header[16:24]:
        return NotContinuous("down", "the log was restarted meanwhile")
    frames = restored(mark).frames
    if index.frames < frames:
        return NotContinuous("down", f"the log ends at frame {index.frames}, frame {frames} was kept")
    if mark.frame and file.frame_header(frames, page_size) != mark.frame:
        return NotContinuous("down", f"frame {frames} of the log is not the one that was kept")
    return None
