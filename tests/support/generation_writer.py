"""Write real v0.3 replicas: follow a SQLite connection's WAL and ship it as Litestream v0.3 does.

Everything is done at the caller's pace and dated by the caller, and the truth is kept beside it: where
each commit ended and, on request, the whole database as it stood then.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import takewhile
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import apsw

from sqlite_recovery_tui.demo.folder import Sink, folder_sink
from sqlite_recovery_tui.domain import Position, Snapshot, WalSegment
from sqlite_recovery_tui.formats import generations, lz4, wal

CheckpointMode = Literal["PASSIVE", "FULL", "RESTART", "TRUNCATE"]

_PIECE_BYTES = 4 << 20
_MODES = {
    "PASSIVE": apsw.SQLITE_CHECKPOINT_PASSIVE,
    "FULL": apsw.SQLITE_CHECKPOINT_FULL,
    "RESTART": apsw.SQLITE_CHECKPOINT_RESTART,
    "TRUNCATE": apsw.SQLITE_CHECKPOINT_TRUNCATE,
}


@dataclass
class Commit:
    """One commit: where its last frame ends, and the database after it."""

    position: Position
    pages: int
    """Size of the database after the commit, in pages."""
    state: bytes | None
    """The database file's content after the commit, when the writer keeps states."""
    time: datetime | None = None
    """Time of the first object from which the commit can be restored; None while unshipped."""


@dataclass
class _Wal:
    """The bytes of one WAL up to its last commit, and how far they were shipped."""

    index: int
    data: bytearray = field(default_factory=bytearray)
    shipped: int = 0

    @property
    def unshipped(self) -> int:
        return len(self.data) - self.shipped


class GenerationWriter:
    """Owns a database through one connection and ships its WAL as generations of a v0.3 replica.

    Run any SQL on `connection` (automatic checkpoints are off); nothing reaches the replica before
    `new_generation`, which takes the first snapshot. Use from one thread, close when done.
    """

    def __init__(
        self,
        database: Path,
        sink: Sink | Path,
        *,
        page_size: int = 4096,
        pragmas: Sequence[str] = (),
        keep_states: bool = False,
        generation_ids: Iterable[str] = (),
    ) -> None:
        """Open `database`, made with `page_size` and `pragmas` ("encoding='UTF-16le'") when it is new.

        Generations are named by `generation_ids` in turn, then at random.
        """
        self.database = database
        self.commits: list[Commit] = []
        """Every commit since the first generation began, each generation's first snapshot included."""
        self.objects: list[Snapshot | WalSegment] = []
        """What was shipped, in order."""
        self._sink = folder_sink(sink) if isinstance(sink, Path) else sink
        self._keep_states = keep_states
        self._ids = iter(generation_ids)
        self._generation = ""
        self._wals: list[_Wal] = []
        self._header = b""
        self._next_index = 0
        self._sealed = True
        self.connection = apsw.Connection(str(database))
        for pragma in (f"page_size={page_size}", *pragmas, "journal_mode=WAL", "synchronous=OFF"):
            self.connection.execute(f"PRAGMA {pragma}")
        self.connection.execute("BEGIN IMMEDIATE; ROLLBACK")
        self.page_size = int(self.connection.pragma("page_size"))
        # Closing any descriptor of a database file drops the locks of the whole process, so this one
        # stays open until after the connection is closed.
        self._file = os.open(database, os.O_RDONLY)
        self._wal_file = os.open(f"{database}-wal", os.O_RDONLY)
        self.connection.set_wal_hook(self._on_commit)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection, which checkpoints and deletes the WAL; unshipped commits stay so."""
        self.connection.close()
        for descriptor in (self._file, self._wal_file):
            if descriptor >= 0:
                os.close(descriptor)
        self._file = self._wal_file = -1

    @property
    def generation(self) -> str:
        """The id of the current generation; empty before the first."""
        return self._generation

    @property
    def position(self) -> Position:
        """Where the last commit ended; offset 0 while the next WAL has not begun."""
        if self._sealed:
            return Position(self._generation, self._next_index, 0)
        return Position(self._generation, self._wals[-1].index, len(self._wals[-1].data))

    def new_generation(self, time: datetime) -> Snapshot:
        """Start a generation with a snapshot at index 0; commits not yet shipped are never shipped."""
        self.checkpoint("TRUNCATE")
        self._generation = next(self._ids, "") or secrets.token_hex(8)
        self._wals, self._header, self._next_index, self._sealed = [], b"", 0, True
        state = self._state()
        pages = os.fstat(self._file).st_size // self.page_size
        self.commits.append(Commit(self.position, pages, state, time))
        return self.snapshot(time, checkpoint=None)

    def checkpoint(self, mode: CheckpointMode = "TRUNCATE") -> bool:
        """Checkpoint the live WAL; return whether all of it is in the database file now.

        After a complete RESTART or TRUNCATE the next commit begins the next WAL index. Raises
        `apsw.BusyError` when a reader is in the way of one of these.
        """
        total, done = self.connection.wal_checkpoint(mode=_MODES[mode])
        complete = total == done
        if complete and mode in ("RESTART", "TRUNCATE") and not self._sealed:
            self._seal()
        return complete

    def snapshot(self, time: datetime, *, checkpoint: CheckpointMode | None = "TRUNCATE") -> Snapshot:
        """Store a copy of the database file as it stands, named by the current WAL index.

        By default the WAL is checkpointed first, so that the copy is the state at the end of the WAL
        before. With None the file is taken as it is, in the middle of a WAL: commits not yet
        checkpointed are missing from it, and ones that a PASSIVE checkpoint wrote may be ahead of
        what was shipped.
        """
        if checkpoint:
            self.checkpoint(checkpoint)
        index = self.position.index
        key = generations.snapshot_key(self._generation, index)
        size = self._sink(key, lz4.compress_pieces(self._read_file()), time)
        if self._sealed:
            self._mark_restorable(Position(self._generation, index, 0), time)
        snapshot = Snapshot(self._generation, index, key, size, time)
        self.objects.append(snapshot)
        return snapshot

    def ship(self, time: datetime, *, end: int | None = None) -> list[WalSegment]:
        """Store everything committed since the last call, one segment per WAL; return the segments.

        With `end` (an offset in the oldest WAL that has unshipped bytes) only that one is shipped, and
        no further: this is how a segment comes to stop inside a transaction.
        """
        waiting = [each for each in self._wals if each.unshipped]
        if end is None:
            return [self._ship(each, len(each.data), time) for each in waiting]
        if not waiting or not waiting[0].shipped < end <= len(waiting[0].data):
            raise ValueError(f"nothing to ship up to offset {end}")
        return [self._ship(waiting[0], end, time)]

    def commit_at(self, time: datetime) -> Commit | None:
        """Return the newest commit that can be restored from objects written at or before `time`."""
        shipped = [each for each in self.commits if each.time is not None and each.time <= time]
        return shipped[-1] if shipped else None

    def _ship(self, source: _Wal, end: int, time: datetime) -> WalSegment:
        start = source.shipped
        key = generations.segment_key(self._generation, source.index, start)
        size = self._sink(key, lz4.compress_pieces([bytes(source.data[start:end])]), time)
        source.shipped = end
        self._mark_restorable(Position(self._generation, source.index, end), time)
        segment = WalSegment(self._generation, source.index, start, key, size, time)
        self.objects.append(segment)
        return segment

    def _mark_restorable(self, end: Position, time: datetime) -> None:
        """Date the commits of this generation up to `end` that have no date yet."""
        pending = takewhile(
            lambda each: each.time is None and each.position.generation == end.generation,
            reversed(self.commits),
        )
        for commit in pending:
            if commit.position <= end:
                commit.time = time

    def _on_commit(self, _: apsw.Connection, __: str, frame_count: int) -> int:
        """Copy what a commit added to the WAL; SQLite calls this after each one."""
        if not self._generation:
            return apsw.SQLITE_OK
        header = os.pread(self._wal_file, wal.HEADER_SIZE, 0)
        if self._sealed or header != self._header:
            self._seal()
            self._wals.append(_Wal(self._next_index))
            self._header, self._sealed = header, False
        current = self._wals[-1]
        end = wal.HEADER_SIZE + frame_count * (wal.FRAME_HEADER_SIZE + self.page_size)
        current.data += os.pread(self._wal_file, end - len(current.data), len(current.data))
        last_frame = end - self.page_size - wal.FRAME_HEADER_SIZE
        pages = int.from_bytes(current.data[last_frame + 4 : last_frame + 8], "big")
        position = Position(self._generation, current.index, end)
        self.commits.append(Commit(position, pages, self._state()))
        return apsw.SQLITE_OK

    def _seal(self) -> None:
        """Note that the current WAL has ended: the next frame belongs to the next index."""
        if not self._sealed:
            self._next_index = self._wals[-1].index + 1
            self._wals = [each for each in self._wals if each.unshipped]
            self._sealed = True

    def _state(self) -> bytes | None:
        return bytes(self.connection.serialize("main")) if self._keep_states else None

    def _read_file(self) -> Iterator[bytes]:
        size = os.fstat(self._file).st_size
        for at in range(0, size, _PIECE_BYTES):
            yield os.pread(self._file, min(_PIECE_BYTES, size - at), at)
