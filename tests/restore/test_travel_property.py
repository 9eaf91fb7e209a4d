"""Whatever walk a scratch is moved on: at every stop it is, byte for byte, what a restore gives."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.replica.scan import scan
from sqlite_recovery_tui.restore.plan import make_plan
from sqlite_recovery_tui.restore.run import RestoreOptions, restore
from sqlite_recovery_tui.restore.target import AtPosition, AtTxid, Target, of_point
from sqlite_recovery_tui.restore.travel import Travel
from sqlite_recovery_tui.storage.base import Store
from tests.restore.test_ltx_property import worlds
from tests.support.history import SHAPES, STEPS, Shape, Step, play
from tests.support.ltx_world import World
from tests.support.properties import examples
from tests.support.shelf import content_of, folder

CHOICES = st.lists(st.integers(0, 10_000), min_size=3, max_size=10)


def walk(store: Store, targets: Sequence[Target], choices: Sequence[int], place: Path) -> tuple[int, int]:
    """Go to some of `targets`, comparing at each; return how many moves there were, and how many restores."""
    timeline = scan(store)
    truth: dict[Target, bytes] = {}
    for target in dict.fromkeys(targets[choice % len(targets)] for choice in choices):
        try:
            truth[target] = content_of(store, target)
        except RecoverError:
            continue
    stops = [target for choice in choices if (target := targets[choice % len(targets)]) in truth]
    if not stops:
        return 0, 0

    def plan(target: Target):  # type: ignore[no-untyped-def]
        return make_plan(timeline, target, database=None, replica="r", url=store.url)

    scratch = place / "scratch" / "app.db"
    scratch.parent.mkdir()
    restore(store, plan(stops[0]), RestoreOptions(scratch, scratch=True))
    moves = restored = 0
    with Travel(store, scratch) as travel:
        for stop in stops[1:]:
            moved = travel.move(plan(stop))
            assert scratch.read_bytes() == truth[stop], f"at {stop}, {moved}"
            assert travel.held == moved.place or travel.held is None
            moves += 1
            restored += bool(moved.restored)
    assert sorted(item.name for item in scratch.parent.iterdir()) == ["app.db", "manifest.json"]
    return moves, restored


def _interwoven(steps: Sequence[Step]) -> list[Step]:
    """Return `steps` with changes that are shipped between them, so that there are stops to walk over."""
    woven: list[Step] = []
    for number, step in enumerate(steps):
        if step[0] != "new_generation" or number % 7 == 0:
            woven.append(step)
        woven += [("insert", number), ("ship", number % 5)]
    return woven


@examples(25)
@given(shape=SHAPES, steps=STEPS, choices=CHOICES)
def test_a_walk_through_segments_and_their_commits(
    shape: Shape, steps: list[Step], choices: list[int]
) -> None:
    with folder() as place:
        (place / "live").mkdir()
        history = play(place / "live", shape, _interwoven(steps))
        store = history.shelf.store()
        targets: list[Target] = [of_point(point) for point in scan(store).points()]
        for commit in history.commits:
            at = commit.position
            if history.is_stored(at):
                targets.append(AtPosition(at.index, at.offset, at.generation))
        walk(store, targets, choices, place)


@examples(25)
@given(world=worlds(), choices=CHOICES)
def test_a_walk_through_ltx_files(world: World, choices: list[int]) -> None:
    with folder() as place:
        store = world.shelf.store()
        targets: list[Target] = [AtTxid(txid) for txid in range(1, world.txid + 1)]
        walk(store, targets, choices, place)
