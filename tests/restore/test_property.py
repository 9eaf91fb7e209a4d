"""Whatever a database did and however it was shipped: every state that is there comes back, byte for byte.

`HYPOTHESIS_PROFILE=thorough` runs many more, and random, examples.
"""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from sqlite_recovery_tui.domain import Position
from sqlite_recovery_tui.errors import DamagedError, NotFoundError, OutsideCoverage
from sqlite_recovery_tui.restore.run import RestoreResult
from sqlite_recovery_tui.restore.target import AtPosition, Target
from sqlite_recovery_tui.storage.base import Store
from tests.support.history import SHAPES, STEPS, Held, History, Shape, Step, play
from tests.support.shelf import at, folder, proof_of, restore_to

pytestmark = pytest.mark.usefixtures("two_decoders")

THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
SETTINGS = settings(
    max_examples=3000 if THOROUGH else 60,
    derandomize=not THOROUGH,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


class Restorer:
    """Restores from one history, and knows what is right."""

    def __init__(self, history: History, place: Path) -> None:
        self.history = history
        self.store: Store = history.shelf.store()
        self.output = place / "out.db"

    def at(
        self, target: Target | datetime | None, generation: str | None = None
    ) -> tuple[RestoreResult, bytes]:
        result = restore_to(self.output, self.store, target, generation=generation)
        data = self.output.read_bytes()
        self.output.unlink()
        assert not list(self.output.parent.iterdir()), "something was left behind"
        return result, data

    def check_position(self, wanted: Position) -> None:
        """Expect the last commit up to a position, or a refusal where it cannot be reached."""
        expected = self.history.commit_at(wanted)
        assert expected is not None
        reachable = self.history.is_stored(wanted) and self.history.bases(expected.position)
        try:
            result, data = self.at(AtPosition(wanted.index, wanted.offset, wanted.generation))
        except (DamagedError, NotFoundError):
            assert not reachable, f"refused {wanted}"
            return
        assert self.history.is_stored(wanted), f"beyond the end: {wanted}"
        alone = [held.content for held in self.whole if held.snapshot.position == wanted]
        assert data == expected.state or data in alone or doubted(result), f"at {wanted}"
        assert result.continuity in ("proven", "consistent")
        assert len(data) == result.pages * result.page_size

    def check_time(self, moment: datetime) -> None:
        """Expect the newest commit that was stored by then; never anything newer, never a mixture."""
        try:
            result, data = self.at(moment)
        except (DamagedError, OutsideCoverage):
            assert self.overwritten, f"refused {moment}"
            return
        assert result.time <= moment
        allowed = self.states_by(moment)
        if data not in [state for state, _ in allowed]:
            assert doubted(result), f"at {moment}"
        elif not self.overwritten:
            newest = self.history.writer.commit_at(moment)
            assert newest is not None
            reached = max(self.order(position) for state, position in allowed if state == data)
            assert reached >= self.order(newest.position)

    @property
    def whole(self) -> list[Held]:
        """The snapshots that are one state by themselves, or of which nothing stored says otherwise."""
        return [
            held
            for held in self.history.snapshots
            if held.mark.offset == 0
            or any(held.content.startswith(commit.state or b"-") for commit in self.history.commits)
            or not self.history.is_stored(held.mark)
        ]

    @property
    def overwritten(self) -> bool:
        """Whether a snapshot took the name of an earlier one: what only that one reached is gone."""
        kept = [held.snapshot.key for held in self.history.snapshots]
        return len(kept) != len(set(kept))

    def order(self, position: Position) -> tuple[int, int, int]:
        return int(position.generation, 16), position.index, position.offset

    def states_by(self, moment: datetime) -> list[tuple[bytes, Position]]:
        """Return every single state that could be told from what was stored by `moment`."""
        commits = [
            (commit.state or b"", commit.position)
            for commit in self.history.commits
            if commit.time is not None and commit.time <= moment
        ]
        held = [(item.content, item.mark) for item in self.whole if item.snapshot.time <= moment]
        return [*commits, *held]


def doubted(result: RestoreResult) -> bool:
    """Whether the result says that its snapshot may hold more than it should: nothing stored tells then."""
    doubts = ("may be newer than the frames behind it", "may have been taken in the middle of a checkpoint")
    return any(doubt in text for doubt in doubts for text in result.unproven)


@SETTINGS
@given(shape=SHAPES, steps=STEPS)
def test_every_commit_that_was_shipped_comes_back(shape: Shape, steps: list[Step]) -> None:
    with folder() as place:
        (place / "live").mkdir()
        (place / "out").mkdir()
        history = play(place / "live", shape, steps)
        restorer = Restorer(history, place / "out")
        for commit in history.commits:
            restorer.check_position(commit.position)


@SETTINGS
@given(shape=SHAPES, steps=STEPS)
def test_every_moment_gives_its_newest_commit(shape: Shape, steps: list[Step]) -> None:
    with folder() as place:
        (place / "live").mkdir()
        (place / "out").mkdir()
        history = play(place / "live", shape, steps)
        restorer = Restorer(history, place / "out")
        for item in history.writer.objects:
            restorer.check_time(item.time)
        try:
            result, data = restorer.at(None)
        except DamagedError:
            assert restorer.overwritten, "refused the latest state"
        else:
            assert data in [state for state, _ in restorer.states_by(at(1e6))] or doubted(result)


@SETTINGS
@given(shape=SHAPES, steps=STEPS)
def test_an_undamaged_replica_is_never_called_damaged(shape: Shape, steps: list[Step]) -> None:
    with folder() as place:
        (place / "live").mkdir()
        history = play(place / "live", shape, steps)
        proof = proof_of(history.shelf)
        assert [(fault.object, fault.message) for fault in proof.faults] == []
        assert proof.verdict in ("proven", "consistent")
