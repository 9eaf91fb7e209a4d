"""Random histories of real databases, shipped as v0.3 replicas, with the truth about every moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import apsw
import apsw.ext
from hypothesis import strategies as st

from sqlite_recovery_tui.demo.salts import repeatable_salts
from sqlite_recovery_tui.domain import Position, Snapshot, WalSegment
from sqlite_recovery_tui.formats import wal
from tests.support.generation_writer import CheckpointMode, Commit, GenerationWriter
from tests.support.shelf import Shelf, at

Step = tuple[str, int]
"""What to do, and a number that varies it."""


@dataclass(frozen=True)
class Shape:
    """How the database is made."""

    page_size: int
    encoding: str = "UTF-8"
    auto_vacuum: str = "NONE"

    @property
    def pragmas(self) -> tuple[str, ...]:
        return (f"encoding='{self.encoding}'", f"auto_vacuum={self.auto_vacuum}", "cache_size=8")


SHAPES = st.builds(
    Shape,
    page_size=st.sampled_from([512, 512, 1024, 4096, 16384, 65536]),
    encoding=st.sampled_from(["UTF-8", "UTF-16le", "UTF-16be"]),
    auto_vacuum=st.sampled_from(["NONE", "FULL", "INCREMENTAL"]),
)


@dataclass
class Held:
    """A snapshot, and how far into its own WAL its content reaches."""

    snapshot: Snapshot
    mark: Position
    content: bytes


@dataclass
class History:
    """A database that is changed step by step, and the replica that is written of it."""

    folder: Path
    shape: Shape
    shelf: Shelf = field(default_factory=Shelf)
    snapshots: list[Held] = field(default_factory=list)
    clock: float = 0.0
    _readers: list[apsw.Connection] = field(default_factory=list)
    _other: apsw.Connection | None = None
    _mark: Position = field(default_factory=lambda: Position("", 0, 0))

    def __post_init__(self) -> None:
        self.writer = GenerationWriter(
            self.folder / "app.db",
            self.shelf.take,
            page_size=self.shape.page_size,
            pragmas=self.shape.pragmas,
            keep_states=True,
            generation_ids=(f"{number:016x}" for number in count(1)),
        )
        _give_series(self.writer.connection)
        self._run(
            "CREATE TABLE note(id INTEGER PRIMARY KEY, body)",
            "CREATE TABLE pair(name TEXT PRIMARY KEY, value) WITHOUT ROWID",
            "CREATE INDEX note_body ON note(substr(body, 1, 20))",
            "INSERT INTO note(body) SELECT hex(randomblob(40)) FROM generate_series(1, 20)",
        )
        self.new_generation(0)

    def close(self) -> None:
        """Close every connection."""
        for connection in (*self._readers, *filter(None, [self._other])):
            connection.close()
        self.writer.close()

    def take(self, step: Step) -> None:
        """Take one step; what SQLite refuses (a reader is in the way) did not happen."""
        name, number = step
        action: Callable[[int], None] = getattr(self, name)
        try:
            action(number)
        except (apsw.BusyError, apsw.LockedError):
            self.rollback()

    def rollback(self) -> None:
        """Leave a transaction that could not be finished."""
        if not self.writer.connection.get_autocommit():
            self.writer.connection.execute("ROLLBACK")

    def tick(self, seconds: float) -> None:
        """Let time go by; it always does, so that no two objects are of one moment."""
        self.clock += 0.01 + seconds

    # Changes

    def insert(self, number: int) -> None:
        """Add a few rows, longer than a page now and then."""
        self._run(
            f"INSERT INTO note(body) SELECT hex(randomblob({number * 7})) "
            f"FROM generate_series(1, {number % 7 + 1})"
        )

    def small(self, number: int) -> None:
        """Change one row in place: page 1 is not touched."""
        self._run(f"UPDATE pair SET value = value + {number} WHERE name = (SELECT min(name) FROM pair)")

    def pairs(self, number: int) -> None:
        """Write into the table without row ids."""
        self._run(
            f"INSERT OR REPLACE INTO pair SELECT 'k' || (value * {number + 3} % 97), value "
            f"FROM generate_series(1, {number % 30 + 1})"
        )

    def update(self, number: int) -> None:
        """Rewrite some rows."""
        self._run(f"UPDATE note SET body = upper(body) || {number} WHERE id % {number % 5 + 2} = 0")

    def delete(self, number: int) -> None:
        """Delete some rows, so that pages become free."""
        self._run(f"DELETE FROM note WHERE id % {number % 4 + 2} = 1")

    def blob(self, number: int) -> None:
        """Add a blob over several overflow pages."""
        size = self.shape.page_size * (number % 4 + 1) + number
        self._run(f"INSERT INTO note(body) VALUES (randomblob({size}))")

    def spill(self, number: int) -> None:
        """Commit a transaction larger than the cache."""
        size = self.shape.page_size // 2
        self._run(
            f"INSERT INTO note(body) SELECT randomblob({size}) FROM generate_series(1, {20 + number % 20})"
        )

    def rolled_back_spill(self, number: int) -> None:
        """Write frames to the WAL that never count."""
        size = self.shape.page_size // 2
        self.writer.connection.execute(
            f"BEGIN; INSERT INTO note(body) SELECT randomblob({size}) "
            f"FROM generate_series(1, {20 + number % 20}); ROLLBACK"
        )

    def savepoint(self, number: int) -> None:
        """Roll a part of a transaction back after it reached the WAL."""
        size = self.shape.page_size // 2
        self.writer.connection.execute(
            f"BEGIN; INSERT INTO note(body) VALUES ('before {number}'); SAVEPOINT one; "
            f"INSERT INTO note(body) SELECT randomblob({size}) FROM generate_series(1, 30); "
            "UPDATE note SET body = 'gone'; ROLLBACK TO one; "
            f"INSERT INTO note(body) VALUES ('after {number}'); RELEASE one; COMMIT"
        )

    def schema(self, number: int) -> None:
        """Make or drop a table."""
        name = f"extra_{number % 3}"
        if self.writer.connection.execute("SELECT 1 FROM sqlite_schema WHERE name = ?", (name,)).fetchall():
            self._run(f"DROP TABLE {name}")
        else:
            self._run(f"CREATE TABLE {name} AS SELECT * FROM note")

    def vacuum(self, _: int) -> None:
        """Rebuild the database."""
        self._run("VACUUM")

    def shrink(self, number: int) -> None:
        """Give free pages back where auto_vacuum is incremental."""
        self.writer.connection.execute(f"PRAGMA incremental_vacuum({number % 10 + 1})").fetchall()

    def elsewhere(self, number: int) -> None:
        """Commit through another connection."""
        if self._other is None:
            self._other = apsw.Connection(str(self.writer.database))
            self._other.execute("PRAGMA synchronous=OFF; PRAGMA wal_autocheckpoint=0").fetchall()
            _give_series(self._other)
            self._other.set_wal_hook(self.writer._on_commit)
        self._other.execute(f"INSERT INTO note(body) VALUES (randomblob({number * 11}))")

    # Readers and checkpoints

    def reader(self, number: int) -> None:
        """Open a reader that pins the WAL, or let one go."""
        if self._readers and number % 2:
            self._readers.pop().close()
        elif len(self._readers) < 2:
            reader = apsw.Connection(str(self.writer.database))
            reader.execute("BEGIN; SELECT count(*) FROM note").fetchall()
            self._readers.append(reader)

    def checkpoint(self, number: int) -> None:
        """Checkpoint in one of the ways there are."""
        modes: list[CheckpointMode] = ["PASSIVE", "PASSIVE", "FULL", "RESTART", "TRUNCATE"]
        try:
            self.writer.checkpoint(modes[number % len(modes)])
        finally:
            self._note_mark()

    # Shipping

    def ship(self, number: int) -> None:
        """Ship everything that was committed."""
        self.tick(number % 5)
        self.writer.ship(at(self.clock))

    def ship_part(self, number: int) -> None:
        """Ship up to some frame of the oldest WAL that waits, in time with what is in memory of it."""
        waiting = [each for each in self.writer._wals if each.unshipped]
        if not waiting:
            return
        frame = wal.FRAME_HEADER_SIZE + self.shape.page_size
        first = waiting[0]
        frames = (len(first.data) - max(first.shipped, wal.HEADER_SIZE)) // frame
        self.tick(0)
        end = max(first.shipped, wal.HEADER_SIZE) + (number % frames + 1) * frame
        self.writer.ship(at(self.clock), end=end)

    def snapshot(self, number: int) -> None:
        """Take a snapshot, of the file as it stands or behind a checkpoint."""
        self.tick(number % 3)
        modes: list[CheckpointMode | None] = [None, None, "PASSIVE", "TRUNCATE"]
        mode = modes[number % len(modes)]
        if mode is not None:
            self.checkpoint(0 if mode == "PASSIVE" else 4)
        self._keep(self.writer.snapshot(at(self.clock), checkpoint=None))

    def new_generation(self, number: int) -> None:
        """Begin anew, as after an outage."""
        self.checkpoint(4)
        self.tick(number % 20)
        self._keep(self.writer.new_generation(at(self.clock)))

    # Truth

    @property
    def commits(self) -> list[Commit]:
        """Every commit, in order."""
        return self.writer.commits

    def commit_at(self, position: Position) -> Commit | None:
        """Return the last commit at or before `position` in its generation."""
        earlier = [
            commit
            for commit in self.commits
            if commit.position.generation == position.generation and commit.position <= position
        ]
        return max(earlier, key=lambda commit: commit.position, default=None)

    def is_stored(self, position: Position) -> bool:
        """Tell whether the replica has everything up to `position`, snapshots apart."""
        if position.offset == 0:
            return True
        ends = [
            item.offset + len(self.shelf.decoded(item.key))
            for item in self.writer.objects
            if isinstance(item, WalSegment)
            and (item.generation, item.index) == (position.generation, position.index)
        ]
        return max(ends, default=0) >= position.offset

    def bases(self, position: Position) -> list[Held]:
        """Return the snapshots that a state at `position` can be built on without going back."""
        stored = {held.snapshot.key: held for held in self.snapshots}  # the last of a name is what there is
        return [
            held
            for held in stored.values()
            if held.snapshot.generation == position.generation
            and held.snapshot.index <= position.index
            and held.mark <= position
        ]

    def _keep(self, snapshot: Snapshot) -> None:
        position = self.writer.position
        mark = Position(position.generation, position.index, 0)
        if (self._mark.generation, self._mark.index) == (position.generation, position.index):
            mark = self._mark
        self.snapshots.append(Held(snapshot, mark, self.shelf.decoded(snapshot.key)))

    def _note_mark(self) -> None:
        """Note how far the WAL is in the database file."""
        position = self.writer.position
        if position.offset == 0:
            return
        _, done = self.writer.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        offset = wal.HEADER_SIZE + done * (wal.FRAME_HEADER_SIZE + self.shape.page_size) if done > 0 else 0
        self._mark = Position(position.generation, position.index, offset)

    def _run(self, *statements: str) -> None:
        for statement in statements:
            self.writer.connection.execute(statement)


CHANGES = ["insert", "small", "pairs", "update", "delete", "blob", "spill", "schema", "elsewhere"]
RARE = ["rolled_back_spill", "savepoint", "vacuum", "shrink"]
SHIPPING = ["ship", "ship", "ship_part", "checkpoint", "snapshot", "reader"]

STEPS = st.lists(
    st.tuples(
        st.one_of(
            st.sampled_from(CHANGES),
            st.sampled_from(SHIPPING),
            st.sampled_from(RARE),
            st.sampled_from(["new_generation", *SHIPPING]),
        ),
        st.integers(0, 200),
    ),
    min_size=3,
    max_size=30,
)


def play(folder: Path, shape: Shape, steps: list[Step]) -> History:
    """Carry out `steps` and close the database; the same arguments give the same history."""
    with repeatable_salts():
        history = History(folder, shape)
        try:
            for step in steps:
                history.take(step)
        finally:
            history.close()
    return history


def _give_series(connection: apsw.Connection) -> None:
    apsw.ext.make_virtual_module(connection, "generate_series", apsw.ext.generate_series)
