"""One untrusted file and its connections, with stand-ins for what its application would register."""

from __future__ import annotations

import threading

import apsw

from sqlite_recovery_tui.formats import header
from sqlite_recovery_tui.sqlite.child.failure import Failure
from sqlite_recovery_tui.sqlite.child.files import DatabaseFile
from sqlite_recovery_tui.sqlite.child.watch import Watch
from sqlite_recovery_tui.sqlite.guard import Guard
from sqlite_recovery_tui.sqlite.messages import Limits, decode_text

_STEPS_PER_TICK = 5000
_BROWSE_CACHE = 16 << 20
# Entries of an index are looked up in the order of the table, that is at random: twice as fast as with 2 MB.
_CHECK_CACHE = 64 << 20


class Session:
    """One database, opened as often as the work needs and never written.

    `browse` has inert collations; `strict` has nothing the application would have to register.
    """

    def __init__(self, file: DatabaseFile, limits: Limits, *, notice: str = "") -> None:
        """Look at the bytes of `file`; `notice` explains where they are a copy."""
        self.file = file
        self.limits = limits
        self.notice = notice
        self.watch = Watch(lambda _: None, None)
        self.guard = Guard()
        self.stand_ins: set[str] = set()
        self.comparing: object = None
        """The comparison under way, if there is one."""
        self._interrupting = threading.Lock()
        self._connections: list[apsw.Connection] = []
        self._browse: apsw.Connection | None = None
        self._strict: apsw.Connection | None = None
        self._header: header.DatabaseHeader | None = None

    @property
    def header(self) -> header.DatabaseHeader:
        """The file's header; raises `Failure` or `FormatError` when it has none."""
        if self._header is None:
            start = self.file.read(0, header.SIZE)
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
        connection = self.file.connect(self.guard, cache_bytes)
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


def _compare(left: str, right: str) -> int:
    return (left > right) - (left < right)
