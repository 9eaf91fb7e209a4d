"""A database whose WAL is handed over stretch by stretch, with the truth about every commit beside it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import apsw
import apsw.ext

from sqlite_recovery_tui.formats import wal
from sqlite_recovery_tui.replicate.stretch import Break, Commit, Mark, Sink, Stretch

FIRST = Break("new", "for the first time")


@dataclass(frozen=True)
class FrozenFile:
    """A database file that nobody changes meanwhile, by a descriptor that stays open."""

    index: int
    fd: int
    page_size: int

    @property
    def size(self) -> int:
        return os.fstat(self.fd).st_size

    def read(self, offset: int, length: int) -> bytes:
        return os.pread(self.fd, length, offset)


class Source:
    """A database and the stretches of its WAL, one for each `grow`; nobody else writes to it."""

    def __init__(self, path: Path, sink: Sink, *, page_size: int = 4096) -> None:
        self.sink = sink
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)
        """When commits are seen."""
        self.page_size = page_size
        self.index = -1
        self.offset = 0
        self.header = b""
        self.connection = apsw.Connection(str(path))
        apsw.ext.make_virtual_module(self.connection, "generate_series", apsw.ext.generate_series)  # type: ignore[arg-type]
        for pragma in (
            f"page_size={page_size}",
            "journal_mode=WAL",
            "synchronous=OFF",
            "wal_autocheckpoint=0",
        ):
            self.connection.execute(f"PRAGMA {pragma}")
        self.connection.execute("CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, body)")
        self.file = os.open(path, os.O_RDONLY)
        self.wal_file = os.open(f"{path}-wal", os.O_RDONLY)
        self.mark: Mark | None = None
        self.states: list[tuple[Mark, bytes]] = []
        """Every commit handed over, and the database after it."""

    def begin(self, why: Break = FIRST) -> None:
        """Begin a generation."""
        self._truncate()
        index = self.index + 1
        mark = Mark(self.index, 0, b"", b"", (0, 0), self.page_size, sealed=True)
        self.sink.begin(why, self.frozen(index), mark)
        self._begun(mark)

    def resume(self) -> bool:
        """Go on where the sink says; False when it has nothing to go on with, or the WAL is another one."""
        mark = self.sink.resume()
        if mark is None:
            return False
        header = os.pread(self.wal_file, wal.HEADER_SIZE, 0)
        if mark.sealed and mark.header == header:
            self._truncate()
        elif not mark.sealed and mark.header != header:
            return False
        self.mark, self.index = mark, mark.index
        return True

    def frozen(self, index: int) -> FrozenFile:
        return FrozenFile(index, self.file, self.page_size)

    def grow(self, rows: int = 3, size: int = 300) -> Stretch:
        """Commit some rows and hand them over."""
        self.run(f"INSERT INTO t(body) SELECT randomblob({size}) FROM generate_series(1, {rows})")
        return self.hand_over()

    def run(self, sql: str) -> None:
        self.connection.execute(sql)

    def hand_over(self) -> Stretch:
        """Hand over everything that was committed since."""
        stretch, mark = self.read()
        self.sink.append(stretch, mark)
        self.took(mark)
        return stretch

    def read(self) -> tuple[Stretch, Mark]:
        """Return what was committed since as one stretch, and the mark behind it."""
        assert self.mark is not None
        index, offset = (self.mark.index + 1, 0) if self.mark.sealed else (self.mark.index, self.mark.offset)
        raw = os.pread(self.wal_file, wal.HEADER_SIZE, 0)
        header = wal.parse_header(raw)
        size = os.fstat(self.wal_file).st_size
        data = os.pread(self.wal_file, size - offset, offset)
        first = wal.HEADER_SIZE if offset == 0 else 0
        whole = (len(data) - first) // header.frame_size * header.frame_size
        frames = wal.split_frames(data[first : first + whole], self.page_size)
        verified = wal.verify_frames(header, frames, header.checksum if first else self.mark.checksum)
        good = frames.head(verified.count)
        good = good.head(good.last_commit)
        ends = [
            Commit(offset + first + (number + 1) * header.frame_size, int(pages))
            for number, pages in enumerate(good.commit.tolist())
            if pages
        ]
        end = ends[-1].end
        checksum = wal.stored_checksum(good, len(good) - 1)
        frame = good.data[-1, : wal.FRAME_HEADER_SIZE].tobytes()
        mark = Mark(index, end, raw, frame, checksum, self.page_size, sealed=False)
        piece = data[: end - offset]
        return Stretch(index, offset, piece, self.page_size, tuple(ends), checksum, self.now()), mark

    def took(self, mark: Mark) -> None:
        self._begun(mark)

    def seal(self) -> None:
        """End the WAL: what is committed next begins another one."""
        assert self.mark is not None
        mark = Mark(
            self.mark.index,
            self.mark.offset,
            self.mark.header,
            self.mark.frame,
            self.mark.checksum,
            self.page_size,
            sealed=True,
        )
        self.sink.seal(mark)
        self.mark, self.index = mark, mark.index
        self._truncate()

    def snapshot(self) -> None:
        """End the WAL, and take a snapshot behind it."""
        self.seal()
        self.sink.snapshot(self.frozen(self.index + 1))

    def state(self) -> bytes:
        """Return the database as it stands."""
        return bytes(self.connection.serialize("main"))

    def _begun(self, mark: Mark) -> None:
        self.mark, self.index = mark, mark.index
        self.states.append((mark, self.state()))

    def _truncate(self) -> None:
        total, done = self.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        assert total == done

    def close(self) -> None:
        self.connection.close()
        os.close(self.file)
        os.close(self.wal_file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@contextmanager
def source(path: Path, sink: Sink, *, page_size: int = 4096) -> Iterator[Source]:
    """A database that is handed over to `sink` until the end of the block; its generation has begun."""
    with Source(path, sink, page_size=page_size) as made:
        made.begin()
        yield made
