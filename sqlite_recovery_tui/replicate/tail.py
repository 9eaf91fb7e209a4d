"""The newest frames of a WAL as they came: records that are only added, each behind its CRC-32.

Nothing is synced before the WAL's end is noted: until then the live WAL holds the same. After a power
cut the records count that are whole and go on from the last durable mark.
"""

from __future__ import annotations

import errno
import json
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from sqlite_recovery_tui.durable import fsync_folder
from sqlite_recovery_tui.replicate import spool_files
from sqlite_recovery_tui.replicate.items import Seen, mark_json, mark_of
from sqlite_recovery_tui.replicate.stretch import Mark, Stretch

_LEAD = struct.Struct("<4sIII")  # magic, CRC of what follows, bytes of JSON, bytes of WAL
_MAGIC = b"tail"
_PIECE_BYTES = 4 << 20


@dataclass
class Tail:
    """Bytes of one WAL from `start` on that are no segment yet; `mark` lies at their end."""

    path: Path
    generation: str
    start: int
    mark: Mark
    wal: bytes
    """The 32 bytes with which this WAL begins, as it was handed on."""
    commits: list[Seen] = field(default_factory=list)
    size: int = 0
    """Bytes of the file that count."""
    synced: bool = False
    _fd: int = -1

    @property
    def length(self) -> int:
        """Bytes of WAL in it."""
        return self.mark.offset - self.start

    def append(self, stretch: Stretch, mark: Mark) -> None:
        """Add a stretch; raise OSError, and then it is not there."""
        seen = Seen(stretch.seen, tuple(commit.end for commit in stretch.commits))
        self._write(mark, seen, stretch.data)
        self.commits.append(seen)

    def seal(self, mark: Mark) -> None:
        """Note that the WAL ends here, all of it durable; raise OSError, and then it is not noted."""
        before = self.mark, self.size
        self._write(mark, None, b"")
        try:
            self.sync()
        except OSError:
            self.mark, self.size = before
            raise

    def sync(self) -> None:
        """Make what it holds durable; raise OSError."""
        os.fsync(self._open())
        fsync_folder(self.path.parent)
        self.synced = True

    def pieces(self) -> Iterator[bytes]:
        """Yield its bytes of WAL, a few at a time; raise OSError where they are not what was written."""
        length = 0
        with self.path.open("rb", 0) as file:
            while file.tell() < self.size:
                for piece in self._record(file):
                    length += len(piece)
                    yield piece
        if length != self.length:
            raise self._damaged()

    def _record(self, file: BinaryIO) -> Iterator[bytes]:
        """Yield the bytes of WAL of the record where `file` stands."""
        lead = file.read(_LEAD.size)
        if len(lead) < _LEAD.size:
            raise self._damaged()
        magic, expected, noted, rest = _LEAD.unpack(lead)
        crc = zlib.crc32(file.read(noted))
        while rest and (piece := file.read(min(rest, _PIECE_BYTES))):
            crc = zlib.crc32(piece, crc)
            rest -= len(piece)
            yield piece
        if magic != _MAGIC or rest or crc != expected:
            raise self._damaged()

    def _damaged(self) -> OSError:
        return OSError(errno.EIO, "not all of what was written is there", str(self.path))

    def close(self) -> None:
        """Let go of the file; it can be appended to again."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def remove(self) -> None:
        """Remove it."""
        self.close()
        spool_files.remove(self.path)

    def _write(self, mark: Mark, seen: Seen | None, data: bytes | memoryview) -> None:
        commits = [seen.time.isoformat(), *seen.ends] if seen else None
        noted = {"mark": mark_json(mark), "seen": commits, "wal": self.wal.hex()}
        head = json.dumps(noted, separators=(",", ":")).encode()
        lead = _LEAD.pack(_MAGIC, zlib.crc32(data, zlib.crc32(head)), len(head), len(data))
        spool_files.write_at(self._open(), b"".join((lead, head, data)), self.size)
        self.size += len(lead) + len(head) + len(data)
        self.mark = mark
        self.synced = False

    def _open(self) -> int:
        if self._fd < 0:
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            self._fd = os.open(self.path, flags, 0o600)
        return self._fd


def tail_path(folder: Path, generation: str, index: int, start: int) -> Path:
    """Return where the tail lies that begins at byte `start` of WAL `index`."""
    return folder / f"{generation}-{index:08x}-{start:08x}.tail"


def found_tails(folder: Path, generation: str, last: Mark) -> Iterator[Tail]:
    """Yield the tails that go on from the durable mark `last`, as far as they hold; remove all others."""
    before = last
    used: set[Path] = set()
    while (tail := _next(folder, generation, before)) is not None:
        used.add(tail.path)
        yield tail
        before = tail.mark
    for path in folder.iterdir():
        if path not in used:
            spool_files.remove(path)


def _next(folder: Path, generation: str, before: Mark) -> Tail | None:
    index, start = (before.index + 1, 0) if before.sealed else (before.index, before.offset)
    path = tail_path(folder, generation, index, start)
    with suppress(OSError, ValueError, KeyError):
        return _proven(path, generation, start)
    return None


def _proven(path: Path, generation: str, start: int) -> Tail | None:
    tail: Tail | None = None
    data = path.read_bytes()
    at = 0
    for size, noted, _ in _records(data):
        mark = mark_of(noted["mark"])
        tail = tail or Tail(path, generation, start, mark, bytes.fromhex(noted["wal"]))
        if noted["seen"]:
            time, *ends = noted["seen"]
            tail.commits.append(Seen(datetime.fromisoformat(time), tuple(ends)))
        at += size
        tail.mark, tail.size = mark, at
    return tail


def _records(data: bytes) -> Iterator[tuple[int, dict[str, Any], bytes]]:
    """Yield each record's size, what it notes and its bytes of WAL, up to the first that does not hold."""
    view = memoryview(data)
    at = 0
    while at + _LEAD.size <= len(data):
        magic, crc, noted, length = _LEAD.unpack_from(data, at)
        end = at + _LEAD.size + noted + length
        body = view[at + _LEAD.size : end]
        if magic != _MAGIC or end > len(data) or zlib.crc32(body) != crc:
            return
        yield end - at, json.loads(bytes(body[:noted])), bytes(body[noted:])
        at = end
