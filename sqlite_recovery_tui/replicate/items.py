"""What a spool holds, in order: the one log that every replica works through at its own pace.

Each item is a line of the journal: JSON behind its CRC-32. A line that does not hold was not finished.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlite_recovery_tui.formats import generations as names
from sqlite_recovery_tui.formats import sidecars
from sqlite_recovery_tui.replicate.stretch import Break, Mark


@dataclass(frozen=True, slots=True)
class Seen:
    """Commits that were seen at the same moment: the offsets in their WAL at which they end."""

    time: datetime
    ends: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SnapshotItem:
    """A snapshot; the first of its generation when it says `why` that begins."""

    number: int
    generation: str
    index: int
    page_size: int
    size: int
    """Bytes as spooled (compressed)."""
    time: datetime
    why: Break | None = None
    mark: Mark | None = None
    """Where the generation begins; only of its first snapshot."""

    @property
    def key(self) -> str:
        return names.snapshot_key(self.generation, self.index)


@dataclass(frozen=True, slots=True)
class Cut:
    """A segment: bytes `start` to `mark.offset` of WAL `mark.index`, and what proves its end."""

    number: int
    generation: str
    start: int
    size: int
    """Bytes as spooled (compressed)."""
    mark: Mark
    wal: bytes
    """The 32 bytes with which the WAL begins that it is a part of."""
    commits: tuple[Seen, ...]

    @property
    def index(self) -> int:
        return self.mark.index

    @property
    def end(self) -> int:
        return self.mark.offset

    @property
    def key(self) -> str:
        return names.segment_key(self.generation, self.index, self.start)

    @property
    def count(self) -> int:
        """How many commits it holds."""
        return sum(len(seen.ends) for seen in self.commits)


@dataclass(frozen=True, slots=True)
class Seal:
    """The end of a WAL, with its sidecar where it has one (`size` 0: none)."""

    number: int
    generation: str
    mark: Mark
    size: int

    @property
    def index(self) -> int:
        return self.mark.index

    @property
    def key(self) -> str:
        return sidecars.key(self.generation, self.index)


Item = SnapshotItem | Cut | Seal


def to_line(item: Item) -> bytes:
    """Return the journal's line of an item."""
    text = json.dumps(_to_json(item), separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def from_line(line: bytes) -> Item | None:
    """Return the item of a line, None for a line that does not hold."""
    if line[8:9] != b" " or not line.endswith(b"\n"):
        return None
    text = line[9:-1]
    if line[:8] != b"%08x" % zlib.crc32(text):
        return None
    return _from_json(json.loads(text))


def _to_json(item: Item) -> dict[str, Any]:
    common = {"n": item.number, "generation": item.generation, "size": item.size}
    if isinstance(item, SnapshotItem):
        return {
            "is": "snapshot",
            **common,
            "index": item.index,
            "page_size": item.page_size,
            "time": item.time.isoformat(),
            "why": [item.why.kind, item.why.detail] if item.why else None,
            "mark": mark_json(item.mark) if item.mark else None,
        }
    mark = mark_json(item.mark)
    if isinstance(item, Seal):
        return {"is": "seal", **common, "mark": mark}
    commits = [[seen.time.isoformat(), *seen.ends] for seen in item.commits]
    wal = item.wal.hex()
    return {"is": "segment", **common, "start": item.start, "mark": mark, "wal": wal, "commits": commits}


def _from_json(found: dict[str, Any]) -> Item:
    number, generation, size = found["n"], found["generation"], found["size"]
    if found["is"] == "snapshot":
        time = datetime.fromisoformat(found["time"])
        why = Break(*found["why"]) if found["why"] else None
        mark = mark_of(found["mark"]) if found["mark"] else None
        index, page_size = found["index"], found["page_size"]
        return SnapshotItem(number, generation, index, page_size, size, time, why, mark)
    mark = mark_of(found["mark"])
    if found["is"] == "seal":
        return Seal(number, generation, mark, size)
    commits = tuple(Seen(datetime.fromisoformat(time), tuple(ends)) for time, *ends in found["commits"])
    return Cut(number, generation, found["start"], size, mark, bytes.fromhex(found["wal"]), commits)


def mark_json(mark: Mark) -> dict[str, Any]:
    """Return a mark as it is written down."""
    return {
        "index": mark.index,
        "offset": mark.offset,
        "header": mark.header.hex(),
        "frame": mark.frame.hex(),
        "checksum": list(mark.checksum),
        "page_size": mark.page_size,
        "sealed": mark.sealed,
        "skipped": mark.skipped,
    }


def mark_of(found: dict[str, Any]) -> Mark:
    """Return the mark that was written down."""
    first, second = found["checksum"]
    return Mark(
        index=found["index"],
        offset=found["offset"],
        header=bytes.fromhex(found["header"]),
        frame=bytes.fromhex(found["frame"]),
        checksum=(first, second),
        page_size=found["page_size"],
        sealed=found["sealed"],
        skipped=found["skipped"],
    )
