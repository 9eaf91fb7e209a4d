"""How sizes, lengths of time and moments are worded, in one way everywhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def plural(number: int, noun: str) -> str:
    """Return `1 segment`, `1,200 segments`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def size(count: int | None) -> str:
    """Return a number of bytes as `3.2 MB`; `-` when it is not known."""
    if count is None:
        return "-"
    if count < 1000:
        return f"{count} B"
    value, unit = count / 1000, "kB"
    for larger in ("MB", "GB", "TB"):
        if value < 999.95:
            break
        value, unit = value / 1000, larger
    return f"{value:.1f} {unit}"


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
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return _two(whole, 60, "min", 1, "s")
    if whole < 86400:
        return _two(whole, 3600, "h", 60, "min")
    return _two(whole, 86400, "d", 3600, "h")


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
