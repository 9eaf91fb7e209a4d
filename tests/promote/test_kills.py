"""kill -9 in front of every call that changes something: the database is the old one, or the new one.

The next run says what it found, and leaves nothing behind but the database and its undo points.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.promote import undo
from sqlite_recovery_tui.promote.beside import Beside, PromoteLock
from sqlite_recovery_tui.promote.recover import Recovered, recover
from tests.promote.conftest import make_database, state_of

pytestmark = pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")

ROWS = {"old": 40, "new": 60}
MOST = 1_000 if os.environ.get("EVERY_KILL") else 1
"""How many calls of a kind, besides the last, it is killed at; EVERY_KILL=1 in the environment: all."""


class Killer:
    """The side of the test."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.promote.killer"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "KILLER_LOG": str(folder / "killer.log")},
        )

    def ask(self, *request: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def end(self) -> None:
        self._process.communicate()


@pytest.fixture
def killer(tmp_path: Path) -> Iterator[Killer]:
    made = Killer(tmp_path)
    yield made
    made.end()


class World:
    """Production and scratch, as they are before each kill."""

    def __init__(self, folder: Path, *, wal: bool, is_broken: bool = False) -> None:
        self.saved, self.srv, self.new = folder / "saved", folder / "srv", folder / "new.db"
        self.saved.mkdir()
        self.live = self.srv / "app.db"
        make_database(self.saved / "app.db", "old", rows=ROWS["old"], wal=wal)
        make_database(self.new, "new", rows=ROWS["new"])
        self.is_broken = is_broken
        if is_broken:
            content = bytearray((self.saved / "app.db").read_bytes())
            content[:100] = bytes(100)
            (self.saved / "app.db").write_bytes(content)

    def reset(self) -> None:
        shutil.rmtree(self.srv, ignore_errors=True)
        shutil.copytree(self.saved, self.srv)

    def state(self) -> str:
        """Return which state the database is in."""
        if self.is_broken and self.live.read_bytes()[:100] == bytes(100) and not self._has_log():
            assert self.live.read_bytes() == (self.saved / "app.db").read_bytes()
            return "old"
        state, rows = state_of(self.live)
        assert rows == ROWS[state]
        return state

    def _has_log(self) -> bool:
        log = Path(f"{self.live}-wal")
        return log.exists() and log.stat().st_size > 0

    def settle(self) -> Recovered | None:
        """Do what the next run does first, and look at what is left."""
        beside = Beside(self.live)
        with PromoteLock(beside):
            found = recover(beside, CancelToken())
        left = {path.name for path in self.srv.iterdir()} - {"app.db", "app.db-wal", "app.db-shm"}
        assert all(name.startswith("app.db.undo-") for name in left), left
        return found


def points(calls: dict[str, int]) -> list[tuple[str, int]]:
    """Return where to kill: every call, or `MOST` of its kind."""
    found = []
    for call, times in sorted(calls.items()):
        step = max(1, times // MOST)
        numbers = {*range(1, times + 1, step), times}
        found += [(call, number) for number in sorted(numbers)]
    return found


@pytest.mark.parametrize(
    ("mode", "wal", "is_broken"),
    [
        ("online", True, False),
        ("online", False, False),
        ("swap", True, False),
        ("swap", False, False),
        ("swap", True, True),
        ("inject", True, True),
    ],
)
def test_a_promote_is_killed(mode: str, wal: bool, is_broken: bool, tmp_path: Path, killer: Killer) -> None:
    world = World(tmp_path, wal=wal, is_broken=is_broken)
    work = ("promote", [str(world.new), str(world.live), mode])
    world.reset()
    calls = killer.ask("count", *work)
    assert world.state() == "new"
    outcomes = []
    for call, number in points(calls):
        world.reset()
        status = killer.ask("kill", *work, call, number)
        assert os.WIFSIGNALED(status), (call, number)
        assert os.WTERMSIG(status) == signal.SIGKILL
        found = world.settle()
        state = world.state()
        outcomes.append(state)
        if found is not None:
            assert found.state == state, (call, number, found)
        kept = undo.points(Beside(world.live))
        if state == "new":
            assert len(kept) == 1, (call, number)
            if not is_broken:
                assert state_of(kept[0].database) == ("old", ROWS["old"])
    assert set(outcomes) == {"old", "new"}


def test_an_undo_is_killed(tmp_path: Path, killer: Killer) -> None:
    world = World(tmp_path, wal=True)
    world.reset()
    assert killer.ask("count", "promote", [str(world.new), str(world.live), "online"])
    shutil.rmtree(world.saved)
    shutil.copytree(world.srv, world.saved)
    work = ("put_back", [str(world.live)])
    calls = killer.ask("count", *work)
    assert world.state() == "old"
    for call, number in points(calls):
        world.reset()
        assert os.WIFSIGNALED(killer.ask("kill", *work, call, number)), (call, number)
        found = world.settle()
        state = world.state()
        kept = undo.points(Beside(world.live))
        # "new" is what an undo puts back here, and what it takes away has an undo point of its own.
        assert found is None or found.state == {"old": "new", "new": "old"}[state]
        assert len(kept) == (2 if state == "old" else 1)


def test_a_rescue_is_killed(tmp_path: Path, killer: Killer) -> None:
    """The rows are all there or none is; and where they are, so is what takes them back."""
    world = World(tmp_path, wal=True)
    more = make_database(tmp_path / "more.db", "old", rows=ROWS["old"] + 20)
    work = ("rescue", [str(more), str(world.live)])
    world.reset()
    calls = killer.ask("count", *work)
    outcomes = set()
    for call, number in points(calls):
        world.reset()
        assert os.WIFSIGNALED(killer.ask("kill", *work, call, number)), (call, number)
        state, rows = state_of(world.live)
        assert (state, rows) in (("old", ROWS["old"]), ("old", ROWS["old"] + 20)), (call, number)
        outcomes.add(rows)
        if rows > ROWS["old"]:
            [inverse] = world.srv.glob("app.db.rescue-*.sql")
            take_back(world.live, inverse)
            assert state_of(world.live) == ("old", ROWS["old"])
    assert len(outcomes) == 2


def take_back(database: Path, inverse: Path) -> None:
    """Run the statements that were kept, as the shell would."""
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(inverse.read_text())


def test_what_puts_in_order_is_killed(tmp_path: Path, killer: Killer) -> None:
    """A recovery that is killed is carried on by the next one."""
    world = World(tmp_path, wal=True)
    promote = ("promote", [str(world.new), str(world.live), "online"])
    world.reset()
    last = killer.ask("count", *promote)["fdatasync"]
    world.reset()
    killer.ask("kill", *promote, "fdatasync", last)
    shutil.rmtree(world.saved)
    shutil.copytree(world.srv, world.saved)
    work = ("put_in_order", [str(world.live)])
    calls = killer.ask("count", *work)
    expected = world.state()
    for call, number in points(calls):
        world.reset()
        assert os.WIFSIGNALED(killer.ask("kill", *work, call, number)), (call, number)
        world.settle()
        assert world.state() == expected
