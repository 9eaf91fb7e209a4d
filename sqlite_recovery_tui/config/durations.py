"""Durations and sizes as Go programs write them: `1m30s`, `100ms`, `5MiB`.

Errors are `ValueError`s that say what is wrong without repeating the text, which may be a secret.
"""

from __future__ import annotations

import re
from datetime import timedelta

_NANOSECONDS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_LONGEST = 2**63 - 1
_MOST_CHARACTERS = 64
_PART = re.compile(r"(?P<number>[0-9]+\.?[0-9]*|\.[0-9]+)(?P<unit>[^0-9.]*)")
_LONGER_UNITS = {"d": 24, "day": 24, "days": 24, "w": 168, "week": 168, "weeks": 168}
DURATION_EXAMPLES = "a duration such as 30s, 1m30s or 24h"

_BINARY = {"ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30, "ti": 1 << 40, "pi": 1 << 50, "ei": 1 << 60}
_DECIMAL = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "p": 10**15, "e": 10**18}
_SIZE = re.compile(r"(?P<number>[0-9][0-9,]*(?:\.[0-9]*)?|\.[0-9]+)\s*(?P<unit>[A-Za-z]*)")
SIZE_EXAMPLES = "a size such as 64MiB or 5MB"


def parse_duration(text: str) -> timedelta:
    """Return the duration that Go's `time.ParseDuration` reads in `text`; raise ValueError.

    Anything under a microsecond is rounded away from zero, so that "more than nothing" stays so.
    """
    sign, rest = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    if rest == "0":
        return timedelta(0)
    total, end = 0, 0
    while len(rest) <= _MOST_CHARACTERS and (part := _PART.match(rest, end)):
        total += _scaled(part["number"], _unit(part["number"], part["unit"]))
        end = part.end()
    if not rest or end != len(rest):
        raise ValueError(f"expected {DURATION_EXAMPLES}")
    return from_nanoseconds(sign * total)


def from_nanoseconds(count: int) -> timedelta:
    """Return `count` nanoseconds in whole microseconds, rounded away from zero; raise ValueError."""
    if abs(count) > _LONGEST:
        raise ValueError("longer than 292 years")
    microseconds = -(-abs(count) // 1000)
    return timedelta(microseconds=microseconds if count >= 0 else -microseconds)


def parse_size(text: str) -> int:
    """Return the bytes that `text` means: KB, MB… are powers of 1000, KiB, MiB… of 1024; raise ValueError."""
    text = text.strip()
    found = _SIZE.fullmatch(text) if len(text) <= _MOST_CHARACTERS else None
    factor = _factor(found["unit"].lower()) if found else None
    if found is None or factor is None:
        raise ValueError(f"expected {SIZE_EXAMPLES}")
    size = _scaled(found["number"].replace(",", ""), factor)
    if size > _LONGEST:
        raise ValueError("larger than any file")
    return size


def _unit(number: str, unit: str) -> int:
    if unit in _NANOSECONDS:
        return _NANOSECONDS[unit]
    if not unit:
        raise ValueError(f"the unit is missing; expected {DURATION_EXAMPLES}")
    if hours := _LONGER_UNITS.get(unit.strip().lower()):
        raise ValueError(f"the longest unit is the hour; write {float(number) * hours:g}h")
    raise ValueError(f"the units are h, m, s, ms, us and ns; expected {DURATION_EXAMPLES}")


def _scaled(number: str, factor: int) -> int:
    whole, _, fraction = number.partition(".")
    digits = len(fraction)
    return int(whole or "0") * factor + int(fraction or "0") * factor // int("1" + "0" * digits)


def _factor(unit: str) -> int | None:
    short = unit.removesuffix("b")
    return _BINARY.get(short) or _DECIMAL.get(short)
