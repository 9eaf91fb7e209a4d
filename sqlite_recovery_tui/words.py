"""How sizes, lengths of time and moments are worded, in one way everywhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_UNITS = ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s"))


def plural(number: int, noun: str, several: str = "") -> str:
    """Return `1 segment`, `1,200 segments`; `several` is the plural where it is irregular."""
    return f"{number:,} {noun if number == 1 else several or noun + 's'}"


def size(count: float | None) -> str:
    """Return a number of bytes in binary units, as `3.2 MiB`; `-` when it is not known."""
    if count is None:
        return "-"
    if count < 1024:
        return f"{int(count)} B"
    from humanize import naturalsize

    return naturalsize(count, binary=True, format="%.1f")


def rfc3339(moment: datetime, *, fraction: bool = False) -> str:
    """Return `moment` in UTC, in whole seconds (cut, not rounded) or with its microseconds."""
    spec = "microseconds" if fraction and moment.microsecond else "seconds"
    return moment.astimezone(UTC).isoformat(timespec=spec).replace("+00:00", "Z")


def both_zones(moment: datetime) -> str:
    """Return `2026-03-26 10:02:31Z (12:02:31 local)`, with the local day when it differs."""
    utc, local = moment.astimezone(UTC), moment.astimezone()
    text = f"{utc:%Y-%m-%d %H:%M:%S}Z"
    if local.utcoffset() == timedelta(0):
        return text
    day = "" if local.date() == utc.date() else f"{local:%Y-%m-%d} "
    return f"{text} ({day}{local:%H:%M:%S} local)"


def span(seconds: float) -> str:
    """Return a length of time in its two largest units: `0.4 s`, `20 ms`, `41 min 05 s`, `3 d 04 h`."""
    if seconds < 0:
        return f"-{span(-seconds)}"
    if 0 < seconds < 0.1:
        return f"{max(1, round(seconds * 1000))} ms"
    if seconds < 10 and seconds != int(seconds):
        return f"{seconds:.1f} s"
    whole = int(seconds)
    for large, large_unit, small, small_unit in _UNITS:
        if whole >= large:
            return _two(whole, large, large_unit, small, small_unit)
    return f"{whole} s"


def _two(whole: int, large: int, large_unit: str, small: int, small_unit: str) -> str:
    rest = whole % large // small
    head = f"{whole // large} {large_unit}"
    return f"{head} {rest:02d} {small_unit}" if rest else head


def ago(moment: datetime, now: datetime) -> str:
    """Return how long before `now` something was: `41 min ago`, `in 3 s`, `now`."""
    seconds = (now - moment).total_seconds()
    if abs(seconds) < 1:
        return "now"
    return f"{span(int(seconds))} ago" if seconds > 0 else f"in {span(int(-seconds))}"
