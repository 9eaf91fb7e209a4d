"""Steps through a history: by object, across lanes and generations, and nothing is left out on the way."""

from __future__ import annotations

import pytest

from sqlite_recovery_tui.replica.timeline import Timeline
from sqlite_recovery_tui.tui import laying
from sqlite_recovery_tui.tui.entries import Heading, Stored
from sqlite_recovery_tui.tui.steps import Steps
from tests.support.listings import at, timeline
from tests.support.ltx_listings import ltx_timeline
from tests.tui.support_timeline import place_of


def steps_of(history: Timeline) -> Steps:
    return Steps(laying.build(history))


def label(steps: Steps, place: int | None) -> str:
    entry = steps.lines.entries[place] if place is not None else None
    assert entry is None or isinstance(entry, Stored)
    return entry.item.label if entry is not None else ""


def test_older_goes_through_every_object_of_all_generations_and_newer_back() -> None:
    steps = steps_of(timeline("S0@0 0.0@1 0.20@2 1.0@3", b="S0@10 0.0@11", c="S0@20 0.0@21 0.20@22"))
    place: int | None = place_of(steps.lines, "00000000:00000020")
    seen = []
    while place is not None:
        seen.append(place)
        place = steps.older(place)
    assert len(seen) == len([each for each in steps.lines.entries if isinstance(each, Stored)])
    back = [seen[-1]]
    while (place := steps.newer(back[-1])) is not None:
        back.append(place)
    assert back == seen[::-1]


def test_where_a_level_ends_the_next_one_goes_on_with_what_lies_before() -> None:
    steps = steps_of(ltx_timeline("9:1-2@2.5 1:1-2@2 1:3-4@4 1:5-6@6 0:5@5 0:6@6 0:7@7"))
    place: int | None = place_of(steps.lines, f"{7:016x}-{7:016x}")
    found = []
    while place is not None:
        found.append(label(steps, place).lstrip("0"))
        place = steps.older(place)
    assert [each.partition("-")[0] for each in found] == ["7", "6", "5", "3", "1"]
    oldest = place_of(steps.lines, f"{1:016x}-{2:016x}")
    assert label(steps, steps.newer(steps.newer(oldest) or 0)).startswith(f"{5:016x}-{6:016x}")
    newest_of_level_1 = place_of(steps.lines, f"{5:016x}-{6:016x}")
    assert label(steps, steps.newer(newest_of_level_1)) == f"{7:016x}-{7:016x}"


def test_from_a_heading_or_a_hole_one_gets_to_its_neighbours() -> None:
    steps = steps_of(timeline("S0@0 0.0@1 2.0@5 2.20@6"))
    heading = next(place for place, each in enumerate(steps.lines.entries) if isinstance(each, Heading))
    assert label(steps, steps.older(heading)) == "00000002:00000020"
    assert steps.newer(heading) is None
    hole = place_of(steps.lines, "00000000:00000000") - 1
    assert label(steps, steps.older(hole)) == "00000000:00000000"
    assert label(steps, steps.newer(hole)) == "00000002:00000000"
    assert steps.moment_of(hole) == at(1), "as far as its ends are known"


@pytest.mark.parametrize(
    ("second", "found"),
    [
        (0.5, "00000000"),
        (3, "00000000:00000020"),
        (2.5, "00000000:00000020"),
        (99, "00000000:00000040"),
        (-5, "00000000"),
    ],
)
def test_another_lane_is_entered_at_the_same_time(second: float, found: str) -> None:
    steps = steps_of(timeline("S0@0 0.0@1 0.20@2 0.40@4"))
    assert label(steps, steps.in_lane(0, at(second))) == found
    assert steps.in_lane(1, at(second)) is None
    assert steps.in_lane(-1, at(second)) is None


def test_a_lane_has_two_ends() -> None:
    steps = steps_of(timeline("S0@0 0.0@1 0.20@2", b="S0@10 0.0@11"))
    place = place_of(steps.lines, "00000000:00000020")
    assert label(steps, steps.oldest(place)) == "00000000"
    assert steps.newest(place) == place
    assert steps.block_of(place) == 1


def test_an_empty_history_leads_nowhere() -> None:
    steps = steps_of(timeline())
    assert steps.older(0) is None
    assert steps.newest(0) is None
    assert steps.moment_of(0) is None
