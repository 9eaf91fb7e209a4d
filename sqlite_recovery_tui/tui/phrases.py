"""How the console words sizes, counts, ages and moments; always the same way on every screen."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Literal

from sqlite_recovery_tui.words import plural as many
from sqlite_recovery_tui.words import size

__all__ = [
    "TIME_STYLES",
    "TimeStyle",
    "age",
    "clock",
    "distance",
    "everywhere",
    "is_near",
    "local",
    "many",
    "moment",
    "period",
    "seconds",
    "short",
    "short_ids",
    "size",
    "utc",
]

_WIDE_ID = re.compile(r"\b0{8}([0-9a-f]{8})\b")
_SPAN_OF_ONE = re.compile(r"\b([0-9a-f]{8,16})-\1\b")

TimeStyle = Literal["utc", "local", "age"]
TIME_STYLES: tuple[TimeStyle, ...] = ("utc", "local", "age")


def seconds(amount: float) -> str:
    """Return a length of time in its two largest units: `0.3 s`, `41 s`, `4 h 01 min`, `2 d 3 h`."""
    if amount < 10:
        return f"{amount:.1f} s"
    whole = int(amount)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s" if rest and minutes < 10 else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02d} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours and days < 10 else f"{days} d"


def age(moment: datetime, now: datetime) -> str:
    """Return how long ago `moment` was in one unit: `2 s ago`, `41 min ago`, `3 d ago`."""
    amount = (now - moment).total_seconds()
    if amount < -1:
        return f"in {_one_unit(-amount)}"
    return f"{_one_unit(max(amount, 0))} ago"


def _one_unit(amount: float) -> str:
    for limit, unit, each in ((100, "s", 1), (100 * 60, "min", 60), (48 * 3600, "h", 3600)):
        if amount < limit:
            return f"{int(amount // each)} {unit}"
    return f"{int(amount // 86400)} d"


def utc(moment: datetime, *, fine: bool = False) -> str:
    """Return a moment in full: `2026-03-26 10:30:00Z`; `fine` with milliseconds where it has any."""
    here = moment.astimezone(UTC)
    part = f".{here.microsecond // 1000:03}" if fine and here.microsecond else ""
    return f"{here:%Y-%m-%d %H:%M:%S}{part}Z"


def local(moment: datetime) -> str:
    """Return a moment in the machine's own zone with its offset: `2026-03-26 12:30:00 +0200`."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S %z")


def clock(moment: datetime) -> str:
    """Return the time of day in UTC: `14:03:12Z`."""
    return moment.astimezone(UTC).strftime("%H:%M:%SZ")


def short_ids(words: str) -> str:
    """Return words with 16-digit ids cut to eight where the others are zeros, and a span of one to one."""
    return _SPAN_OF_ONE.sub(r"\1", _WIDE_ID.sub(r"\1", words))


def moment(when: datetime, style: TimeStyle, now: datetime) -> str:
    """Return a moment the way the operator chose to read times."""
    if style == "age":
        return age(when, now)
    return utc(when) if style == "utc" else local(when)


def short(when: datetime, style: TimeStyle, now: datetime) -> str:
    """Return a moment without its date when that is today's; an age stands beside it."""
    if style == "age":
        return age(when, now)
    zone = UTC if style == "utc" else None
    there, here = when.astimezone(zone), now.astimezone(zone)
    mark = "Z" if style == "utc" else ""
    return there.strftime("%H:%M:%S" if there.date() == here.date() else "%Y-%m-%d %H:%M") + mark


def period(start: datetime, end: datetime, style: TimeStyle, now: datetime) -> str:
    """Return from when to when, the date once where it is the same."""
    first, last = moment(start, style, now), moment(end, style, now)
    if first == last:
        return first
    if style == "age":
        return f"{first} → {last}"
    date, _, rest = last.partition(" ")
    return f"{first} → {rest if first.startswith(date) else last}"


def everywhere(when: datetime, now: datetime, *, fine: bool = False) -> str:
    """Return a moment in UTC, local time and age, for the places where it must not be misread."""
    here = when.astimezone()
    same_day = here.date() == when.astimezone(UTC).date()
    there = here.strftime("%H:%M:%S %z") if same_day else local(when)
    return f"{utc(when, fine=fine)} · {there} local · {age(when, now)}"


def is_near(amount: timedelta | float) -> bool:
    """Tell whether two moments lie so close together that seconds do not tell them apart."""
    value = amount.total_seconds() if isinstance(amount, timedelta) else amount
    return abs(value) < 2


def distance(amount: timedelta | float) -> str:
    """Return how far a commit lies from what was asked: `2 s before`, `exactly`, `40 s after`."""
    value = amount.total_seconds() if isinstance(amount, timedelta) else amount
    if abs(value) < 0.001:
        return "exactly the time asked for"
    side = "before" if value > 0 else "after"
    return f"{seconds(abs(value))} {side} the time asked for"
