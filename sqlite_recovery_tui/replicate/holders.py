"""Who keeps the log from being folded in: the process that holds the oldest read mark (Linux)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sqlite_recovery_tui.replicate.guard import FileId
from sqlite_recovery_tui.replicate.wal_index import NO_MARK, READ_LOCK, WalIndex

_LOCKS = Path("/proc/locks")
_WRITER_LOCK = 120
_CONNECTED_LOCK = 128
"""Shared by whoever has the index open."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A process with a lock, as far as this one can see; `mark` is its frame, of SQLite's file."""

    pid: int
    program: str
    mark: int

    def __str__(self) -> str:
        return f"{self.program} (pid {self.pid})"


def oldest_reader(index: WalIndex, index_id: FileId) -> Holder | None:
    """Return the other process that holds the oldest mark behind which frames wait; None if unseen."""
    held = _locked(index_id)
    found: Holder | None = None
    for number, mark in enumerate(index.marks):
        shown = index.backfilled if number == 0 else mark
        if shown == NO_MARK or shown >= index.frames:
            continue
        for pid in held.get(READ_LOCK + number, ()):
            if found is None or shown < found.mark:
                found = Holder(pid, _program(pid), shown)
    return found


def writing(index: WalIndex, index_id: FileId) -> Holder | None:
    """Return the other process that is the writer at this moment; None if there is none, or unseen."""
    pids = _locked(index_id).get(_WRITER_LOCK, ())
    return Holder(pids[0], _program(pids[0]), index.frames) if pids else None


def is_used(index_id: FileId) -> bool:
    """Tell whether another process, as far as can be seen, has this index open."""
    return _CONNECTED_LOCK in _locked(index_id)


def _locked(index_id: FileId) -> dict[int, list[int]]:
    """Return the pids of other processes by the bytes of the -shm file that they have locked."""
    wanted = f"{os.major(index_id[0]):02x}:{os.minor(index_id[0]):02x}:{index_id[1]}"
    try:
        lines = _LOCKS.read_text().splitlines()
    except OSError:
        return {}
    found: dict[int, list[int]] = {}
    for line in lines:
        fields = line.split()
        if "->" in fields or len(fields) < 8 or fields[5] != wanted:
            continue
        pid, start, end = int(fields[4]), int(fields[6]), fields[7]
        if pid in (os.getpid(), 0, -1) or end == "EOF":
            continue
        for byte in range(max(start, _WRITER_LOCK), min(int(end), _CONNECTED_LOCK) + 1):
            found.setdefault(byte, []).append(pid)
    return found


def _program(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() or "?"
    except OSError:
        return "?"
