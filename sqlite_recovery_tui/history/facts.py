"""What the ledger keeps of plans, restores, proofs and checks, taken from them as `--json` prints them."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlite_recovery_tui.history.entry import Outcome
from sqlite_recovery_tui.history.rows import parse_moment
from sqlite_recovery_tui.history.sources import Sources

_RESULTS = (
    "format",
    "distance_seconds",
    "base",
    "objects",
    "objects_reused",
    "bytes_fetched",
    "pages",
    "page_size",
    "unproven",
    "lost",
    "notes",
    "undo",
    "why",
)
"""Members of a restore that have no column of their own."""


def of_plan(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is known when a restore begins, of the plan's JSON."""
    return {
        "database": plan["database"],
        "replica": plan["replica"],
        "url": plan["url"],
        "asked": asked(plan["requested"]),
        "results": {"format": plan["format"], "distance_seconds": plan["distance_seconds"]},
        **of_point(plan),
    }


def of_restore(
    result: Mapping[str, Any], objects: Iterable[Any], integrity: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return what came of a restore: of its JSON, the objects it used, and the report of its check."""
    return {
        **of_plan(result),
        "sources": Sources.of(objects),
        "output": result["output"],
        "verdict": result["continuity"],
        "integrity": integrity["verdict"] if integrity is not None else None,
        "results": {
            **{name: result[name] for name in _RESULTS if name in result},
            "file": stamp(Path(result["output"])),
            **({"integrity": dict(integrity)} if integrity is not None else {}),
        },
    }


def of_proof(
    proof: Mapping[str, Any], newest: Mapping[str, Any] | None, drill: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return what was shown of a replica: of the proof's JSON, its newest point, and its restore drill."""
    restored = (drill or {}).get("integrity") or {}
    return {
        "verdict": proof["verdict"],
        "integrity": restored.get("verdict"),
        "results": {**proof, **({"drill": dict(drill)} if drill is not None else {})},
        **(of_point(newest) if newest is not None else {}),
    }


def of_promote(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is known when a promote begins, of its plan's JSON."""
    return {
        "database": plan["database"],
        "asked": plan["new"]["file"],
        "integrity": plan["integrity"]["verdict"],
        "results": {name: plan[name] for name in ("mode", "why", "tables", "rows_lost", "rows_won")},
    }


def of_promoted(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return what came of a promote or an undo, of its JSON."""
    return {"database": result["database"], "output": result["database"], "results": dict(result)}


def of_diff(schema: int, tables: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what a comparison found: schema objects that differ, and the JSON of every table that does."""
    differing = [dict(table) for table in tables if not _is_same(table)]
    return {"results": {"same": not (schema or differing), "schema": schema, "tables": differing}}


def _is_same(table: Mapping[str, Any]) -> bool:
    counts = (table["added"], table["removed"], table["changed"])
    return not (any(counts) or table["problem"])


def of_point(point: Mapping[str, Any]) -> dict[str, Any]:
    """Return position and time of a state."""
    position = point["position"]
    return {
        "lineage": position.get("generation") or "ltx",
        "position": place(position),
        "point_time": parse_moment(point["time"]),
    }


def place(position: Mapping[str, Any]) -> str:
    """Return a position as people read it: `GENERATION/INDEX:OFFSET`, or a TXID."""
    if "txid" in position:
        return f"TXID {position['txid']}"
    offset = position["offset"]
    inside = f":{offset:08x}" if offset is not None else ""
    return f"{position['generation']}/{position['index']:08x}{inside}"


def asked(requested: Mapping[str, Any]) -> str:
    """Return what was asked for, as it was typed."""
    match requested["kind"]:
        case "time":
            return str(requested["text"] or requested["time"])
        case "txid":
            return f"TXID {requested['txid']}"
        case "position":
            generation, index, offset = (requested[name] for name in ("generation", "index", "offset"))
            where = f"{index:08x}" + (f":{offset:08x}" if offset is not None else "")
            return f"{generation}/{where}" if generation else where
    return "the latest state"


def shown(verdict: str | None, integrity: str | None) -> Outcome:
    """Return how an act ended that looked and had no failure of its own."""
    if "damaged" in (verdict, integrity):
        return "damaged"
    return "ok" if integrity in (None, "ok") else "failed"


def stamp(path: Path) -> dict[str, int] | None:
    """Return what changes when a file is written; None when there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return {"size": status.st_size, "inode": status.st_ino, "mtime_ns": status.st_mtime_ns}


def repeatable(words: Sequence[str], exact: Mapping[str, str]) -> str:
    """Return a command line as a shell takes it, without passwords; what `exact` names is written its way.

    `20 min ago` means another time each time it is asked for.
    """
    return shlex.join(["sqlrecover", *(_exact(without_password(word), exact) for word in words)])


def without_password(word: str) -> str:
    """Return a word of a command line with whatever secret a URL in it holds replaced by `***`."""
    from sqlite_recovery_tui.config.urlparts import redacted

    return redacted(word)


def _exact(word: str, exact: Mapping[str, str]) -> str:
    name, equals, value = word.partition("=")
    if equals and name.startswith("-"):
        return f"{name}={exact.get(value, value)}"
    return exact.get(word, word)
