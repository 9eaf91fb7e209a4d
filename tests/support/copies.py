"""States of a database as page images, and live copies that go from one to the next."""

from __future__ import annotations

import random
import sqlite3
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sqlite_recovery_tui.clock import FixedClock
from sqlite_recovery_tui.domain import Txid
from sqlite_recovery_tui.restore.live.copy import LiveCopy
from sqlite_recovery_tui.restore.live.create import create
from sqlite_recovery_tui.restore.live.first_page import masked
from sqlite_recovery_tui.restore.live.mark import Mark

START = datetime(2026, 3, 26, 10, 0, tzinfo=UTC)
URL = "file:///replica"


def mark(number: int, lineage: str = "ltx") -> Mark:
    """Return the mark of state `number`, from 0: TXID number + 1, stored that many seconds after START."""
    return Mark(Txid(number + 1), START + timedelta(seconds=number), lineage, "base")


def fixed_clock() -> FixedClock:
    """A clock on which waiting takes no time."""
    return FixedClock(START + timedelta(minutes=1))


@dataclass
class Primary:
    """A database in WAL mode, and its file after each change."""

    path: Path
    page_size: int = 4096
    auto_vacuum: int = 0
    seed: int = 1
    states: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._connection = sqlite3.connect(self.path, isolation_level=None)
        for pragma in (f"page_size={self.page_size}", f"auto_vacuum={self.auto_vacuum}", "journal_mode=WAL"):
            self._connection.execute(f"PRAGMA {pragma}")
        self.run("CREATE TABLE version(n)", "INSERT INTO version VALUES (0)")

    def close(self) -> None:
        self._connection.close()

    def run(self, *statements: str) -> bytes:
        """Carry statements out as one state; return the database file."""
        for statement in statements:
            self._connection.execute(statement)
        self._connection.execute("UPDATE version SET n = ?", (len(self.states),)) if self.states else None
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.states.append(self.path.read_bytes())
        return self.states[-1]

    def grow(self, rows: int = 20) -> bytes:
        """Add rows of random bytes."""
        self._connection.execute("CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, n, body BLOB)")
        self._connection.execute("CREATE INDEX IF NOT EXISTS i ON t(n)")
        number = len(self.states)
        for _ in range(rows):
            body = self._random.randbytes(self._random.randrange(self.page_size))
            self._connection.execute("INSERT INTO t(n, body) VALUES (?, ?)", (number, body))
        return self.run("SELECT 1")

    def touch(self) -> bytes:
        """Change a few rows; the size stays."""
        return self.run(f"UPDATE t SET n = {len(self.states)} WHERE id % 7 = {self._random.randrange(7)}")

    def shrink(self) -> bytes:
        """Delete most rows and give the room back."""
        self.run("DELETE FROM t WHERE id % 5")
        self.states.pop()
        return self.run("VACUUM")

    def history(self, length: int) -> list[bytes]:
        """Make `length` states in all, growing, staying and shrinking."""
        self.grow()
        while len(self.states) < length:
            self._random.choice([self.grow, self.touch, self.touch, self.shrink])()
        return self.states


Images = tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint8], int]


def page_size_of(state: bytes) -> int:
    """Return the page size that a database file states."""
    stored = int.from_bytes(state[16:18], "big")
    return 65536 if stored == 1 else stored


def difference(old: bytes, new: bytes) -> Images:
    """Return the pages of `new` that `old` does not hold, their images, and the new size in pages."""
    page_size = page_size_of(new)
    rows = np.frombuffer(new, np.uint8).reshape(-1, page_size)
    before = np.frombuffer(old[: len(new)], np.uint8).reshape(-1, page_size)
    changed = np.ones(len(rows), dtype=bool)
    changed[: len(before)] = (rows[: len(before)] != before).any(axis=1)
    pages = (np.flatnonzero(changed) + 1).astype(np.uint32)
    return pages, rows[changed], len(rows)


def begin(folder: Path, state: bytes, clock: FixedClock | None = None) -> LiveCopy:
    """Make a copy that stands at state 0."""
    staged = folder / "staged"
    staged.write_bytes(state)
    return create(staged, folder / "copy.db", mark(0), url=URL, clock=clock or fixed_clock())


def same(copy: bytes, state: bytes) -> bool:
    """Tell whether a copy holds a state, but for the bytes that are its own."""
    size = page_size_of(state)
    return masked(copy[:size]) == masked(state[:size]) and copy[size:] == state[size:]


def which(copy: bytes, states: list[bytes]) -> int:
    """Return the number of the state that a copy holds; -1 for none."""
    return next((number for number, state in enumerate(states) if same(copy, state)), -1)
