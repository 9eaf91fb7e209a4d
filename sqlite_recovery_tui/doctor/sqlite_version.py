"""Versions of SQLite: which one a program carries, and the bugs of a version that cost data.

Sources: sqlite.org/wal.html (the WAL-reset bug), and SQLite's own sources from 3.40 to 3.53 for the other.
"""

from __future__ import annotations

import mmap
import re
from dataclasses import dataclass
from pathlib import Path

from sqlite_recovery_tui.sqlite.write_group import SAFE_SAVEPOINTS

Version = tuple[int, int, int]
FIXED: Version = (3, 51, 3)
"""The first version that has none of the bugs here."""
_RESET_FIXED_EARLIER: tuple[Version, ...] = ((3, 44, 6), (3, 50, 7))
"""Older lines that had the correction carried over: these and what follows them in the line."""
_FIRST_WAL: Version = (3, 7, 0)

RESET_BUG = "the WAL-reset bug (corrupts the database, fixed in 3.51.3)"
"""Two connections that checkpoint at the same time may miss that the log was begun anew."""
SAVEPOINT_BUG = "the savepoint bug (a power cut loses commits, fixed in 3.50)"
"""After a rollback to a savepoint of a transaction larger than the cache, checksums in the log end early."""
_SOURCE_ID = re.compile(rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [0-9a-f]{40}")
_VERSION = re.compile(rb"(?<![\w.\-])3\.(\d{1,2})\.(\d{1,2})\x00")


@dataclass(frozen=True, slots=True)
class Found:
    """What a file says of the SQLite inside it; `version` is None where it says too much or too little."""

    version: Version | None
    has_sqlite: bool


def of_number(number: int) -> Version | None:
    """Return the version behind SQLite's version number (3040001: 3.40.1); None for 0, which tells none."""
    return (number // 1_000_000, number // 1000 % 1000, number % 1000) if number else None


def words(version: Version) -> str:
    """Return a version as people write it."""
    return ".".join(map(str, version))


def bugs(version: Version) -> tuple[str, ...]:
    """Return what is known to go wrong with the write-ahead log of a version, in words."""
    found = []
    if _FIRST_WAL <= version < FIXED and not _has_correction(version):
        found.append(RESET_BUG)
    if _FIRST_WAL <= version < SAFE_SAVEPOINTS:
        found.append(SAVEPOINT_BUG)
    return tuple(found)


def _has_correction(version: Version) -> bool:
    return any(version[:2] == fixed[:2] and version >= fixed for fixed in _RESET_FIXED_EARLIER)


def in_file(path: Path) -> Found:
    """Look for a compiled SQLite in a library or program, which is read and never run.

    Its own mark is the id of its source; the version stands in it as a text of its own. Raises `OSError`.
    """
    with path.open("rb") as file:
        try:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError:  # an empty file
            return Found(None, has_sqlite=False)
        with data:
            if not _SOURCE_ID.search(data):
                return Found(None, has_sqlite=False)
            versions = {(3, int(one[1]), int(one[2])) for one in _VERSION.finditer(data)}
    return Found(versions.pop() if len(versions) == 1 else None, has_sqlite=True)
