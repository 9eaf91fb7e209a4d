"""The way in for an update: readers come first, for as long as agreed."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sqlite_recovery_tui.clock import FixedClock
from sqlite_recovery_tui.restore.live.faults import CopyBusy
from sqlite_recovery_tui.restore.live.gate import Gate, Patience
from tests.support.copies import START
from tests.support.sql_process import SqlProcess

COUNT = "SELECT count(*) FROM t"
LOCKED = "database is locked"


@dataclass
class WatchedClock(FixedClock):
    on_sleep: Callable[[float], None] = lambda _: None

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.on_sleep((self.moment - START).total_seconds())


@dataclass
class Scene:
    gate: Gate
    clock: WatchedClock
    inside: SqlProcess
    """Reads, until it is told to stop."""
    late: SqlProcess


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    path = tmp_path / "a.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t(a)")
    connection.close()
    fd = os.open(path, os.O_RDWR)
    clock = WatchedClock(START)
    with SqlProcess(path) as inside, SqlProcess(path) as late:
        inside.rows("BEGIN")
        inside.rows(COUNT)
        yield Scene(Gate(fd, path, Patience(polite=1, firm=2), clock), clock, inside, late)
    os.close(fd)


def test_new_readers_come_in_at_first_and_are_held_off_then(scene: Scene) -> None:
    seen: dict[bool, set[str]] = {True: set(), False: set()}

    def look(at: float) -> None:
        answer = scene.late.ask(COUNT)
        seen[at < 1].add(answer.get("error", "read"))

    scene.clock.on_sleep = look
    scene.gate.enter()
    with pytest.raises(CopyBusy, match=r"for more than 3 s; it is open in .*pid"):
        scene.gate.exclude()
    assert 3 <= (scene.clock.moment - START).total_seconds() < 3.1
    assert seen[True] == {"read"}
    assert LOCKED in seen[False]
    assert scene.late.value(COUNT) == 0
    scene.late.rows("BEGIN IMMEDIATE")


@pytest.mark.parametrize("moment", [0.5, 2.0])
def test_the_way_is_free_once_the_last_reader_is_out(moment: float, scene: Scene) -> None:
    def leave(at: float) -> None:
        if at >= moment:
            scene.clock.on_sleep = lambda _: None
            scene.inside.rows("COMMIT")

    scene.clock.on_sleep = leave
    scene.gate.enter()
    scene.gate.exclude()
    assert moment <= (scene.clock.moment - START).total_seconds() < moment + 0.1
    assert scene.late.error(COUNT) == LOCKED
    scene.gate.release()
    assert scene.late.value(COUNT) == 0


def test_a_writer_is_waited_for_as_well(scene: Scene) -> None:
    scene.late.rows("BEGIN IMMEDIATE")
    with pytest.raises(CopyBusy, match="written to by somebody else"):
        scene.gate.enter()
    scene.inside.rows("COMMIT")
    scene.late.rows("INSERT INTO t VALUES (1)")
    scene.late.rows("COMMIT")
    scene.gate.enter()
