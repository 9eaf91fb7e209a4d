"""Fetched changes kept in one file, so that a restore that is taken up again does not fetch them again."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import xxhash

from sqlite_recovery_tui.domain import StoredObject

PIECE_BYTES = 4 << 20
WAITING_BYTES = 1 << 20
WAITING_OBJECTS = 8
"""More objects, or more bytes, do not wait in memory: so much is fetched again after a kill."""
_NUMBER = re.compile("[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class _Entry:
    offset: int
    length: int
    version: str


class Pack:
    """An append-only file of objects and an index of them; entries that do not hold are not there.

    Every object is written before its index line, so a crash between the two loses one object of the
    pack and nothing else; contents are checked against the index when the pack is opened. Small objects
    wait in memory until some are together.
    """

    def __init__(self, folder: Path) -> None:
        """Open or begin the pack in `folder`."""
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        self._data = os.open(folder / "segments.pack", flags, 0o600)
        try:
            self._index = os.open(folder / "segments.index", flags, 0o600)
        except OSError:
            os.close(self._data)
            raise
        self._entries = self._load()
        self._written = self._end = os.fstat(self._data).st_size
        self._waiting: list[bytes] = []
        self._lines: list[str] = []

    def holds(self, items: Sequence[StoredObject]) -> set[str]:
        """Return the keys of those objects that are kept in just this version."""
        return {
            item.key
            for item in items
            if (entry := self._entries.get(item.key)) and entry.version == _version(item)
        }

    def read(self, key: str) -> bytes:
        """Return a kept object."""
        return b"".join(self.pieces(key))

    def pieces(self, key: str) -> Iterator[bytes]:
        """Yield a kept object piece by piece."""
        entry = self._entries[key]
        if entry.offset >= self._written:
            self.flush()
        for at in range(0, entry.length, PIECE_BYTES):
            yield os.pread(self._data, min(PIECE_BYTES, entry.length - at), entry.offset + at)

    def add(self, item: StoredObject, data: bytes) -> None:
        """Keep one object."""
        start = self._end
        self._waiting.append(data)
        self._end += len(data)
        self._note(item, start, xxhash.xxh3_64_hexdigest(data))
        if self._end - self._written >= WAITING_BYTES or len(self._lines) >= WAITING_OBJECTS:
            self.flush()

    def keep(self, item: StoredObject, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Yield the pieces of one object, and keep it once all were taken; one object at a time."""
        self.flush()
        start, hasher = self._end, xxhash.xxh3_64()
        for piece in pieces:
            _write_all(self._data, piece)
            self._end += len(piece)
            self._written = self._end
            hasher.update(piece)
            yield piece
        self._note(item, start, hasher.hexdigest())
        self.flush()

    def flush(self) -> None:
        """Write what waits."""
        waiting, lines = b"".join(self._waiting), "".join(self._lines)
        self._waiting, self._lines = [], []
        _write_all(self._data, waiting)
        self._written = self._end
        _write_all(self._index, lines.encode())

    def close(self) -> None:
        """Write what waits, and close both files."""
        try:
            self.flush()
        finally:
            os.close(self._data)
            os.close(self._index)

    def _note(self, item: StoredObject, start: int, digest: str) -> None:
        length, version = self._end - start, _version(item)
        self._lines.append(f"{item.key}\t{version}\t{start}\t{length}\t{digest}\n")
        self._entries[item.key] = _Entry(start, length, version)

    def _load(self) -> dict[str, _Entry]:
        entries = {}
        text = os.pread(self._index, os.fstat(self._index).st_size, 0)
        if text and not text.endswith(b"\n"):
            _write_all(self._index, b"\n")  # a line that a crash cut short must not swallow the next
        for line in text.decode(errors="replace").split("\n"):
            fields = line.split("\t")
            if len(fields) == 5 and _NUMBER.fullmatch(fields[2]) and _NUMBER.fullmatch(fields[3]):
                key, version, offset, length, digest = fields
                entry = _Entry(int(offset), int(length), version)
                if self._digest(entry) == digest:
                    entries[key] = entry
        return entries

    def _digest(self, entry: _Entry) -> str:
        """Return the digest of an entry's bytes; of nothing when they are not all there."""
        if entry.offset + entry.length > os.fstat(self._data).st_size:
            return ""
        hasher = xxhash.xxh3_64()
        for at in range(0, entry.length, PIECE_BYTES):
            hasher.update(os.pread(self._data, min(PIECE_BYTES, entry.length - at), entry.offset + at))
        return hasher.hexdigest()


def _write_all(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def _version(item: StoredObject) -> str:
    """Return what changes when an object is written again under the same key."""
    return f"{item.size}:{item.etag or ''}:{item.time.timestamp()}".replace("\t", " ")
