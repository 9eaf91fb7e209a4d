"""How far one replica has come in a spool's log, on disk."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlite_recovery_tui.domain import Position
from sqlite_recovery_tui.replicate import spool_files


@dataclass(frozen=True, slots=True)
class Shipped:
    """Everything up to item `done` is at the replica; None: it was never begun there."""

    done: int | None = None
    plan: tuple[tuple[int, int], ...] = ()
    """Items joined into one object each, first and last: once begun, no other way of joining is safe."""
    position: Position | None = None
    """Where the last segment ends that is at the replica."""
    time: datetime | None = None
    """When the last commit was seen that is at the replica."""
    snapshot: datetime | None = None
    """When the newest snapshot was taken that is at the replica."""
    given_up: str = ""
    """Why its backlog was thrown away; it begins anew with the next generation."""


def path_of(folder: Path, name: str) -> Path:
    """Return the file of the replica `name`."""
    return folder / f"{quote(name, safe='')}.json"


def load(path: Path, spool: str) -> Shipped:
    """Return what was noted in `path` of the spool with that id; nothing when there is none that holds."""
    with suppress(FileNotFoundError, ValueError, KeyError, TypeError):
        found = json.loads(path.read_bytes())
        if found.pop("spool") == spool:
            return _shipped(found)
    return Shipped()


def save(path: Path, spool: str, shipped: Shipped, *, lasting: bool) -> None:
    """Note it; unless `lasting` a power cut may bring the note before back. Raise OSError."""
    noted: dict[str, Any] = {field.name: getattr(shipped, field.name) for field in fields(shipped)}
    noted |= {
        "spool": spool,
        "position": shipped.position.to_json() if shipped.position else None,
        "time": shipped.time.isoformat() if shipped.time else None,
        "snapshot": shipped.snapshot.isoformat() if shipped.snapshot else None,
    }
    spool_files.write_whole(path, [json.dumps(noted).encode() + b"\n"], lasting=lasting)


def _shipped(found: dict[str, Any]) -> Shipped:
    return Shipped(
        done=found["done"],
        plan=tuple((first, last) for first, last in found["plan"]),
        position=Position(**found["position"]) if found["position"] else None,
        time=_time(found["time"]),
        snapshot=_time(found["snapshot"]),
        given_up=found["given_up"],
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
