"""How fine one can go back is told from the points alone: thinned out with age, whatever was idle."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlite_recovery_tui.replica.grain import Grain, describe_grain, grain_of
from sqlite_recovery_tui.replica.segments import microseconds, moment
from tests.support.listings import START, at, timeline
from tests.support.ltx_listings import ltx_timeline
from tests.support.properties import examples

NOW = START
HOUR, DAY = 3600.0, 86400.0
AGES = st.lists(st.floats(0, 1000 * DAY, allow_nan=False), min_size=1, max_size=60)


def points(ages: Iterable[float]) -> list[int]:
    """Return the time of a point for each age, in seconds before now."""
    return [microseconds(NOW - timedelta(seconds=age)) for age in ages]


def grain(ages: Iterable[float]) -> Grain:
    return grain_of(points(ages))


def say(ages: Iterable[float]) -> str:
    return describe_grain(grain(ages), NOW)


def ladder(*rungs: tuple[float, float]) -> list[float]:
    """Return ages one step apart up to a limit, for each step and its limit."""
    ages = [0.0]
    for step, limit in rungs:
        while ages[-1] + step <= limit:
            ages.append(ages[-1] + step)
    return ages


USUAL = ladder((1, 300), (30, HOUR), (300, DAY), (HOUR, 30 * DAY))


def test_each_period_has_its_step() -> None:
    assert say(USUAL) == "1 s for the last 5 min, 30 s up to 1 h back, 5 min up to 1 d, 1 h up to 30 d"
    periods = grain(USUAL).periods
    assert [(period.step_seconds, period.back_seconds) for period in periods] == [
        (1, 300),
        (30, HOUR),
        (300, DAY),
        (HOUR, 30 * DAY),
    ]
    assert [period.since for period in periods] == [
        NOW - timedelta(seconds=period.back_seconds) for period in periods
    ]
    assert sum(period.steps for period in periods) == len(USUAL) - 1


@pytest.mark.parametrize("seed", range(5))
def test_idle_hours_and_jitter_do_not_make_it_look_coarser(seed: int) -> None:
    """Of the hours beyond the first, more than half of each day is idle."""
    chance = random.Random(seed)
    ages = [age * chance.uniform(0.9999, 1.0001) for age in USUAL if not 4 * HOUR < age % DAY < 17 * HOUR]
    assert say(ages) == "1 s for the last 5 min, 30 s up to 1 h back, 5 min up to 1 d, 1 h up to 30 d"


def test_a_night_without_changes_hides_nothing_of_the_day_before() -> None:
    ages = [0.0, *(12 * HOUR + age for age in ladder((1, 2 * HOUR)))]
    assert say(ages) == "1 s for the last 14 h"


def test_a_few_odd_points_do_not_make_it_look_finer() -> None:
    """A snapshot is stored a moment after the change that it holds."""
    ages = [age for day in range(30) for age in (day * DAY, day * DAY + 0.5)]
    assert grain(ages[:1] + ages[2:3]).periods[0].step_seconds == DAY
    assert say([*ladder((DAY, 29 * DAY)), 20 * DAY + 0.5]) == "1 d for the last 29 d"


@pytest.mark.parametrize("seed", range(20))
def test_changes_at_random_moments_are_one_period(seed: int) -> None:
    chance = random.Random(seed)
    ages = [0.0]
    while ages[-1] < DAY:
        ages.append(ages[-1] + chance.expovariate(1 / 180))
    [period] = grain(ages).periods
    assert 90 < period.step_seconds < 160


def test_a_handful_of_quick_changes_is_no_period_of_its_own() -> None:
    assert say([0, 1, 2, 3, *(3 + age for age in ladder((300, 8 * HOUR)))]) == "5 min for the last 8 h"


def test_a_pause_between_two_like_stretches_is_no_period_of_its_own() -> None:
    busy = ladder((1, 300))
    slow = [300 + age for age in ladder((40, 600))]
    assert say([*busy, *slow, *(900 + age for age in ladder((1, 3000)))]) == "1 s for the last 1 h 05 min"


@pytest.mark.parametrize(
    ("ages", "text"),
    [
        ([], ""),
        ([0], "one state only"),
        ([0, 0, 0], "one state only"),
        ([0, 600], "one state 10 min back"),
        (ladder((1, 300), (HOUR, 2 * HOUR)), "1 s for the last 5 min, one more state 1 h 05 min back"),
        (ladder((0.02, 5)), "20 ms for the last 5 s"),
        (ladder((0.25, 30)), "0.25 s for the last 30 s"),
        (ladder((59.8, 1750)), "1 min for the last 29 min"),
        (ladder((100, 6600)), "1.7 min for the last 1 h 50 min"),
        (ladder((1.003, 299.9)), "1 s for the last 5 min"),
        (ladder((DAY * 1.5, 40 * DAY)), "1.5 d for the last 39 d"),
    ],
)
def test_it_is_said_in_few_words(ages: list[float], text: str) -> None:
    assert say(ages) == text


def test_when_the_newest_state_is_old_the_periods_are_counted_from_it() -> None:
    found = grain(ladder((1, 300), (30, HOUR)))
    late = NOW + timedelta(days=3)
    assert describe_grain(found, late) == (
        "1 s for the last 5 min, 30 s up to 1 h back (counted from the newest state)"
    )
    assert describe_grain(found, NOW + timedelta(seconds=30)).endswith("back")
    assert describe_grain(found, NOW - timedelta(hours=1)).endswith("back")


def test_what_json_says() -> None:
    document = grain(ladder((1, 300), (30, HOUR))).to_json(NOW)
    assert document["text"] == "1 s for the last 5 min, 30 s up to 1 h back"
    assert document["counted_from"] == "2026-03-26T10:00:00Z"
    assert document["periods"][1] == {
        "step_seconds": 30,
        "back_seconds": HOUR,
        "since": "2026-03-26T09:00:00Z",
        "steps": 110,
    }
    assert Grain(None, ()).to_json(NOW) == {"text": "", "counted_from": None, "periods": []}


def test_both_formats_tell_their_grain() -> None:
    segments = " ".join(f"0.{0x20 * number:x}@{number}" for number in range(100))
    v03 = timeline(f"S0@0 {segments}")
    assert describe_grain(grain_of(v03.point_times()), at(99)) == "1 s for the last 1 min 39 s"
    syncs = " ".join(f"0:{txid:x}@{txid}" for txid in range(400, 500))
    compactions = " ".join(f"1:{txid:x}-{txid + 29:x}@{txid + 29}" for txid in range(40, 400, 30))
    v05 = ltx_timeline(f"9:1-27@39 {compactions} {syncs}")
    assert describe_grain(grain_of(v05.point_times()), at(499)) == (
        "1 s for the last 1 min 40 s, 30 s up to 7 min back"
    )


@examples(300)
@given(AGES)
def test_periods_follow_one_another_to_the_oldest_point(ages: list[float]) -> None:
    found = grain(ages)
    times = set(map(moment, points(ages)))
    assert found.newest == max(times)
    assert sum(period.steps for period in found.periods) == len(times) - 1
    if found.periods:
        assert found.periods[-1].since == min(times)
    for newer, older in pairwise(found.periods):
        assert newer.back_seconds < older.back_seconds
        assert 2 * newer.step_seconds <= older.step_seconds
    assert describe_grain(found, NOW)


@examples(200)
@given(AGES, st.randoms(use_true_random=False), st.integers(-1000, 1000))
def test_neither_order_nor_era_matters(ages: list[float], chance: random.Random, days: int) -> None:
    before = grain_of(points(ages))
    moved = [time + days * 86_400_000_000 for time in points(ages)]
    chance.shuffle(moved)
    after = grain_of(moved)
    assert [period.step_seconds for period in after.periods] == [
        period.step_seconds for period in before.periods
    ]
    assert [period.back_seconds for period in after.periods] == [
        period.back_seconds for period in before.periods
    ]


@examples(100)
@given(
    st.floats(0.1, 30),
    st.integers(40, 400),
    st.floats(4, 60),
    st.integers(40, 300),
    st.lists(st.floats(0, 1), max_size=6),
    st.floats(1, 500),
)
def test_two_steps_are_found_wherever_the_border_lies(
    fine: float, fine_count: int, factor: float, coarse_count: int, pauses: list[float], pause: float
) -> None:
    """Pauses of any length at any place shift what is older, and change no step."""
    coarse = fine * factor
    lengths = [fine] * fine_count + [coarse] * coarse_count
    for place in pauses:
        lengths.insert(int(place * (len(lengths) - 1)), coarse * (1 + pause))
    ages, age = [0.0], 0.0
    for length in lengths:
        age += length
        ages.append(age)
    steps = [period.step_seconds for period in grain(ages).periods]
    assert steps[0] == pytest.approx(fine, rel=1e-3, abs=2e-6)
    assert any(step == pytest.approx(coarse, rel=1e-3) for step in steps[1:])
