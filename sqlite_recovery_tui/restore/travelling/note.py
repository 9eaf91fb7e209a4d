"""What a scratch's manifest says while it is moved, and afterwards: a kill leaves it marked, or whole."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlite_recovery_tui.domain import Place, Position, Txid
from sqlite_recovery_tui.errors import RefusedError
from sqlite_recovery_tui.restore import target as targets
from sqlite_recovery_tui.restore.plan import Plan
from sqlite_recovery_tui.restore.scratch import MANIFEST, keep_manifest, sources_of

MOVING = "moving"
"""The manifest's member that says that the file holds two states, or may."""


def read(scratch: Path) -> dict[str, Any]:
    """Return the manifest of the scratch at `scratch`; raise `RefusedError` where it has none."""
    path = scratch.parent / MANIFEST
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        content = None
    if not isinstance(content, dict) or Path(str(content.get("output"))).name != scratch.name:
        raise RefusedError(
            f"{scratch} is no scratch of ours: nothing beside it says which state it holds",
            object=str(scratch),
            hint="restore one with `sqlrecover restore`",
        )
    return content


def refuse_moving(database: Path) -> None:
    """Raise `RefusedError` for a scratch that is being moved, or was left half-way by an interrupted move."""
    try:
        content = json.loads((database.absolute().parent / MANIFEST).read_text())
        moving = MOVING in content and Path(str(content.get("output"))).name == database.name
    except (OSError, ValueError, TypeError):
        return
    if moving:
        raise RefusedError(
            f"{database} is being moved to another state, or a move was interrupted: it may hold two states",
            object=str(database),
            hint="move it again in the workbench, or restore the state anew",
        )


def replica_of(database: Path) -> str:
    """Return the replica that a scratch was restored from; empty for any other file."""
    try:
        return str(read(database).get("replica") or "")
    except RefusedError:
        return ""


def held(manifest: dict[str, Any]) -> Place | None:
    """Return where in history a scratch stands; None where that is not known exactly."""
    if MOVING in manifest or manifest.get("lost"):
        return None
    match manifest.get("position"):
        case {"txid": str(txid)}:
            return Txid(int(txid, 16))
        case {"generation": str(generation), "index": int(index), "offset": int(offset)}:
            # A snapshot alone may hold more than its place says; one that was proven does not.
            sure = offset > 0 or manifest.get("continuity") == "proven"
            return Position(generation, index, offset) if sure else None
        case _:
            return None


def staged(scratch: Path) -> Path:
    """Return where a state is restored that takes the scratch's place."""
    return scratch.with_name(f".{scratch.name}.next")


def other(scratch: Path) -> Path:
    """Return where a second state of the scratch is kept while both are compared."""
    return scratch.with_name(f".{scratch.name}.other")


def mark_moving(scratch: Path, manifest: dict[str, Any], plan: Plan) -> None:
    """Write down that the file is being moved; from here on nobody takes it for whole."""
    to = {"position": plan.reached.to_json(), "time": targets.format_utc(plan.point.time)}
    keep_manifest(scratch.parent, {**manifest, MOVING: to, "sha256": None, "integrity": None})


def mark_moved(
    scratch: Path, manifest: dict[str, Any], plan: Plan, place: Place, *, pages: int, made: datetime
) -> dict[str, Any]:
    """Write down where the file stands now, and return that."""
    about = plan.to_json()
    content = {
        **{name: value for name, value in manifest.items() if name != MOVING},
        **{name: about[name] for name in ("requested", "time", "distance_seconds", "notes")},
        "base": plan.base.key,
        "position": place.to_json(),
        "pages": pages,
        "made": targets.format_utc(made),
        "moved": True,
        "sha256": None,
        "integrity": None,
        "lost": [],
        "sources": sources_of(plan),
    }
    keep_manifest(scratch.parent, content)
    return content
