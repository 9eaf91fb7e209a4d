"""What the operator asks for: the latest state, a time in any usual spelling, or a position."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Any

from sqlite_recovery_tui.domain import Position, RestorePoint, Txid
from sqlite_recovery_tui.errors import UsageError

FORMS = "2026-03-26T10:30:00Z, 2026-03-26 10:30, 10:30, yesterday 10:30, 20 min ago, or seconds since 1970"
"""The spellings of a time that are understood, for hints and help texts."""


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest state there is."""


@dataclass(frozen=True, slots=True)
class AtTime:
    """The newest state of `time`: Litestream v0.3 includes what was stored at that moment, v0.5 does not."""

    time: datetime
    text: str = ""
    """The time as it was typed."""


@dataclass(frozen=True, slots=True)
class AtPosition:
    """Everything up to the end of WAL `index`, or up to byte `offset` of it."""

    index: int
    offset: int | None = None
    generation: str | None = None


@dataclass(frozen=True, slots=True)
class AtTxid:
    """The state after the sync with this number, from 1."""

    txid: int


Target = Latest | AtTime | AtPosition | AtTxid


def of_point(point: RestorePoint) -> Target:
    """Return the target that names a restore point exactly: to the end of the object that makes it."""
    match point.reached:
        case Txid(value):
            return AtTxid(value)
        case Position(generation, index, offset):
            return AtPosition(index, offset if point.end else None, generation)


_UNITS = {
    "s": 1,
    "sec": 1,
    "secs": 1,
    "second": 1,
    "seconds": 1,
    "m": 60,
    "min": 60,
    "mins": 60,
    "minute": 60,
    "minutes": 60,
    "h": 3600,
    "hr": 3600,
    "hrs": 3600,
    "hour": 3600,
    "hours": 3600,
    "d": 86400,
    "day": 86400,
    "days": 86400,
    "w": 604800,
    "week": 604800,
    "weeks": 604800,
}
_AGO_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)", re.A)
_AGO = re.compile(r"(?:(?:\d+(?:\.\d+)?)\s*[a-z]+[\s,]*)+ago", re.A)
_EPOCH = re.compile(r"@?(\d{9,11})(?:\.(\d{1,9}))?|@?(\d{13})", re.A)
_CLOCK = re.compile(
    r"(?:(today|yesterday)\s+)?(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?\s*(z|utc)?", re.A | re.I
)
_FULL = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[t ](\d{1,2}:\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?\s*(z|utc|[+-]\d{2}:?\d{2})?",
    re.A | re.I,
)


def parse_time(text: str, *, now: datetime, zone: tzinfo | None = None) -> AtTime:
    """Understand a time as people type it; raise `UsageError` naming the known forms.

    Times without a zone are in `zone` (None: the machine's own). A clock time alone is the last time
    that the clock showed it.
    """
    typed = text.strip()
    lowered = typed.lower()
    try:
        moment = (
            _now(lowered, now)
            or _ago(lowered, now)
            or _epoch(lowered)
            or _clock_time(lowered, now, zone)
            or _full(lowered, zone)
        )
        if moment is None:
            raise _unknown(typed, "")
        return AtTime(moment.astimezone(UTC), typed)
    except (ValueError, OverflowError, OSError) as error:
        raise _unknown(typed, str(error)) from None


def describe(target: Target) -> str:
    """Say a target in words."""
    match target:
        case Latest():
            return "the latest state"
        case AtTime(time, text):
            exact = format_utc(time)
            return f"{text} ({exact})" if text and text != exact else exact
        case AtPosition(index, offset, generation):
            of = f" of generation {generation}" if generation else ""
            where = {None: f"the end of WAL {index:08x}", 0: f"the beginning of WAL {index:08x}"}
            return where.get(offset, f"position {index:08x}:{offset or 0:08x}") + of
        case AtTxid(txid):
            return f"TXID {txid:016x}"


def to_json(target: Target) -> dict[str, Any]:
    """Return the target as the command line prints it under `requested`."""
    match target:
        case Latest():
            return {"kind": "latest"}
        case AtTime(time, text):
            return {"kind": "time", "time": format_utc(time), "text": text or None}
        case AtPosition(index, offset, generation):
            return {"kind": "position", "generation": generation, "index": index, "offset": offset}
        case AtTxid(txid):
            return {"kind": "txid", "txid": f"{txid:016x}"}


def format_utc(time: datetime) -> str:
    """Return a time as RFC 3339 in UTC, fractions only where there are any."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def format_seconds(length: float) -> str:
    """Return a number of seconds with thousands apart and no more decimals than it has, three at most."""
    return f"{length:,.3f}".rstrip("0").rstrip(".")


def _now(text: str, now: datetime) -> datetime | None:
    return now if text == "now" else None


def _ago(text: str, now: datetime) -> datetime | None:
    if not _AGO.fullmatch(text):
        return None
    seconds = 0.0
    for amount, unit in _AGO_PART.findall(text.removesuffix("ago")):
        if unit not in _UNITS:
            raise ValueError(f"{unit!r} is not a unit of time")
        seconds += float(amount) * _UNITS[unit]
    return now - timedelta(seconds=seconds)


def _epoch(text: str) -> datetime | None:
    match = _EPOCH.fullmatch(text)
    if match is None:
        return None
    whole, fraction, millis = match.groups()
    if millis:
        return datetime.fromtimestamp(int(millis) // 1000, UTC) + timedelta(milliseconds=int(millis) % 1000)
    return datetime.fromtimestamp(int(whole), UTC) + _fraction(fraction)


def _clock_time(text: str, now: datetime, zone: tzinfo | None) -> datetime | None:
    match = _CLOCK.fullmatch(text)
    if match is None:
        return None
    day, hour, minute, second, fraction, utc = match.groups()
    where = UTC if utc else zone
    here = now.astimezone(where).date()

    on_the_clock = time(int(hour), int(minute), int(second or 0))
    today = datetime.combine(here, on_the_clock) + _fraction(fraction)
    yesterday = today - timedelta(days=1)
    if day:
        return _place(yesterday if day == "yesterday" else today, where)
    days = (yesterday, today)
    shown = (_place(naive.replace(fold=fold), where) for naive in days for fold in (0, 1))
    return max(moment for moment in shown if moment <= now and _wall(moment, where) in days)


def _wall(moment: datetime, zone: tzinfo | None) -> datetime:
    """Return what clocks in `zone` show at `moment`."""
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def _full(text: str, zone: tzinfo | None) -> datetime | None:
    match = _FULL.fullmatch(text)
    if match is None:
        return None
    day, clock, second, fraction, offset = match.groups()
    naive = datetime.fromisoformat(f"{day} {(clock or '0:00').zfill(5)}:{second or '00'}") + _fraction(
        fraction
    )
    if offset is None:
        return _place(naive, zone)
    if offset in ("z", "utc"):
        return naive.replace(tzinfo=UTC)
    return datetime.fromisoformat(naive.isoformat() + offset)


def _place(naive: datetime, zone: tzinfo | None) -> datetime:
    """Put a wall-clock time into `zone`: the first of two when the clock was set back.

    One that was left out when the clock was set forward is as long after midnight as it says.
    """
    if zone is not None:
        return naive.replace(tzinfo=zone).astimezone(UTC)
    whole = datetime.fromtimestamp(naive.replace(microsecond=0).timestamp(), UTC)
    return whole + timedelta(microseconds=naive.microsecond)


def _fraction(digits: str | None) -> timedelta:
    return timedelta(microseconds=int((digits or "0").ljust(6, "0")[:6]))


def _unknown(text: str, why: str) -> UsageError:
    because = f": {why}" if why else ""
    return UsageError(f"{text!r} is not a time{because}", hint=f"write a time like {FORMS}")
