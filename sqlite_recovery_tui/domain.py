"""The nouns of the field as frozen values: positions, snapshots, segments, restore points, gaps.

Times are aware and in UTC, sizes in bytes, ids printed one way: generations as 16, WAL indexes as 8
lower-case hex digits, offsets as at least 8.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

Format = Literal["v0.3", "v0.5"]
"""Which Litestream layout: generations (v0.3) or LTX (v0.5)."""

Continuity = Literal["proven", "consistent", "damaged"]
"""What was shown of a chain; see `replica.continuity`."""


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the history of a v0.3 replica: a byte offset in a WAL of a generation."""

    generation: str
    index: int
    offset: int

    @property
    def label(self) -> str:
        """The position inside its generation, as object names spell it."""
        return f"{self.index:08x}:{self.offset:08x}"

    def __str__(self) -> str:
        return f"{self.generation}/{self.label}"

    def to_json(self) -> dict[str, Any]:
        """Return the position as the command line prints it."""
        return {"generation": self.generation, "index": self.index, "offset": self.offset}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole database as it stood while WAL `index` was current."""

    generation: str
    index: int
    key: str
    size: int
    """Bytes as stored (compressed)."""
    time: datetime
    etag: str | None = None

    @property
    def position(self) -> Position:
        return Position(self.generation, self.index, 0)


@dataclass(frozen=True, slots=True)
class WalSegment:
    """A contiguous piece of WAL `index`, beginning at byte `offset` of the uncompressed WAL."""

    generation: str
    index: int
    offset: int
    key: str
    size: int
    """Bytes as stored (compressed)."""
    time: datetime
    etag: str | None = None

    @property
    def position(self) -> Position:
        """Where the segment begins; its end is known only once it is decoded."""
        return Position(self.generation, self.index, self.offset)


@dataclass(frozen=True, slots=True)
class RestorePoint:
    """A state that can be restored: everything up to and including one stored object.

    `position` is where that object begins (a snapshot: offset 0 of its WAL); `end` is where it ends
    when that is known from the object that follows it.
    """

    position: Position
    time: datetime
    key: str
    end: Position | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the point; an offset of None means the end of that WAL as far as it is stored."""
        end = self.end.offset if self.end else None
        return {
            "position": {**self.position.to_json(), "offset": end},
            "time": self.time.isoformat().replace("+00:00", "Z"),
            "object": self.key,
        }


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time with restore points, both ends included."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        return self.end - self.start

    def to_json(self) -> dict[str, Any]:
        return {
            "start": self.start.isoformat().replace("+00:00", "Z"),
            "end": self.end.isoformat().replace("+00:00", "Z"),
        }


@dataclass(frozen=True, slots=True)
class Gap:
    """A hole in the history: what is missing, between which points, and what it costs.

    `before` is the last restore point in front of the hole, `after` the first snapshot behind it
    from which history goes on; either may be None.
    """

    kind: Literal[
        "missing-segment",
        "missing-index",
        "missing-start",
        "no-snapshot",
        "not-shipped",
        "between-generations",
    ]
    generation: str
    message: str
    object: str
    """The name the missing object would have, or the first object that nothing connects to."""
    before: RestorePoint | None
    after: RestorePoint | None

    @property
    def is_damage(self) -> bool:
        """Whether something that was stored is missing, and not only nothing stored for a while."""
        return self.kind not in ("not-shipped", "between-generations")

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "generation": self.generation,
            "message": self.message,
            "object": self.object,
            "before": self.before.to_json() if self.before else None,
            "after": self.after.to_json() if self.after else None,
        }
