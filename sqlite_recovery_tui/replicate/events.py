"""What happens to a database that is followed, told as it happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

EventKind = Literal[
    "missing",  # there is no such file; it is waited for
    "not-wal",  # it is no SQLite database in WAL mode
    "exclusive",  # an application keeps everybody out
    "read-only",  # its file system or its permissions forbid what SQLite needs
    "unreadable",  # opening or reading it fails otherwise
    "began",  # a new generation began, with the reason
    "resumed",  # the history goes on where it was
    "chain-break",  # committed frames whose checksums do not hold
    "overwritten",  # the WAL was restarted, truncated or set back under us
    "phantom",  # valid frames of a commit that never happened; they are not shipped
    "wal-gone",  # the -wal file was deleted or replaced
    "index-gone",  # the -shm file was deleted or replaced
    "replaced",  # another file has the database's name
    "written-past",  # the database file changed without its log
    "page-size",  # pages have another size than before
    "long-wait",  # the writer's lock could not be had for long
    "blocked",  # readers keep the log from being folded in
    "fold-failed",  # the database file could not take the log up: disk full, or an I/O error
    "truncated",  # the log was cut to nothing, since it had grown too large
    "sink-failed",  # what was committed could not be kept; it is tried again
    "sink-recovered",  # it could be kept again
]


@dataclass(frozen=True, slots=True)
class Event:
    """One of them: in words, and when."""

    kind: EventKind
    detail: str
    at: datetime


OnEvent = Callable[[Event], None]


def ignore(_: Event) -> None:
    """Tell nobody."""
