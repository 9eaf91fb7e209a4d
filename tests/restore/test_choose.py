"""Of several replicas the one with the newest data at the time asked for is taken, and it is said why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sqlite_recovery_tui.config import ReplicaConfig
from sqlite_recovery_tui.errors import (
    AccessDenied,
    DamagedError,
    NotFoundError,
    OutsideCoverage,
    RecoverError,
    Unreachable,
    UsageError,
)
from sqlite_recovery_tui.replica.fleet import ReplicaRef, ReplicaState
from sqlite_recovery_tui.restore.choose import Choice, choose, restore_best
from sqlite_recovery_tui.restore.target import AtPosition, AtTime, Latest, Target
from tests.support.listings import START, at, listing, timeline, timeline_of

GOOD = "S0@0 0.0@10 0.20@20"
HOLED = "S0@0 0.0@10 2.0@25"


def state(name: str, words: str | RecoverError) -> ReplicaState:
    """The state of a replica with this listing, or of one that failed."""
    ref = ReplicaRef(None, ReplicaConfig(name=name, type="memory", path=name))
    if isinstance(words, RecoverError):
        return ReplicaState(ref, None, words, START)
    return ReplicaState(ref, timeline(words), None, START)


def pick(target: Target | float | None, *listings: str | RecoverError, **options: Any) -> Choice:
    """Choose between replicas named a, b, c … ."""
    wanted = Latest() if target is None else AtTime(at(target)) if isinstance(target, int | float) else target
    return choose(
        [state(name, words) for name, words in zip("abcd", listings, strict=False)], wanted, **options
    )


def name(choice: Choice) -> str:
    return choice.ref.replica.name


def test_the_only_replica_is_taken() -> None:
    choice = pick(None, GOOD)
    assert (name(choice), choice.why, choice.rejected, choice.others) == (
        "a",
        "it is the only replica",
        (),
        (),
    )


def test_the_newest_data_wins() -> None:
    choice = pick(None, GOOD, "S0@0 0.0@10 0.20@20 0.40@22.5", "S0@0 0.0@10")
    assert name(choice) == "b"
    assert choice.why == "it reaches 2026-03-26T10:00:22.500000Z, 2.5 s newer than any other"
    assert [ref.replica.name for _, ref in choice.others] == ["a", "c"]


def test_only_data_up_to_the_time_counts() -> None:
    choice = pick(15, "S0@0 0.0@11 0.20@15.5", "S0@0 0.0@14 0.20@40", "S0@0 0.0@13 0.20@16")
    assert name(choice) == "b"
    assert choice.plan.point.time == at(14)


def test_on_a_tie_the_smallest_plan_is_taken() -> None:
    large = [replace(item, size=item.size * 10) for item in listing(GOOD)]
    states = [replace(state("a", GOOD), timeline=timeline_of(large)), state("b", GOOD)]
    choice = choose(states, Latest())
    assert name(choice) == "b"
    assert choice.why == "it needs the fewest bytes of those that reach this point"


def test_a_full_tie_goes_to_the_first() -> None:
    assert name(pick(None, GOOD, GOOD)) == "a"


def test_replicas_that_cannot_are_left_out_and_told() -> None:
    choice = pick(22, Unreachable("no answer"), HOLED, "S0@21 0.0@30", "")
    assert name(choice) == "c"
    assert choice.why == "no other replica can reach this point"
    assert [(ref.replica.name, type(error)) for ref, error in choice.rejected] == [
        ("a", Unreachable),
        ("b", DamagedError),
        ("d", NotFoundError),
    ]


def test_nearest_never_takes_a_later_state_while_an_earlier_one_is_there() -> None:
    choice = pick(15, "S0@16 0.0@100", "S0@0 0.0@1 0.20@20", nearest=True)
    assert name(choice) == "b"
    assert choice.plan.point.time == at(1)
    assert choice.why == "the others begin after that time"


def test_nearest_before_all_replicas_takes_the_one_that_begins_first() -> None:
    choice = pick(-5, "S0@16 0.0@100", "S0@7 0.0@8", nearest=True)
    assert name(choice) == "b"
    assert choice.plan.distance_seconds == -12
    assert choice.why == "its oldest state is the nearest"


def test_nearest_after_all_replicas_takes_the_newest() -> None:
    choice = pick(500, GOOD, "S0@7 0.0@8", nearest=True)
    assert name(choice) == "a"
    assert choice.plan.distance_seconds == 480


def test_a_damaged_replica_yields_to_a_whole_one_even_to_the_last_good() -> None:
    assert name(pick(25, HOLED, "S0@0 0.0@10 1.0@24 2.0@25", to_last_good=True)) == "b"


def test_a_position_is_looked_for_in_every_replica() -> None:
    choice = pick(AtPosition(1), GOOD, "S0@0 0.0@1 1.0@2")
    assert name(choice) == "b"


@pytest.mark.parametrize(
    ("target", "listings", "kind"),
    [
        (None, [], NotFoundError),
        (None, [""], NotFoundError),
        (None, ["", ""], NotFoundError),
        (None, ["", Unreachable("x")], Unreachable),
        (None, [AccessDenied("x"), ""], AccessDenied),
        (None, [Unreachable("x"), HOLED], DamagedError),
        (22, [Unreachable("x"), HOLED, "S0@50"], DamagedError),
        (500, [GOOD, Unreachable("x")], OutsideCoverage),
        (500, ["", GOOD], OutsideCoverage),
        (AtPosition(9), [GOOD, Unreachable("x")], Unreachable),
        (None, [UsageError("x")], UsageError),
    ],
)
def test_when_none_can_the_most_telling_failure_is_raised(
    target: Any, listings: list[str | RecoverError], kind: type[RecoverError]
) -> None:
    with pytest.raises(RecoverError) as caught:
        pick(target, *listings)
    assert type(caught.value) is kind


def test_a_replica_that_proves_damaged_gives_way_to_the_next_best() -> None:
    choice = pick(None, GOOD, "S0@0 0.0@10", "S0@0 0.0@5")
    tried = []

    def attempt(current: Choice, to_last_good: bool) -> str:
        tried.append((name(current), to_last_good))
        if name(current) != "c":
            raise DamagedError(f"{name(current)} is damaged")
        return "done"

    fallbacks: list[str] = []
    result, taken = restore_best(
        choice, attempt, on_fallback=lambda next_one, _: fallbacks.append(name(next_one))
    )
    assert (result, name(taken)) == ("done", "c")
    assert tried == [("a", False), ("b", False), ("c", False)]
    assert fallbacks == ["b", "c"]
    assert [ref.replica.name for ref, _ in taken.rejected] == ["a", "b"]
    assert "a" in [ref.replica.name for ref, _ in taken.rejected]


def test_when_all_prove_damaged_the_best_ones_fault_is_raised() -> None:
    choice = pick(None, GOOD, "S0@0 0.0@10")

    def attempt(current: Choice, to_last_good: bool) -> str:
        raise DamagedError(f"{name(current)} is damaged")

    with pytest.raises(DamagedError, match="a is damaged"):
        restore_best(choice, attempt)


def test_only_when_all_prove_damaged_is_the_best_one_taken_to_its_last_good() -> None:
    choice = pick(None, GOOD, "S0@0 0.0@10")
    tried = []

    def attempt(current: Choice, to_last_good: bool) -> str:
        tried.append((name(current), to_last_good))
        if not to_last_good:
            raise DamagedError("damaged")
        return "cut short"

    result, taken = restore_best(choice, attempt, to_last_good=True)
    assert (result, name(taken)) == ("cut short", "a")
    assert tried == [("a", False), ("b", False), ("a", True)]


def test_other_failures_are_not_papered_over_by_another_replica() -> None:
    choice = pick(None, GOOD, "S0@0 0.0@10")

    def attempt(current: Choice, to_last_good: bool) -> str:
        raise Unreachable("no answer")

    with pytest.raises(Unreachable):
        restore_best(choice, attempt)


class Known:
    """What a history knows of replicas, by their URLs."""

    def __init__(self, proven: str = "", damaged: str = "") -> None:
        self._proven, self._damaged = proven, damaged

    def last_proof(self, url: str) -> bool | None:
        return url.rpartition("/")[2] in self._proven or None

    def last_failure(self, url: str) -> bool | None:
        return url.rpartition("/")[2] in self._damaged or None


LATER = "S0@0 0.0@10 0.20@20.9"


def test_of_the_same_commits_the_proven_ones_are_taken_though_they_arrived_elsewhere_later() -> None:
    assert name(pick(None, GOOD, LATER, proofs=Known())) == "b"
    choice = pick(None, GOOD, LATER, proofs=Known(proven="a"))
    assert name(choice) == "a"
    assert choice.why == "it was proven; both hold the same commits, which b got 0.9 s later"
    assert [ref.replica.name for _, ref in choice.others] == ["b"]
    choice = pick(None, GOOD, LATER, proofs=Known(damaged="b"))
    assert (name(choice), choice.why) == (
        "a",
        "b was found damaged; both hold the same commits, which b got 0.9 s later",
    )
    assert name(pick(None, GOOD, LATER, proofs=Known(proven="ab"))) == "b"


@pytest.mark.parametrize(
    "newer", ["S0@0 0.0@10 0.20@20 0.40@20.9", "S0@0 0.0@10 1.0@20.9", "S0@0 0.0@10 0.28@20.9", "S0@20.9"]
)
def test_no_proof_is_worth_a_commit(newer: str) -> None:
    assert name(pick(None, GOOD, newer, proofs=Known(proven="a"))) == "b"


def test_a_last_segment_of_another_size_may_hold_more() -> None:
    more = [replace(item, size=item.size + 1) for item in listing(LATER)]
    states = [state("a", GOOD), replace(state("b", LATER), timeline=timeline_of(more))]
    assert name(choose(states, Latest(), proofs=Known(proven="a"))) == "b"
