"""Following a replica that changes between polls, on a clock that moves only when the follower waits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import apsw
import apsw.ext
import pyrage

from sqlite_recovery_tui.clock import FixedClock
from sqlite_recovery_tui.demo.levels import LevelWriter
from sqlite_recovery_tui.domain import Position, Txid
from sqlite_recovery_tui.formats.ltx import names
from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.restore.follow import FollowState, follow
from sqlite_recovery_tui.restore.following.source import ReplicaSource, mark_of
from sqlite_recovery_tui.restore.live.copy import LiveCopy
from sqlite_recovery_tui.restore.live.create import create, staging_path
from sqlite_recovery_tui.storage.base import ObjectInfo, Store
from sqlite_recovery_tui.storage.memory import MemoryStore
from tests.support.copies import same
from tests.support.generation_writer import GenerationWriter
from tests.support.shelf import restore_to

OnTurn = Callable[[FollowState], None]


class CountingStore:
    """A store that counts requests: listings by the pages they take, 1000 objects each."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.requests: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def list(self, prefix: str = "") -> Iterator[Sequence[ObjectInfo]]:
        pages = 0
        for page in self._store.list(prefix):
            pages += 1
            yield page
        self.requests["list"] += max(1, pages)

    def list_folders(self, prefix: str = "") -> Sequence[str]:
        self.requests["folders"] += 1
        return self._store.list_folders(prefix)

    def head(self, key: str) -> ObjectInfo:
        self.requests["head"] += 1
        return self._store.head(key)

    def get(self, key: str) -> bytes:
        self.requests["get"] += 1
        return self._store.get(key)

    def get_range(self, key: str, start: int, length: int) -> bytes:
        self.requests["get"] += 1
        return self._store.get_range(key, start, length)

    def stream(self, key: str, **how: Any) -> Iterator[bytes]:
        self.requests["get"] += 1
        return self._store.stream(key, **how)


class Turns(CancelToken):
    """Lets time pass on the clock where the follower waits, and stops it after so many turns."""

    def __init__(self, clock: FixedClock, count: int, on_wait: Callable[[], None]) -> None:
        super().__init__()
        self._clock = clock
        self._left = count
        self._on_wait = on_wait

    def wait(self, seconds: float) -> bool:
        self._clock.sleep(seconds)
        self._on_wait()
        self._left -= 1
        if self._left <= 0:
            self.cancel()
        return self.cancelled


@dataclass
class Pursuit:
    """A copy of what is in `store`, made at once, and followed on in as many runs as are wanted."""

    store: Store
    folder: Path
    clock: FixedClock
    options: dict[str, Any] = field(default_factory=dict)
    states: list[FollowState] = field(default_factory=list)
    check: Callable[[Pursuit], bool] = lambda _: True
    """Tells whether the copy is what it says; asked after every turn."""

    def __post_init__(self) -> None:
        self.path = self.folder / "copy.db"
        staged = staging_path(self.path)
        result = restore_to(staged, self.store, age_identities=tuple(self.options.get("identities", ())))
        self.copy = create(staged, self.path, mark_of(result), url=self.store.url, clock=self.clock)
        self.source = self._new_source()

    def _new_source(self) -> ReplicaSource:
        return ReplicaSource(self.store, self.store.url, self.path, clock=self.clock, **self.options)

    def begin_again(self) -> None:
        """Go on from the copy as another process would."""
        self.copy.close()
        self.copy = LiveCopy.open(self.path, url=self.store.url, clock=self.clock)
        self.source = self._new_source()

    def turns(
        self, count: int = 1, *, on_wait: Callable[[], None] = lambda: None, **more: Any
    ) -> FollowState:
        """Follow for so many turns, with something to do in each wait; return the last state."""
        return follow(
            self.source,
            self.copy,
            stop=Turns(self.clock, count, on_wait),
            clock=self.clock,
            on_state=self._on_state,
            **more,
        )

    def _on_state(self, state: FollowState) -> None:
        self.states.append(state)
        assert self.check(self), f"the copy is not what it says at {state.position}"

    @property
    def content(self) -> bytes:
        return self.path.read_bytes()

    @property
    def problems(self) -> list[str]:
        """Everything that was told to be a problem so far."""
        return [problem for state in self.states for problem in state.problems]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.copy.close()


@dataclass
class Levels:
    """A database that is stored as LTX files, each second a sync, with the truth about every TXID."""

    folder: Path
    clock: FixedClock
    page_size: int = 4096
    states: dict[int, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.replica = self.folder / "replica"
        self.begin_anew("app.db")

    def begin_anew(self, name: str) -> None:
        """Have another database stored, from TXID 1 on, at the same place."""
        self.writer = LevelWriter(self.folder / name, self.replica, page_size=self.page_size)
        apsw.ext.make_virtual_module(self.connection, "generate_series", apsw.ext.generate_series)
        self.run("CREATE TABLE t(id INTEGER PRIMARY KEY, body)")
        self.sync()
        self.snapshot()
        self.grow(20)

    @property
    def connection(self) -> apsw.Connection:
        return self.writer.connection

    def run(self, *statements: str) -> None:
        for statement in statements:
            self.connection.execute(statement)

    def grow(self, rows: int = 5) -> int:
        """Add rows and store them; return the TXID."""
        self.run(f"INSERT INTO t(body) SELECT randomblob(300) FROM generate_series(1, {rows})")
        return self.sync()

    def sync(self) -> int:
        """Store what was committed; return the TXID."""
        if self.writer.sync(self.clock.now()):
            self.states[self.writer.txid] = bytes(self.connection.serialize("main"))
        return self.writer.txid

    def snapshot(self) -> None:
        self.writer.snapshot(self.clock.now())

    def key(self, level: int, low: int, high: int | None = None) -> Path:
        """Return the path of a file."""
        return self.replica / names.file_key(level, low, high or low)

    def expire(self, level: int) -> None:
        """Delete what the next level has taken in, but for the newest."""
        self.writer.expire(level, self.clock.now() + timedelta(days=1))

    def holds(self, pursuit: Pursuit) -> bool:
        """Tell whether a copy is just what it says, of the newest state."""
        return self.agrees(pursuit) and pursuit.copy.mark.place == Txid(self.writer.txid)

    def agrees(self, pursuit: Pursuit) -> bool:
        """Tell whether a copy is just what it says."""
        place = pursuit.copy.mark.place
        assert isinstance(place, Txid)
        return same(pursuit.content, self.states[place.value])

    def close(self) -> None:
        self.writer.close()


@dataclass
class Generations:
    """A database that is stored as generations of WAL segments, with the truth about every commit."""

    clock: FixedClock
    folder: Path
    page_size: int = 4096
    store: MemoryStore = field(default_factory=lambda: MemoryStore("replica"))
    seal: Any = None
    """Whom objects are encrypted for."""

    def __post_init__(self) -> None:
        self.writer = GenerationWriter(
            self.folder / "app.db",
            self.take,
            page_size=self.page_size,
            keep_states=True,
            generation_ids=(f"{number:016x}" for number in count(1)),
        )
        apsw.ext.make_virtual_module(self.connection, "generate_series", apsw.ext.generate_series)
        self.run("CREATE TABLE t(id INTEGER PRIMARY KEY, body)")
        self.insert(20)
        self.new_generation()

    def take(self, key: str, pieces: Iterable[bytes], time: datetime) -> int:
        """Store an object."""
        data = b"".join(pieces)
        if self.seal is not None:
            data = pyrage.encrypt(data, [self.seal])
        self.store.put(key, data)
        self.store.set_time(key, time)
        return len(data)

    @property
    def connection(self) -> apsw.Connection:
        return self.writer.connection

    @property
    def last(self) -> str:
        """The key of the object that was stored last."""
        return self.writer.objects[-1].key

    def run(self, *statements: str) -> None:
        for statement in statements:
            self.connection.execute(statement)

    def insert(self, rows: int = 5) -> None:
        self.run(f"INSERT INTO t(body) SELECT randomblob(300) FROM generate_series(1, {rows})")

    def grow(self, rows: int = 5) -> Position:
        """Add rows and store them; return where the commit ends."""
        self.insert(rows)
        self.ship()
        return self.writer.commits[-1].position

    def ship(self, end: int | None = None) -> None:
        self.writer.ship(self.clock.now(), end=end)

    def checkpoint(self) -> None:
        """End the WAL: what is committed next begins another one."""
        self.ship()
        self.writer.checkpoint("TRUNCATE")

    def snapshot(self) -> None:
        self.checkpoint()
        self.writer.snapshot(self.clock.now())

    def new_generation(self) -> None:
        self.writer.new_generation(self.clock.now())

    def agrees(self, pursuit: Pursuit) -> bool:
        """Tell whether a copy is just what it says."""
        place = pursuit.copy.mark.place
        assert isinstance(place, Position)
        earlier = [
            commit
            for commit in self.writer.commits
            if commit.position.generation == place.generation and commit.position <= place
        ]
        return same(pursuit.content, earlier[-1].state or b"")

    def holds(self, pursuit: Pursuit) -> bool:
        """Tell whether a copy is just what it says, of the newest state."""
        return self.agrees(pursuit) and same(pursuit.content, self.writer.commits[-1].state or b"")

    def close(self) -> None:
        self.writer.close()
