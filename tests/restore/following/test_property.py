"""Whatever a writer does between polls, a copy is always the state that it says, and gets to the newest.

`HYPOTHESIS_PROFILE=thorough` runs many more, and random, examples.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from sqlite_recovery_tui.clock import FixedClock
from sqlite_recovery_tui.demo.salts import repeatable_salts
from sqlite_recovery_tui.domain import Position
from sqlite_recovery_tui.errors import DamagedError
from sqlite_recovery_tui.restore.run import RestoreResult
from sqlite_recovery_tui.storage.files import FileStore
from sqlite_recovery_tui.storage.memory import MemoryStore
from tests.support.copies import same
from tests.support.following import Levels, Pursuit
from tests.support.history import SHAPES, STEPS, History, Shape, Step
from tests.support.properties import examples
from tests.support.shelf import START, at, folder, restore_to

DOUBTS = ("may be newer than the frames behind it", "may have been taken in the middle of a checkpoint")
SETTLED = 120
"""Turns after which everything must have been noticed."""


def _shrink(levels: Levels, number: int) -> None:
    levels.run(f"DELETE FROM t WHERE id % {number + 2}", "VACUUM")
    levels.sync()


def _update(levels: Levels, number: int) -> None:
    levels.run(f"UPDATE t SET body = randomblob({number * 40}) WHERE id % 3 = {number % 3}")
    levels.sync()


def _compact(levels: Levels, number: int) -> None:
    levels.writer.compact(number % 3 + 1)


def _checkpoint(levels: Levels, number: int) -> None:
    levels.run("PRAGMA wal_checkpoint(TRUNCATE)")


LTX_ACTIONS: dict[str, Callable[[Levels, int], object]] = {
    "grow": lambda levels, number: levels.grow(number * 4 + 1),
    "update": _update,
    "shrink": _shrink,
    "compact": _compact,
    "expire": lambda levels, number: levels.expire(number % 3),
    "snapshot": lambda levels, number: levels.snapshot(),
    "checkpoint": _checkpoint,
    "sleep": lambda levels, number: levels.clock.sleep(number * 4),
}
FOLLOWER_ACTIONS = ["poll", "poll", "poll", "again"]


@examples(60)
@given(
    page_size=st.sampled_from([512, 4096]),
    room=st.sampled_from([1 << 12, 1 << 15, 64 << 20]),
    steps=st.lists(
        st.tuples(st.sampled_from([*LTX_ACTIONS, *FOLLOWER_ACTIONS]), st.integers(0, 12)), max_size=40
    ),
)
def test_any_life_of_ltx_files(page_size: int, room: int, steps: list[tuple[str, int]]) -> None:
    with folder() as place:
        levels = Levels(place, FixedClock(START), page_size)
        with Pursuit(
            FileStore(levels.replica), place, levels.clock, {"step_bytes": room}, check=levels.agrees
        ) as pursuit:
            for name, number in steps:
                if name == "poll":
                    pursuit.turns(number % 3 + 1)
                elif name == "again":
                    pursuit.begin_again()
                else:
                    LTX_ACTIONS[name](levels, number)
                    levels.clock.sleep(0.2)
            pursuit.turns(SETTLED)
            assert levels.holds(pursuit)
        levels.close()


def doubted(result: RestoreResult) -> bool:
    """Tell whether a restore says that its snapshot may hold more than it should."""
    return any(doubt in text for doubt in DOUBTS for text in result.unproven)


class Followed:
    """A history and a copy of it, in step with one clock."""

    def __init__(self, place: Path, shape: Shape, room: int) -> None:
        self.history = History(place / "live", shape)
        self.clock = FixedClock(START)
        self.store = MemoryStore("history")
        self.pursuit: Pursuit | None = None
        self.place = place
        self.room = room

    def take(self, step: Step) -> None:
        """Let the writer take a step, and the store hold what it wrote."""
        self.history.clock = max(self.history.clock, (self.clock.now() - START).total_seconds())
        self.history.take(step)
        self.clock.moment = max(self.clock.moment, at(self.history.clock))
        for key, (data, time) in self.history.shelf.objects.items():
            self.store.put(key, data)
            self.store.set_time(key, time)

    def follow(self, turns: int) -> None:
        """Follow for a while; begin to if nothing is followed yet."""
        if self.pursuit is None:
            options = {"step_bytes": self.room}
            self.pursuit = Pursuit(self.store, self.place, self.clock, options, check=self.agrees)
        self.pursuit.turns(turns, max_lag=1e6)

    def agrees(self, pursuit: Pursuit) -> bool:
        place = pursuit.copy.mark.place
        assert isinstance(place, Position)
        commit = self.history.commit_at(place)
        assert commit is not None
        if same(pursuit.content, commit.state or b""):
            return True
        held = [item.content for item in self.history.snapshots if item.snapshot.position == place]
        return any(same(pursuit.content, content) for content in held)

    def settle(self) -> None:
        """Follow until everything is noticed: the copy is what a restore gives then, or it says why not."""
        if self.pursuit is None:
            return
        last = self.pursuit.turns(SETTLED, max_lag=1e6)
        try:
            result = restore_to(self.place / "latest.db", self.store)
        except DamagedError as error:
            # What only a snapshot tells, which was taken ahead of the WAL, will be in the WAL.
            is_told = bool(last.problems) or "newer than the frames" in error.message
        else:
            latest = (self.place / "latest.db").read_bytes()
            is_told = same(self.pursuit.content, latest) or bool(last.problems) or doubted(result)
        assert is_told

    def close(self) -> None:
        if self.pursuit is not None:
            self.pursuit.copy.close()
        self.history.close()


@examples(60)
@given(
    shape=SHAPES,
    room=st.sampled_from([1 << 12, 1 << 16, 64 << 20]),
    before=STEPS,
    steps=st.lists(st.tuples(STEPS, st.integers(1, 4), st.booleans()), max_size=5),
)
def test_any_life_of_generations(
    shape: Shape, room: int, before: list[Step], steps: list[tuple[list[Step], int, bool]]
) -> None:
    with folder() as place, repeatable_salts():
        (place / "live").mkdir()
        followed = Followed(place, shape, room)
        try:
            for step in before:
                followed.take(step)
            for taken, turns, again in steps:
                for step in taken:
                    followed.take(step)
                try:
                    followed.follow(turns)
                except DamagedError:
                    if followed.pursuit is not None:
                        raise
                    return
                if again and followed.pursuit is not None:
                    followed.pursuit.begin_again()
            followed.settle()
        finally:
            followed.close()
