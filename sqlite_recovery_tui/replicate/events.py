"""What happens to a database that is followed, told as it happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlite_recovery_tui.clock import Clock
from sqlite_recovery_tui.replicate.stretch import BreakKind

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


_BREAKS: dict[BreakKind, EventKind] = {
    "chain": "chain-break",
    "overwritten": "overwritten",
    "page-size": "page-size",
}


class Teller:
    """Tells what happens; what lasts is told once."""

    def __init__(self, on_event: OnEvent, clock: Clock) -> None:
        """Tell `on_event`."""
        self.detail = ""
        """Why nothing is kept at the moment; empty when all is well."""
        self._on_event = on_event
        self._clock = clock
        self._in_the_way: set[EventKind] = set()
        self._standing: set[EventKind] = set()

    def tell(self, kind: EventKind, detail: str) -> None:
        """Tell something that happened."""
        self._on_event(Event(kind, detail, self._clock.now()))

    def in_the_way(self, kind: EventKind, detail: str) -> None:
        """Tell what keeps everything from being kept, once until `recovered`."""
        self.detail = detail
        if kind not in self._in_the_way:
            self._in_the_way.add(kind)
            self.tell(kind, detail)

    def recovered(self) -> None:
        """All that is committed is kept again."""
        if "sink-failed" in self._in_the_way:
            self.tell("sink-recovered", "what was committed is kept again")
        self._in_the_way.clear()
        self.detail = ""

    def standing(self, kind: EventKind, detail: str) -> None:
        """Tell what keeps the log from being folded in, once until `folded`."""
        if kind not in self._standing:
            self._standing.add(kind)
            self.tell(kind, detail)

    def folded(self) -> None:
        """The log was folded in."""
        self._standing.clear()

    def broken(self, kind: BreakKind, detail: str) -> None:
        """Tell what broke the history, where that is an event of its own."""
        if kind in _BREAKS:
            self.tell(_BREAKS[kind], detail)
