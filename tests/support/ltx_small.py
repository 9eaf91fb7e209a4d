"""Tiny LTX replicas of a tiny database, file by file as a test wants them, and every state it had."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.support import ltx_oracle as oracle

START = datetime(2026, 3, 26, 10, 0, tzinfo=UTC)
PAGE_SIZE = 512


@dataclass
class SmallReplica:
    """Files below `folder`; `states[n]` is the database at TXID n, and `states[0]` empty."""

    folder: Path
    states: list[bytes] = field(repr=False)
    encoding: int = 1
    paths: list[Path] = field(default_factory=list)

    @property
    def last(self) -> int:
        return len(self.states) - 1

    @property
    def url(self) -> str:
        return self.folder.as_uri()

    def time(self, txid: int) -> datetime:
        """Return when the database got to a TXID: a second after the one before."""
        return START + timedelta(seconds=txid)

    def pages(self, txid: int) -> dict[int, bytes]:
        """Return the database's pages at a TXID."""
        state = self.states[txid]
        return {at // PAGE_SIZE + 1: state[at : at + PAGE_SIZE] for at in range(0, len(state), PAGE_SIZE)}

    def ltx(self, low: int, high: int) -> oracle.Ltx:
        """Return the content of the file for TXIDs `low` to `high`."""
        before, after = self.pages(low - 1), self.pages(high)
        changed = {number: page for number, page in after.items() if before.get(number) != page}
        return oracle.Ltx(PAGE_SIZE, len(after), low, high, _milliseconds(self.time(high)), changed)

    def path(self, level: int, low: int, high: int | None = None) -> Path:
        """Return where a file lies, whether it is there or not."""
        return self.folder / "ltx" / str(level) / f"{low:016x}-{high or low:016x}.ltx"

    def add(self, level: int, low: int, high: int | None = None, *, encoding: int | None = None) -> Path:
        """Write the file for TXIDs `low` to `high` (None: `low` alone); return where."""
        path = self.path(level, low, high)
        chosen = self.encoding if encoding is None else encoding
        data = oracle.write(self.ltx(low, high or low), encoding=chosen)
        # A snapshot is dated when it is written, a compaction as its last input.
        more = timedelta(milliseconds=500) if level == oracle.SNAPSHOTS else timedelta()
        self.put(path, data, self.time(high or low) + more)
        self.paths.append(path)
        return path

    def put(self, path: Path, data: bytes, time: datetime | None = None) -> None:
        """Store bytes at `path`; without a time, with that of the file that was there."""
        moment = int(time.timestamp() * 1e9) if time else path.stat().st_mtime_ns
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        os.utime(path, ns=(moment, moment))

    def change(self, path: Path, how: Callable[[bytes], bytes]) -> None:
        """Replace a file's bytes; it keeps its time."""
        self.put(path, how(path.read_bytes()))

    def rename(self, source: Path, target: Path) -> None:
        """Give a file another name, and its content's time."""
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(source, target)


def states(folder: Path, count: int) -> list[bytes]:
    """Return an empty state, and a database after each of `count` commits."""
    found = [b""]
    with closing(sqlite3.connect(folder / "small.db", isolation_level=None)) as connection:
        for pragma in (f"page_size={PAGE_SIZE}", "journal_mode=WAL"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("CREATE TABLE t(word)")
        for number in range(count):
            connection.execute("INSERT INTO t VALUES (?)", (f"{number} " * 60,))
            found.append(connection.serialize())
    return found


def small(folder: Path, files: Mapping[int, str], *, count: int = 6, encoding: int = 1) -> SmallReplica:
    """Write a replica: for each level its files in words, such as {0: "1 2 3", 1: "1-2", 9: "1-3"}."""
    made = SmallReplica(folder / "replica", states(folder, count), encoding)
    for level, words in files.items():
        for word in words.split():
            low, _, high = word.partition("-")
            made.add(level, int(low), int(high or low))
    return made


def _milliseconds(time: datetime) -> int:
    return int(time.timestamp() * 1000)
