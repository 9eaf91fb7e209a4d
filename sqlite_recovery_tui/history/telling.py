"""An act in words, the same on every screen, on the command line and in a report."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlite_recovery_tui.history.entry import Entry
from sqlite_recovery_tui.words import both_zones, plural, rfc3339, size, span

STATES = {
    "ok": "done",
    "damaged": "damaged",
    "failed": "failed",
    "refused": "refused",
    "cancelled": "cancelled",
    "running": "running",
    "interrupted": "interrupted",
    "unfinished": "no end heard of",
}
"""How an act stands, in words."""

MOST = 5
"""How many of a list are told; the JSON has more."""


def title(entry: Entry) -> str:
    """Return what was done to what: `restore of /srv/app.db s3`."""
    return f"{entry.kind} of {entry.subject}" if entry.subject else entry.kind


def state(entry: Entry) -> str:
    """Return how it stands, never more than is known: `proven, sound`, `done`, `interrupted`."""
    return words_for(entry, entry.state)


def words_for(entry: Entry, standing: str) -> str:
    """Return how an act stands that is known to stand so."""
    return (verdict(entry) if standing == "ok" else "") or STATES[standing]


def verdict(entry: Entry) -> str:
    """Return what it showed; "" where it showed nothing."""
    if "damaged" in (entry.verdict, entry.integrity):
        return "damaged"
    words = [entry.verdict or ""]
    if entry.integrity is not None:
        words.append("sound" if entry.integrity == "ok" else f"check {entry.integrity}")
    return ", ".join(filter(None, words))


def distance(seconds: float | None) -> str:
    """Say how far the state that was reached is from the time that was asked for; "" where none was."""
    if seconds is None:
        return ""
    if abs(seconds) < 0.001:
        return "exactly the time asked for"
    return f"{span(abs(seconds))} {'before' if seconds > 0 else 'after'} the time asked for"


def facts(entry: Entry) -> Iterator[tuple[str, str]]:
    """Yield what is known of an act, name by name; a name of "" goes on with the one above."""
    yield "act", title(entry) + (f" (number {entry.id})" if entry.id is not None else "")
    yield "state", state(entry)
    yield "began", both_zones(entry.started)
    if entry.ended is not None:
        took = f", took {span(entry.duration)}" if entry.duration is not None else ""
        yield "ended", both_zones(entry.ended) + took
    yield "by", f"{entry.user} on {entry.host}, process {entry.pid}, sqlrecover {entry.version}"
    yield from _what(entry)
    yield from _reached(entry)
    yield from _shown(entry)
    yield from _used(entry)
    if entry.error:
        yield "error", entry.error
    if entry.hint:
        yield "hint", entry.hint
    if isinstance(folder := entry.results.get("folder"), str):
        yield "in", folder
    if entry.command:
        yield "again with", entry.command


def _what(entry: Entry) -> Iterator[tuple[str, str]]:
    if entry.database:
        yield "database", entry.database
    if entry.url:
        yield "replica", f"{entry.replica} ({entry.url})" if entry.replica else entry.url
    if entry.output:
        yield ("output" if entry.url else "file"), entry.output
    if isinstance(undo := entry.results.get("undo"), str):
        yield "undo", undo


def _reached(entry: Entry) -> Iterator[tuple[str, str]]:
    if entry.asked:
        yield "asked for", entry.asked
    if entry.point_time is not None:
        far = distance(entry.distance_seconds)
        yield "reached", both_zones(entry.point_time) + (f", {far}" if far else "")
    if entry.position:
        yield "position", entry.position


def _shown(entry: Entry) -> Iterator[tuple[str, str]]:
    if entry.verdict:
        yield "continuity", entry.verdict
    yield from _listed("unproven", entry.results.get("unproven"))
    yield from _listed("lost", lost(entry))
    yield from _listed("note", entry.results.get("notes"))
    if entry.integrity:
        yield "integrity", entry.integrity
    checks = entry.results.get("integrity")
    if isinstance(checks, dict) and entry.integrity != "ok":
        yield from _listed("", checks.get("messages"))


def lost(entry: Entry) -> list[str]:
    """Return what an act found to be missing, or took away."""
    found = [text for text in _items(entry, "lost") if isinstance(text, str)]
    for part in (*_items(entry, "generations"), entry.results.get("ltx")):
        faults = part.get("faults") if isinstance(part, dict) else None
        listed = faults if isinstance(faults, list) else []
        found += [_fault(fault) for fault in listed if isinstance(fault, dict)]
    tables = (table for table in _items(entry, "tables") if isinstance(table, dict))
    return found + [_table(table) for table in tables if table.get("difference")]


def _items(entry: Entry, name: str) -> list[Any]:
    value = entry.results.get(name)
    return value if isinstance(value, list) else []


def _fault(fault: dict[str, Any]) -> str:
    words = f"{fault.get('object')}: {fault.get('message')}"
    good = fault.get("last_good")
    moment = good.get("time") if isinstance(good, dict) else None
    return f"{words}; good up to {_whole(moment)}" if isinstance(moment, str) else words


def _table(table: dict[str, Any]) -> str:
    before, after = table.get("live_rows"), table.get("new_rows")
    return f"table {table.get('table')}: {_rows(before)} before, {_rows(after)} after"


def _rows(count: object) -> str:
    return plural(count, "row") if isinstance(count, int) else "no such table"


def _whole(moment: str) -> str:
    try:
        return rfc3339(datetime.fromisoformat(moment))
    except ValueError:
        return moment


def _used(entry: Entry) -> Iterator[tuple[str, str]]:
    sources = entry.sources
    if sources is not None:
        yield "made from", f"{plural(sources.count, 'object')}, {size(sources.size)}, sha256 {sources.sha256}"
        if sources.items:
            ends = dict.fromkeys((sources.items[0].get("object"), sources.items[-1].get("object")))
            yield "", " … ".join(str(name) for name in ends)
    fetched = entry.results.get("bytes_fetched")
    if isinstance(fetched, int):
        yield "fetched", size(fetched)


def _listed(name: str, texts: object) -> Iterator[tuple[str, str]]:
    found = [str(text) for text in texts] if isinstance(texts, list | tuple) else []
    for number, text in enumerate(found[:MOST]):
        yield (name if number == 0 else ""), text
    if len(found) > MOST:
        yield "", f"and {len(found) - MOST:,} more"
