"""How much is written to a database, measured without writing or locking: SQLite's own counters, twice.

In WAL mode each commit adds one to a counter in the wal-index, otherwise to one in the database's header.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path

from sqlite_recovery_tui.clock import Clock
from sqlite_recovery_tui.formats import header
from sqlite_recovery_tui.replica.health import Check
from sqlite_recovery_tui.replicate import wal_index

SUSTAINED = 10_000
"""Commits of one row per second that one writer keeps up at `synchronous=NORMAL` on a small server."""
_NEAR = SUSTAINED // 2
_SUSTAINED_BYTES = 200 << 20
"""Bytes of log per second beyond which neither disk nor replication of a small server keeps up."""
_WRAPS = 1 << 32
_ROLLBACK_JOURNAL = 1
"""The write version of a header whose change counter counts commits (SQLite file format, 1.3.3)."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The counters at one moment."""

    at: float
    """Seconds on a clock that only grows."""
    kind: str
    """Which counter it is: "log" or "header"."""
    commits: int
    salts: bytes = b""
    frames: int = 0
    page_size: int = 0


@dataclass(frozen=True, slots=True)
class Rate:
    """What was written between two samples, per second."""

    commits: float
    bytes: float
    """Of the log; a lower bound where it was begun anew meanwhile."""
    seconds: float


def sample(database: Path, clock: Clock) -> Sample | None:
    """Read the counters; None where there are none to read.

    Only while this process has no SQLite connection to the database, whose locks this would end.
    """
    try:
        descriptor = os.open(f"{database}-shm", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return _of_header(database, clock)
    try:
        data, index = wal_index.read(descriptor)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    (changes,) = struct.unpack_from("=I", data, 8)  # iChange (SQLite, wal.c: WalIndexHdr)
    return Sample(clock.monotonic(), "log", changes, index.salts, index.frames, index.page_size)


def _of_header(database: Path, clock: Clock) -> Sample | None:
    try:
        with database.open("rb") as file:
            data = file.read(header.SIZE)
    except OSError:
        return None
    if len(data) < header.SIZE or data[18] != _ROLLBACK_JOURNAL:
        return None
    (changes,) = struct.unpack_from(">I", data, 24)
    return Sample(clock.monotonic(), "header", changes)


def between(before: Sample | None, after: Sample | None) -> Rate | None:
    """Return what was written between two samples; None where they do not belong together."""
    if before is None or after is None or before.kind != after.kind or after.at <= before.at:
        return None
    seconds = after.at - before.at
    commits = (after.commits - before.commits) % _WRAPS
    if commits > _WRAPS // 2:  # the index was built anew, which begins at 0
        return None
    begun_anew = after.salts != before.salts
    frames = after.frames if begun_anew else max(0, after.frames - before.frames)
    return Rate(commits / seconds, frames * after.page_size / seconds, seconds)


def judge(rate: Rate | None) -> Check:
    """Say what a measured rate means for one writer, plainly."""
    if rate is None:
        return Check("write rate", "ok", "nothing that counts writes could be read, or nobody writes")
    digits = 1 if 0 < rate.commits < 10 else 0
    shown = f"{rate.commits:,.{digits}f} commits/s"
    if rate.bytes >= 1:
        shown += f", {rate.bytes / (1 << 20):,.1f} MiB/s of log"
    measured = f"{shown}, measured over {rate.seconds:.1f} s"
    if rate.commits > SUSTAINED or rate.bytes > _SUSTAINED_BYTES:
        return Check(
            "write rate",
            "fail",
            f"{measured}: more than one writer sustains (about {SUSTAINED:,} commits of a row per second)",
            "put many rows into each transaction, spread the data over several databases, or use a database "
            "server: SQLite has one writer at a time",
        )
    if rate.commits > _NEAR:
        return Check(
            "write rate",
            "warn",
            f"{measured}: over half of what one writer sustains (about {SUSTAINED:,}/s)",
            "put more rows into each transaction before it grows further (sqlite/write_queue does)",
        )
    return Check("write rate", "ok", measured)
