"""Fetched changes kept in one file, so that a restore that is taken up again does not fetch them again."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import xxhash

from sqlite_recovery_tui.domain import StoredObject
from sqlite_recovery_tui.restore.apply import write_all

PIECE_BYTES = 4 << 20
WAITING_BYTES = 1 << 20
WAITING_OBJECTS = 32
"""More objects, or more bytes, do not wait in memory: so much is fetched again after a kill."""
_NUMBER = re.compile("[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class _Entry:
    offset: int
    length: int
    version: str


class Pack:
    """A growing file of objects and an index of them; entries that do not hold are not there.

    Every object is written before its index line, so a crash between the two loses one object of the
    pack and nothing else; contents are checked against the index when the pack is opened. Small objects
    wait in memory until some are together, and are written by another thread.
    """

    def __init__(self, folder: Path) -> None:
        """Open or begin the pack in `folder`."""
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._data = os.open(folder / "segments.pack", flags, 0o600)
        try:
            self._index = os.open(folder / "segments.index", flags | os.O_APPEND, 0o600)
        except OSError:
            os.close(self._data)
            raise
        self._entries = self._load()
        self._written = self._end = os.fstat(self._data).st_size
        self._waiting: list[tuple[str, _Entry, bytes]] = []
        self._waiting_bytes = 0
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="pack")
        self._writing: Future[None] | None = None

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
        """Keep one object; what prevents that is raised now or later."""
        entry = self._note(item, self._end, len(data))
        self._waiting.append((item.key, entry, data))
        self._waiting_bytes += len(data)
        if self._waiting_bytes >= WAITING_BYTES or len(self._waiting) >= WAITING_OBJECTS:
            self._hand_over()

    def keep(self, item: StoredObject, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Yield the pieces of one object, and keep it once all were taken; one object at a time."""
        self.flush()
        start = at = self._end
        hasher = xxhash.xxh3_64()
        for piece in pieces:
            write_all(self._data, [memoryview(piece)], at)
            at += len(piece)
            hasher.update(piece)
            yield piece
        entry = self._note(item, start, at - start)
        _append(self._index, _line(item.key, entry, hasher.hexdigest()))
        self._written = self._end

    def flush(self) -> None:
        """Return when all that was added is written; raise what prevented it."""
        self._hand_over()
        self._settle()
        self._written = self._end

    def close(self) -> None:
        """Write what waits, and close both files."""
        try:
            self.flush()
        finally:
            self._pool.shutdown()
            os.close(self._data)
            os.close(self._index)

    def _note(self, item: StoredObject, start: int, length: int) -> _Entry:
        entry = self._entries[item.key] = _Entry(start, length, _version(item))
        self._end = start + length
        return entry

    def _hand_over(self) -> None:
        """Let what waits be written; wait for what was handed over before, so that not more is held."""
        self._settle()
        if self._waiting:
            self._writing = self._pool.submit(self._write, self._waiting)
            self._waiting, self._waiting_bytes = [], 0

    def _settle(self) -> None:
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def _write(self, objects: list[tuple[str, _Entry, bytes]]) -> None:
        """Write objects that follow each other, and then their lines."""
        _, first, _ = objects[0]
        write_all(self._data, [memoryview(data) for _, _, data in objects], first.offset)
        lines = [_line(key, entry, xxhash.xxh3_64_hexdigest(data)) for key, entry, data in objects]
        _append(self._index, "".join(lines))

    def _load(self) -> dict[str, _Entry]:
        entries = {}
        text = os.pread(self._index, os.fstat(self._index).st_size, 0)
        if text and not text.endswith(b"\n"):
            _append(self._index, "\n")  # a line that a crash cut short must not swallow the next
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


def _line(key: str, entry: _Entry, digest: str) -> str:
    return f"{key}\t{entry.version}\t{entry.offset}\t{entry.length}\t{digest}\n"


def _append(fd: int, text: str) -> None:
    rest = memoryview(text.encode())
    while rest:
        rest = rest[os.write(fd, rest) :]


def _version(item: StoredObject) -> str:
    """Return what changes when an object is written again under the same key."""
    return f"{item.size}:{item.etag or ''}:{item.time.timestamp()}".replace("\t", " ")
