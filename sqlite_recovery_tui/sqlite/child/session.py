"""One untrusted file and its connections, with stand-ins for what its application would register."""

from __future__ import annotations

import threading
from pathlib import Path

import apsw

from sqlite_recovery_tui.formats import header
from sqlite_recovery_tui.sqlite.child.failure import Failure
from sqlite_recovery_tui.sqlite.child.watch import Watch
from sqlite_recovery_tui.sqlite.connect import open_untrusted
from sqlite_recovery_tui.sqlite.guard import Guard
from sqlite_recovery_tui.sqlite.messages import Limits, decode_text

_STEPS_PER_TICK = 5000
_BROWSE_CACHE = 16 << 20
# Entries of an index are looked up in the order of the table, that is at random: twice as fast as with 2 MB.
_CHECK_CACHE = 64 << 20


class Session:
    """The file at `path`, opened as often as the work needs and never written.

    `browse` has inert collations; `strict` has nothing the application would have to register.
    """

    def __init__(self, path: Path, limits: Limits, *, origin: Path, notice: str = "") -> None:
        """Look at the bytes in `path`: those of `origin`, or a copy of it that `notice` explains."""
        self.path = path
        self.origin = origin
        self.limits = limits
        self.notice = notice
        self.watch = Watch(lambda _: None, None)
        self.guard = Guard()
        self.stand_ins: set[str] = set()
        self._interrupting = threading.Lock()
        self._connections: list[apsw.Connection] = []
        self._browse: apsw.Connection | None = None
        self._strict: apsw.Connection | None = None
        self._fingerprint = fingerprint(origin)
        self._header: header.DatabaseHeader | None = None

    @property
    def header(self) -> header.DatabaseHeader:
        """The file's header; raises `Failure` or `FormatError` when it has none."""
        if self._header is None:
            with open(self.path, "rb") as file:
                start = file.read(header.SIZE)
            if not start:
                raise Failure("damaged", "the file is empty: it holds no database")
            self._header = header.parse(start)
        return self._header

    @property
    def encoding(self) -> str:
        return self.header.text_encoding

    @property
    def browse(self) -> apsw.Connection:
        """A connection for looking at rows; collations that are missing compare byte by byte."""
        if self._browse is None:
            self._browse = self.open(cache_bytes=_BROWSE_CACHE)
            self._browse.collation_needed(self._stand_in)
        return self._browse

    @property
    def strict(self) -> apsw.Connection:
        """A connection for checks, with nothing that stands in for what is missing."""
        if self._strict is None:
            self._strict = self.open(cache_bytes=_CHECK_CACHE)
        return self._strict

    def open(self, *, cache_bytes: int) -> apsw.Connection:
        """Open another connection, which stops when the watch says so; for `release` to close."""
        # SQLite takes a file shorter than its header for a new, empty database.
        _ = self.header
        connection = open_untrusted(self.path, guard=self.guard, cache_bytes=cache_bytes)
        connection.set_progress_handler(self._tick, _STEPS_PER_TICK)
        self._connections.append(connection)
        return connection

    def release(self) -> None:
        """Close what only a check needs, and give its memory back."""
        with self._interrupting:
            closing = [each for each in self._connections if each is not self._browse]
            self._connections = [each for each in self._connections if each is self._browse]
            self._strict = None
        for connection in closing:
            connection.close()

    def text(self, value: object) -> str:
        """Decode what `CAST(… AS BLOB)` made of a text in the schema."""
        return decode_text(value, self.encoding) if isinstance(value, bytes) else str(value or "")

    def changed(self) -> bool:
        """Tell whether somebody wrote or replaced the file, or what lies beside it, since it was opened."""
        return fingerprint(self.origin) != self._fingerprint

    def interrupt(self) -> None:
        """Stop the running statements; safe from any thread."""
        # A connection must not be closed in one thread while it is interrupted in another.
        with self._interrupting:
            for connection in self._connections:
                connection.interrupt()

    def _tick(self) -> bool:
        return self.watch.tick()

    def _stand_in(self, connection: apsw.Connection, name: str) -> None:
        self.stand_ins.add(name)
        connection.create_collation(name, _compare)


def fingerprint(path: Path) -> tuple[tuple[int, ...], ...]:
    """Return what changes when a database, its `-wal` or its `-journal` is written or replaced."""
    return tuple(_state(path.with_name(path.name + suffix)) for suffix in ("", "-wal", "-journal"))


def _state(path: Path) -> tuple[int, ...]:
    try:
        state = path.stat()
    except FileNotFoundError:
        return ()
    # An empty -wal or -journal comes and goes without a change of the database.
    return (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns) if state.st_size else ()


def _compare(left: str, right: str) -> int:
    return (left > right) - (left < right)
