"""One connection to a live database: what is committed in its WAL is proven and given to the sink, in order.

A position moves only when the sink has kept what lies before it; nothing is ever skipped.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from functools import partial

from sqlite_recovery_tui.clock import Clock
from sqlite_recovery_tui.errors import FormatError
from sqlite_recovery_tui.formats import header as database_header
from sqlite_recovery_tui.formats.wal import FRAME_HEADER_SIZE
from sqlite_recovery_tui.replicate.connections import Connections
from sqlite_recovery_tui.replicate.frozen import FrozenDatabase
from sqlite_recovery_tui.replicate.reading import CannotRead, NotContinuous, WalFile, proves
from sqlite_recovery_tui.replicate.stretch import Break, Mark, Sink
from sqlite_recovery_tui.replicate.wal_index import WalIndex
from sqlite_recovery_tui.replicate.wal_position import MAX_INDEX, Position, beginning, restored

CUT_BYTES = 1 << 30
"""Where a WAL that is handed on ends at the latest: readers of the format know offsets below 4 GiB only."""
_TRIES = 3


class NotKept(Exception):
    """The sink could not keep what it was given: why."""


class Session:
    """What is known while connected."""

    def __init__(self, connections: Connections, sink: Sink, clock: Clock, stretch_bytes: int) -> None:
        """Take over the connections, which `close` closes; raise `CannotRead`."""
        self.connections = connections
        self.wal = WalFile(connections.wal_fd, stretch_bytes)
        self.position: Position | None = None
        self.still: tuple[int, int] | None = None
        """The database file's size and time of change while nobody may write to it; None: somebody may."""
        self.frozen: FrozenDatabase | None = None
        self.page_size = _page_size(connections)
        self._sink = sink
        self._clock = clock
        self._seen = b""

    @property
    def at(self) -> Position:
        """The position; there must be one."""
        assert self.position is not None
        return self.position

    def is_idle(self) -> bool:
        """Tell whether the index is as it was when everything had been read."""
        return self.connections.index_bytes() == self._seen

    def ship(self, most_bytes: int | None = None) -> bool:
        """Hand on all that is committed, or at least `most_bytes` of it; tell whether there was any.

        Raises `NotContinuous`, after all that holds was handed on; `NotKept`; `CannotRead`; `OSError`.
        """
        start = self.at
        room = float("inf") if most_bytes is None else most_bytes
        for attempt in range(1, _TRIES + 1):
            raw, index = self.connections.index()
            if raw == self._seen:
                break
            try:
                for size in self._shipped(index):
                    room -= size
                    if room <= 0:
                        return True
            except NotContinuous:
                if attempt == _TRIES or self.connections.index_bytes() == raw:
                    raise
            else:
                self._seen = raw
                break
        return self.at != start

    def _shipped(self, index: WalIndex) -> Iterator[int]:
        """Hand on what there is up to `index`, a stretch at a time; yield the bytes of each."""
        while not (yield from self._ship(index)):
            pass

    def _ship(self, index: WalIndex) -> Generator[int, None, bool]:
        """Do so in one WAL; return False when it was ended on the way, and more follows."""
        at = self.at
        if not index.frames:
            if not at.mark.sealed and at.frames:
                raise NotContinuous("overwritten", "the log was cut to nothing before all of it was read")
            return True
        if index.salts == at.salts and index.frames == at.frames:
            if index.checksum != at.previous:
                raise NotContinuous("chain", f"frame {at.frames} was committed with another checksum")
            return True
        if at.mark.sealed and at.mark.index >= MAX_INDEX:
            raise NotContinuous("index", "WAL numbers are used up")
        for stretch, behind in self.wal.stretches(at, index, self._clock.now()):
            self._keep(partial(self._sink.append, stretch, behind.mark))
            self.position = behind
            yield len(stretch.data)
            if behind.mark.offset >= CUT_BYTES:
                self.seal()
                return False
        return True

    def seal(self) -> None:
        """End the present WAL; raise `NotKept`."""
        if not self.at.mark.sealed:
            sealed = self.at.sealed()
            self._keep(partial(self._sink.seal, sealed.mark))
            self.position = sealed

    def resume(self, mark: Mark | None) -> NotContinuous | None:
        """Go on from `mark` where that can be proven, otherwise say why not; R must have begun under W."""
        _, index = self.connections.index()
        try:
            broken = proves(mark, index, self.wal, self.page_size)
            if broken is None and mark is not None:
                self.position = restored(mark)
        except FormatError as error:
            return NotContinuous("lost", f"the mark that was kept is damaged: {error}")
        return broken

    def begin(self, why: NotContinuous) -> None:
        """Begin a new generation at the last commit; R must hold.

        Raises `NotKept`, `CannotRead`, `OSError`.
        """
        raw, index = self.connections.index()
        header = self.wal.header() if index.frames else b""
        if header[16:24] != index.salts and index.frames:
            raise CannotRead("the write-ahead log is not the one that its index belongs to")
        still = self.connections.database_state()
        pages = index.pages if index.frames else still[0] // self.page_size
        frame = self.wal.frame_header(index.frames, self.page_size)
        position = beginning(index, header, frame, self.page_size, pages)
        frozen = self._freeze(position, 0 if index.is_folded else index.frames)
        try:
            self._keep(partial(self._sink.begin, Break(why.kind, why.detail), frozen, position.mark))
        finally:
            self.thaw()
        if self.still is not None:
            self.still = still
        self.position, self._seen = position, raw

    def freeze(self) -> FrozenDatabase:
        """Ship, end the WAL and hold the database as it is there; see `ship` for what is raised."""
        self.ship()
        self.seal()
        at = self.at
        _, index = self.connections.index()
        in_log = index.salts == at.salts and index.backfilled < at.frames
        if not at.pages:
            at = replace(at, pages=self.connections.database_state()[0] // self.page_size)
        return self._freeze(at, at.frames if in_log else 0)

    def _freeze(self, position: Position, frames: int) -> FrozenDatabase:
        self.frozen = FrozenDatabase(
            self.connections.database_fd,
            self.wal,
            index=position.mark.index + 1,
            page_size=self.page_size,
            pages=position.pages,
            frames=frames,
        )
        return self.frozen

    def thaw(self) -> None:
        """Let the database be folded into again."""
        if self.frozen is not None:
            self.frozen.release()
            self.frozen = None

    def behind_bytes(self, index: WalIndex) -> int:
        """Return the bytes of committed frames that were not handed on yet."""
        at = self.at
        before = at.frames if index.salts == at.salts else 0
        return max(index.frames - before, 0) * (FRAME_HEADER_SIZE + self.page_size)

    def close(self) -> None:
        """Let go of the database."""
        self.thaw()
        self.connections.close()

    def _keep(self, keep: Callable[[], None]) -> None:
        try:
            keep()
        except OSError as error:
            raise NotKept(error.strerror or str(error)) from error
        except ValueError as error:
            raise NotContinuous("lost", f"what was kept cannot be gone on with: {error}") from error


def _page_size(connections: Connections) -> int:
    try:
        return database_header.parse(os.pread(connections.database_fd, database_header.SIZE, 0)).page_size
    except (OSError, FormatError) as error:
        raise CannotRead(
            f"{connections.real} cannot be read: {error}", object=str(connections.real)
        ) from None
