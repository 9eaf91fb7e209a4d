"""Entries as rows of the ledger and back; a value that makes no sense is left out, never a failure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, get_args

from sqlite_recovery_tui.history import sources
from sqlite_recovery_tui.history.entry import Entry, Outcome

COLUMNS = tuple(field.name for field in fields(Entry))
MAX_RESULT_BYTES = 64 << 10
MAX_ITEMS = 100
"""Of a list among the results so many are kept."""
MAX_TEXT = 4096

_MOMENTS = ("started", "ended", "point_time")
_NUMBERS = {"id": int, "pid": int, "duration": float}
_NAMES = ("user", "host", "process", "version")


def to_row(entry: Entry) -> dict[str, Any]:
    """Return the columns of an entry, without its number."""
    row = {name: getattr(entry, name) for name in COLUMNS if name != "id"}
    for name in _MOMENTS:
        row[name] = moment_text(row[name])
    row["sources"] = entry.sources.dump() if entry.sources is not None else None
    row["results"] = _results_text(entry.results)
    return {**{name: _short(value) for name, value in row.items()}, "proof": entry.proof}


def from_row(row: Sequence[Any]) -> Entry:
    """Return the entry of a row whose columns are `COLUMNS`."""
    members = dict(zip(COLUMNS, row, strict=True))
    for name in _MOMENTS:
        members[name] = parse_moment(members[name])
    for name, kind in _NUMBERS.items():
        members[name] = kind(members[name]) if isinstance(members[name], int | float) else None
    for name, value in members.items():
        if isinstance(value, bytes) and name != "sources":
            members[name] = value.decode(errors="replace")
    members.update({name: members[name] or "" for name in _NAMES})
    members["kind"] = str(members["kind"])
    members["pid"] = members["pid"] or 0
    members["started"] = members["started"] or datetime.fromtimestamp(0, UTC)
    members["outcome"] = members["outcome"] if members["outcome"] in get_args(Outcome) else None
    members["sources"] = sources.load(members["sources"])
    members["results"] = _mapping(members["results"])
    return Entry(**members)


def moment_text(moment: datetime | None) -> str | None:
    """Return a time as the ledger keeps it: in UTC, with microseconds, so that text sorts as time."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if moment is not None else None


def parse_moment(text: object) -> datetime | None:
    """Return the time that `moment_text` wrote; None for anything else."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)


def _results_text(results: Mapping[str, Any]) -> str:
    """Return results as JSON, with long lists cut, and without what is still too long."""
    text = json.dumps(_cut(dict(results)), default=str)
    if len(text) <= MAX_RESULT_BYTES:
        return text
    small = {name: value for name, value in results.items() if not isinstance(value, list | dict | tuple)}
    return json.dumps({**{name: _short(value) for name, value in small.items()}, "cut": True}, default=str)


def _cut(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _cut(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        kept = [_cut(item) for item in value[:MAX_ITEMS]]
        return [*kept, f"and {len(value) - MAX_ITEMS:,} more"] if len(value) > MAX_ITEMS else kept
    return _short(value)


def storable(value: Any) -> Any:
    """Return a text as the ledger keeps it: a file name may hold bytes that are none."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def _short(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    sound = storable(value)
    return sound if len(sound) <= MAX_RESULT_BYTES else f"{sound[:MAX_TEXT]}…"


def _mapping(text: object) -> dict[str, Any]:
    try:
        found = json.loads(text) if isinstance(text, str | bytes) else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
