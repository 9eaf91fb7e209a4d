"""Whatever order things happen in, what was kept is the database, and only a pause breaks the history."""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.followed import App, Followed

STEPS = st.sampled_from(
    [
        "insert",
        "large",
        "rollback",
        "delete",
        "VACUUM",
        "PRAGMA wal_checkpoint(PASSIVE)",
        "PRAGMA wal_checkpoint(RESTART)",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "reader begins",
        "reader ends",
        "reopen",
        "poll",
        "checkpoint",
        "truncate",
        "snapshot",
        "stop",
        "crash",
    ]
)


class Life:
    """A database with two applications and a follower that comes and goes."""

    def __init__(self, database: Path) -> None:
        self.database = database
        self.stack = ExitStack()
        self.app = self.stack.enter_context(App(database))
        self.app.do("PRAGMA journal_mode=wal", "CREATE TABLE t(a, b)", "PRAGMA wal_autocheckpoint=30")
        self.reader = self.stack.enter_context(App(database))
        self.is_reading = False
        self.pauses = 0
        self.followed = Followed(database)
        self.followed.follower.start()

    def step(self, step: str) -> None:
        follower = self.followed.follower
        match step:
            case "insert":
                self.app.do("INSERT INTO t VALUES(1, randomblob(100))")
            case "large":
                self.app.do("INSERT INTO t VALUES(2, randomblob(60000))")
            case "rollback":
                self.app.do("BEGIN", "INSERT INTO t VALUES(3, randomblob(9000))", "ROLLBACK")
            case "delete":
                self.app.do("DELETE FROM t WHERE rowid % 2")
            case "reader begins" if not self.is_reading:
                self.reader.do("BEGIN", "SELECT count(*) FROM t")
                self.is_reading = True
            case "reader ends" if self.is_reading:
                self.reader.do("COMMIT")
                self.is_reading = False
            case "reopen":
                self.app = self.stack.enter_context(App(self.database))
            case "checkpoint" | "truncate":
                follower.checkpoint(0.001, truncate=step == "truncate")
            case "snapshot":
                follower.snapshot(0.001)  # the sink compares it with what it was given
            case "stop":
                follower.stop(1)
                self.pauses += 1
                self.followed = Followed(self.database, sink=self.followed.sink)
            case "crash":
                follower._disconnect()
                self.pauses += 1
                self.followed = Followed(self.database, sink=self.followed.sink)
            case "reader begins" | "reader ends" | "poll":
                pass
            case _:
                self.app.ask(step)  # may be refused while a reader is in
        if step not in ("stop", "crash"):  # things happen before it starts again
            self.look()

    def look(self) -> None:
        self.followed.poll()
        assert self.followed.poll().state == "following", self.followed.events
        assert self.followed.equals_live()
        assert self.followed.sink.reasons[0] == "new"
        assert set(self.followed.sink.reasons[1:]) <= {"down"}
        assert len(self.followed.sink.reasons) <= 1 + self.pauses


@settings(
    max_examples=200 if os.environ.get("SOAK") else 8,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(steps=st.lists(STEPS, min_size=15, max_size=40))
def test_any_order_of_things(steps: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        life = Life(Path(folder) / "app.db")
        try:
            for step in steps:
                life.step(step)
            life.look()
        finally:
            life.followed.close()
            life.stack.close()
