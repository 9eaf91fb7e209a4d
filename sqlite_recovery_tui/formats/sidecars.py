"""How a WAL of a v0.3 replica ended, noted beside it by our daemon: the layout itself cannot say it.

One small JSON object for each WAL that has ended, outside `generations/`, where Litestream does not look.
Without it, or where it makes no sense, a replica is as good as any other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from sqlite_recovery_tui.errors import FormatError
from sqlite_recovery_tui.formats import generations, wal
from sqlite_recovery_tui.formats.page_sums import DatabaseSum

ROOT = "sqlrecover/"
MOST_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class WalEnd:
    """How a WAL ended: the bytes it began with, its length, the checksum of its last frame, its commits."""

    header: bytes
    end: int
    """Bytes, header and all."""
    checksum: wal.Checksum
    commits: tuple[tuple[datetime, tuple[int, ...]], ...] = ()
    """When commits were seen, and the offsets at which these ended."""
    database: DatabaseSum | None = None
    """The whole database as this WAL left it, where that was known."""


def prefix(generation: str) -> str:
    """Return the folder of a generation's sidecars."""
    return f"{ROOT}{generation}/"


def key(generation: str, index: int) -> str:
    """Return the key of the sidecar of WAL `index`."""
    return generations.note_key(generation, index)


def parse_key(name: str) -> tuple[str, int] | None:
    """Return the generation and index of a sidecar's key, None for any other."""
    return generations.parse_note(name)


def encode(said: WalEnd) -> bytes:
    """Return the object."""
    document: dict[str, Any] = {
        "version": 1,
        "header": said.header.hex(),
        "end": said.end,
        "checksum": list(said.checksum),
        "commits": [[time.isoformat(), *ends] for time, ends in said.commits],
    }
    if said.database is not None:
        document["database"] = {"pages": said.database.pages, "xxh3": f"{said.database.sum:016x}"}
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"


def decode(data: bytes) -> WalEnd | None:
    """Read an object; None when it is not one that makes sense."""
    with suppress(ValueError, TypeError, KeyError, AttributeError, RecursionError, FormatError):
        said = json.loads(data)
        header = wal.parse_header(bytes.fromhex(said["header"]))
        first, second = (_number(each, 1 << 32) for each in said["checksum"])
        end = _number(said["end"], 1 << 60)
        if said["version"] != 1 or end <= wal.HEADER_SIZE or (end - wal.HEADER_SIZE) % header.frame_size:
            return None
        commits = _commits(said["commits"], end, header.frame_size)
        database = _database(said["database"]) if "database" in said else None
        return WalEnd(bytes.fromhex(said["header"]), end, (first, second), commits, database)
    return None


def _database(said: Mapping[str, Any]) -> DatabaseSum:
    return DatabaseSum(_number(said["pages"], 1 << 32), _number(int(said["xxh3"], 16), 1 << 64))


def _commits(
    said: Sequence[Sequence[Any]], end: int, frame_size: int
) -> tuple[tuple[datetime, tuple[int, ...]], ...]:
    seen = tuple(
        (datetime.fromisoformat(time), tuple(_number(each, end + 1) for each in ends)) for time, *ends in said
    )
    if any(time.tzinfo is None for time, _ in seen):
        raise ValueError("a time without its zone")
    places = [wal.HEADER_SIZE, *(each for _, ends in seen for each in ends)]
    if any(later <= earlier or (later - earlier) % frame_size for earlier, later in pairwise(places)):
        raise ValueError("commits that end within a frame, or not one behind the other")
    return seen


def _number(value: Any, bound: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < bound:
        raise ValueError("not a number, or out of bounds")
    return value
