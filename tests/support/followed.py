"""A live database as its applications have it, in processes of their own, and a follower beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw

from sqlite_recovery_tui.clock import SYSTEM, Clock, SystemClock
from sqlite_recovery_tui.replicate.events import Event
from sqlite_recovery_tui.replicate.follow import Follower
from sqlite_recovery_tui.replicate.followed import FollowOptions, Polled
from tests.support.sql_process import SqlProcess
from tests.support.wal_sink import MemorySink


class App(SqlProcess):
    """An application, with Python's own SQLite."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "rwc")
        self.path = path

    def do(self, *statements: str) -> None:
        for statement in statements:
            self.rows(statement)


class WritingClock(SystemClock):
    """A clock during whose every look an application tries to write: in between any two steps."""

    def __init__(self, app: App) -> None:
        self.app: App | None = app
        self.refused = self.written = 0

    def monotonic(self) -> float:
        if self.app is not None:
            done = "rows" in self.app.ask("INSERT INTO t VALUES('between', randomblob(5000))")
            self.written += done
            self.refused += not done
        return super().monotonic()


class Followed:
    """A follower, what it kept, and what it told."""

    def __init__(
        self,
        database: Path,
        *,
        sink: MemorySink | None = None,
        options: FollowOptions | None = None,
        clock: Clock = SYSTEM,
    ) -> None:
        self.database = database
        self.sink = sink or MemorySink()
        self.events: list[Event] = []
        self.follower = Follower(
            database, self.sink, clock, options or FollowOptions(retry_seconds=0.0), self.events.append
        )

    @property
    def told(self) -> list[str]:
        return [event.kind for event in self.events]

    def poll(self) -> Polled:
        return self.follower.poll()

    def live(self) -> bytes:
        """Return the database as SQLite has it."""
        return copy_of(self.database)

    def equals_live(self) -> bool:
        return self.sink.image == self.live()

    def close(self) -> None:
        self.follower.stop(0)


def copy_of(database: Path) -> bytes:
    """Return a database as SQLite has it; the connection shares the locks of a follower in this process."""
    connection = apsw.Connection(str(database))
    try:
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        connection.execute("BEGIN; SELECT count(*) FROM sqlite_schema").fetchall()
        return connection.serialize("main")
    finally:
        connection.close()


def rows(image: bytes, sql: str) -> list[Any]:
    """Ask a database image."""
    connection = apsw.Connection(":memory:")
    try:
        # A deserialized database has no WAL, so it must not say that it has one.
        connection.deserialize("main", image[:18] + b"\1\1" + image[20:])
        return connection.execute(sql).fetchall()
    finally:
        connection.close()
