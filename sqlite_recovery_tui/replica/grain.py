"""How fine one can go back: the usual distance between restore points, period by period.

Pure functions of the times of points. History is only ever thinned out with age, so where newer points lie
further apart than older ones nothing happened: such pauses do not count.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import sub
from typing import Any

from sqlite_recovery_tui.replica.segments import moment
from sqlite_recovery_tui.words import rfc3339, span

_ALIKE = 2.0
"""Periods whose steps differ by less than this factor are one."""
_BY_CHANCE = 8.0
"""A few steps may be longer by less than this factor, and mean nothing."""
_FEW = 16
"""So many steps make a median worth the name."""
_MOST = 0.7
_GROWTH = math.log(1.05)
_CURRENT_SECONDS = 60.0
"""A newest point that is no older counts as of now."""
_NEARLY = 1.01
"""What is that much short of a whole number of units is called whole."""
_UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of history whose restore points lie about equally far apart."""

    step_seconds: float
    """The median distance of neighbours."""
    since: datetime
    """Its oldest restore point."""
    back_seconds: float
    """From there to the newest restore point of all."""
    steps: int

    def to_json(self) -> dict[str, Any]:
        return {
            "step_seconds": round(self.step_seconds, 6),
            "back_seconds": round(self.back_seconds, 6),
            "since": rfc3339(self.since, fraction=True),
            "steps": self.steps,
        }


@dataclass(frozen=True, slots=True)
class Grain:
    """How far restore points lie apart, the newest period first; steps never get finer with age."""

    newest: datetime | None
    periods: tuple[Period, ...]

    def to_json(self, now: datetime) -> dict[str, Any]:
        """Return the grain as the command line prints it."""
        return {
            "text": describe_grain(self, now),
            "counted_from": rfc3339(self.newest, fraction=True) if self.newest else None,
            "periods": [period.to_json() for period in self.periods],
        }


@dataclass(slots=True)
class _Block:
    """Steps `first` to, not including, `end`, counted from the newest one."""

    first: int
    end: int
    lengths: list[float]
    """In rising order."""

    @property
    def median(self) -> float:
        return self.lengths[(len(self.lengths) - 1) // 2]

    def with_older(self, older: _Block) -> _Block:
        return _Block(self.first, older.end, sorted(self.lengths + older.lengths))


def grain_of(point_times: Iterable[int]) -> Grain:
    """Return the usual distance of restore points, period by period.

    Their times are in microseconds since 1970 and may come in any order.
    """
    times = sorted(set(point_times), reverse=True)
    if not times:
        return Grain(None, ())
    ages = [(times[0] - time) / 1e6 for time in times]
    lengths = list(map(sub, ages[1:], ages))
    blocks = _but_for_chance(_joined(_in_groups(ages, lengths)))
    periods = (
        Period(block.median, moment(times[block.end]), ages[block.end], block.end - block.first)
        for block in blocks
    )
    return Grain(moment(times[0]), tuple(periods))


def describe_grain(grain: Grain, now: datetime) -> str:
    """Say how fine one can go back: `1 s for the last 5 min, 30 s up to 1 h back, 5 min up to 1 d`.

    Empty without any restore point.
    """
    if grain.newest is None:
        return ""
    if not grain.periods:
        return "one state only"
    text = ", ".join(_phrases(grain.periods))
    finest = grain.periods[0].step_seconds
    if (now - grain.newest).total_seconds() < max(_CURRENT_SECONDS, 10 * finest):
        return text
    return f"{text} (counted from the newest state)"


def _phrases(periods: Sequence[Period]) -> Iterator[str]:
    for number, period in enumerate(periods):
        back = _rough_length(period.back_seconds)
        if period.steps == 1 and number == len(periods) - 1:
            yield f"one state {back} back" if number == 0 else f"one more state {back} back"
        elif number == 0:
            yield f"{_rounded(period.step_seconds)} for the last {back}"
        else:
            yield f"{_rounded(period.step_seconds)} up to {back}" + (" back" if number == 1 else "")


def _in_groups(ages: Sequence[float], lengths: Sequence[float]) -> Iterator[_Block]:
    """Yield steps, the newest first, in small blocks of nearly one age and number."""

    def group(number: int) -> tuple[int, int]:
        return _scale(ages[number + 1], 1), _scale(number, 16)

    first = 0
    while first < len(lengths):
        end = bisect_right(range(len(lengths)), group(first), first, key=group)
        yield _Block(first, end, sorted(lengths[first:end]))
        first = end


def _scale(value: float, unit: float) -> int:
    """Return a whole number that grows by one when `value`, from some units on, grows by a twentieth."""
    return int(math.log1p(value / unit) / _GROWTH)


def _joined(blocks: Iterable[_Block]) -> list[_Block]:
    """Join neighbours until each block's steps are clearly longer than those of the newer one."""
    found: list[_Block] = []
    for block in blocks:
        found.append(block)
        while len(found) > 1 and not _is_thinner(found[-1], found[-2]):
            found[-2:] = [found[-2].with_older(found[-1])]
    return found


def _but_for_chance(blocks: list[_Block]) -> list[_Block]:
    """Join the oldest block with the one before it when its few steps may just happen to be long."""
    if len(blocks) < 2 or len(blocks[-1].lengths) >= _FEW:
        return blocks
    if blocks[-1].median >= _BY_CHANCE * blocks[-2].median:
        return blocks
    return [*blocks[:-2], blocks[-2].with_older(blocks[-1])]


def _is_thinner(older: _Block, newer: _Block) -> bool:
    """Tell whether most steps of `older` are longer than most of `newer`, which has enough to judge."""
    if len(newer.lengths) < _FEW or older.median < _ALIKE * newer.median:
        return False
    limit = math.sqrt(newer.median * older.median)
    short = bisect_right(newer.lengths, limit) / len(newer.lengths)
    long = 1 - bisect_right(older.lengths, limit) / len(older.lengths)
    return min(short, long) >= _MOST


def _rounded(seconds: float) -> str:
    """Return a length in two significant digits of one unit: `30 s`, `1.5 min`."""
    if seconds < 0.1:
        return span(seconds)
    for length, unit in reversed(_UNITS):
        rounded = float(f"{seconds / length:.2g}")
        following = {"s": 60, "min": 60, "h": 24}.get(unit)
        if following is None or rounded < following:
            return f"{rounded:g} {unit}"
    raise AssertionError("days have no end")


def _rough_length(seconds: float) -> str:
    """Return a length cut to its largest unit, or to two if that says little: `5 min`, `1 h 50 min`."""
    if seconds < 1:
        return span(seconds)
    nearly = seconds * _NEARLY
    length, unit = next((length, unit) for length, unit in _UNITS if nearly >= length)
    count = int(nearly // length)
    return f"{count} {unit}" if count >= 3 else span(max(int(seconds), count * int(length)))
