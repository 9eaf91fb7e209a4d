"""Write real v0.5 replicas: follow a SQLite connection's WAL and keep LTX levels as Litestream v0.5 does.

Everything is done at the caller's pace and dated by the caller. The database is held in memory, page by
page: this is for samples.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import apsw
import numpy as np

from sqlite_recovery_tui.demo.folder import folder_sink
from sqlite_recovery_tui.formats import wal
from sqlite_recovery_tui.formats.ltx import names
from sqlite_recovery_tui.formats.ltx.header import Header
from sqlite_recovery_tui.formats.ltx.write import encode_file

Pages = dict[int, bytes]


@dataclass(frozen=True)
class _File:
    """One file that was written, and its pages for a compaction to come."""

    min_txid: int
    max_txid: int
    commit: int
    time: datetime
    pages: Pages = field(repr=False)


class LevelWriter:
    """Owns a database through one connection and ships its WAL as LTX files below `replica`.

    Run any SQL on `connection` (automatic checkpoints are off); nothing is stored before the first
    `sync`, which takes the whole database. Use from one thread, close when done.
    """

    def __init__(self, database: Path, replica: Path, *, page_size: int = 4096) -> None:
        """Open `database`, made with `page_size` when it is new."""
        self.database = database
        self.replica = replica
        self.txid = 0
        self._sink = folder_sink(replica)
        self._levels: dict[int, list[_File]] = {}
        self._database: Pages = {}
        self._changed: Pages = {}
        self._commit = 0
        self._header = b""
        self._seen = 0  # bytes of the current WAL
        self.connection = apsw.Connection(str(database))
        for pragma in (f"page_size={page_size}", "journal_mode=WAL", "synchronous=OFF"):
            self.connection.execute(f"PRAGMA {pragma}")
        self.connection.execute("BEGIN IMMEDIATE; ROLLBACK")
        self.page_size = int(self.connection.pragma("page_size"))
        self._wal_file = os.open(f"{database}-wal", os.O_RDONLY)
        self.connection.set_wal_hook(self._on_commit)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection, which checkpoints and deletes the WAL; what was not synced stays so."""
        self.connection.close()
        if self._wal_file >= 0:
            os.close(self._wal_file)
        self._wal_file = -1

    def sync(self, time: datetime) -> bool:
        """Store what was committed since the last call as one file of level 0; return whether any was."""
        if not self.txid:
            self._take_whole()
        if not self._changed:
            return False
        self.txid += 1
        changed, self._changed = self._changed, {}
        self._store(0, _File(self.txid, self.txid, self._commit, time, changed))
        return True

    def compact(self, level: int) -> bool:
        """Merge what the level below has since the last file of `level`; return whether there was any."""
        done = self._levels.get(level, [])
        last = done[-1].max_txid if done else 0
        waiting = [file for file in self._levels.get(level - 1, []) if file.min_txid > last]
        if not waiting:
            return False
        merged: Pages = {}
        for file in waiting:
            merged.update(file.pages)
        newest = waiting[-1]
        kept = {number: page for number, page in merged.items() if number <= newest.commit}
        self._store(level, _File(waiting[0].min_txid, newest.max_txid, newest.commit, newest.time, kept))
        return True

    def snapshot(self, time: datetime) -> None:
        """Store the whole database as it was synced last, as a file of level 9."""
        pages = {number: page for number, page in self._database.items() if number not in self._changed}
        if len(pages) != len(self._database):
            raise ValueError("sync before a snapshot: it would be ahead of the last TXID")
        self._store(names.SNAPSHOT_LEVEL, _File(1, self.txid, self._commit, time, pages))

    def expire(self, level: int, before: datetime) -> None:
        """Delete files of `level` stored before a moment that the next level has taken in; never the last."""
        above = self._levels.get(level + 1, [])
        done = above[-1].max_txid if above else 0
        files = self._levels.get(level, [])
        old = [file for file in files[:-1] if file.time < before and file.max_txid <= done]
        for file in old:
            (self.replica / names.file_key(level, file.min_txid, file.max_txid)).unlink()
        self._levels[level] = files[len(old) :]

    def _store(self, level: int, file: _File) -> None:
        milliseconds = round(file.time.timestamp() * 1000)
        header = Header(self.page_size, file.commit, file.min_txid, file.max_txid, milliseconds)
        numbers = np.array(sorted(file.pages), dtype=np.uint32)
        images = b"".join(file.pages[number] for number in numbers.tolist())
        rows = np.frombuffer(images, dtype=np.uint8).reshape(len(numbers), self.page_size)
        key = names.file_key(level, file.min_txid, file.max_txid)
        self._sink(key, [encode_file(header, numbers, rows)], file.time)
        self._levels.setdefault(level, []).append(file)

    def _take_whole(self) -> None:
        """Begin with every page, from the database as SQLite itself reads it."""
        whole = bytes(self.connection.serialize("main"))
        size = self.page_size
        self._commit = len(whole) // size
        self._database = {number + 1: whole[number * size :][:size] for number in range(self._commit)}
        self._changed = dict(self._database)

    def _on_commit(self, _: apsw.Connection, __: str, frame_count: int) -> int:
        """Take the pages that a commit added to the WAL; SQLite calls this after each one."""
        header = os.pread(self._wal_file, wal.HEADER_SIZE, 0)
        if header != self._header:
            self._header, self._seen = header, wal.HEADER_SIZE
        end = wal.HEADER_SIZE + frame_count * (wal.FRAME_HEADER_SIZE + self.page_size)
        frames = wal.split_frames(os.pread(self._wal_file, end - self._seen, self._seen), self.page_size)
        self._seen = end
        for number, row in zip(frames.pgno.tolist(), frames.data, strict=True):
            self._database[number] = self._changed[number] = row[wal.FRAME_HEADER_SIZE :].tobytes()
        self._commit = int(frames.commit[-1])
        for pages in (self._database, self._changed):
            for number in [number for number in pages if number > self._commit]:
                del pages[number]
        return apsw.SQLITE_OK
