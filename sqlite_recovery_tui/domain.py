"""The nouns of the field as frozen values: positions, snapshots, segments, LTX files, restore points, gaps.

Times are aware and in UTC, sizes in bytes, ids printed one way: generations and TXIDs as 16, WAL indexes
as 8 lower-case hex digits, offsets as at least 8.
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


@dataclass(frozen=True, slots=True, order=True)
class Txid:
    """A place in the history of an LTX replica: the number of a sync, from 1."""

    value: int

    @property
    def label(self) -> str:
        """The number as object names spell it."""
        return f"{self.value:016x}"

    def __str__(self) -> str:
        return self.label

    def to_json(self) -> dict[str, Any]:
        """Return the place as the command line prints it."""
        return {"txid": self.label}


Place = Position | Txid
"""Where in history, in the terms of the format."""


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

    @property
    def label(self) -> str:
        """What tells it from others of its generation, as its name spells it."""
        return f"{self.index:08x}"


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

    @property
    def label(self) -> str:
        """What tells it from others of its generation, as its name spells it."""
        return self.position.label


@dataclass(frozen=True, slots=True)
class LtxFile:
    """The newest image of every page that the syncs `min_txid` to `max_txid` changed."""

    level: int
    """0: one sync; 1 to 8: compacted; 9: snapshots."""
    min_txid: int
    max_txid: int
    key: str
    size: int
    """Bytes as stored (compressed)."""
    time: datetime
    etag: str | None = None

    @property
    def position(self) -> Txid:
        """The state that the file leads to."""
        return Txid(self.max_txid)

    @property
    def is_base(self) -> bool:
        """Whether it holds the whole database: a restore can begin with it."""
        return self.min_txid == 1

    @property
    def label(self) -> str:
        """The TXIDs that it spans, as its name spells them."""
        return f"{self.min_txid:016x}-{self.max_txid:016x}"


Base = Snapshot | LtxFile
"""What a restore begins with."""

Change = WalSegment | LtxFile
"""What is laid over a base."""

StoredObject = Snapshot | WalSegment | LtxFile


@dataclass(frozen=True, slots=True)
class RestorePoint:
    """A state that can be restored: everything up to and including one stored object.

    `position` is where that object begins (a snapshot: offset 0 of its WAL) and `end` where it ends,
    when that is known from the object that follows it; of an LTX file both are the TXID it leads to.
    """

    position: Place
    time: datetime
    key: str
    end: Place | None = None
    is_commit: bool = False
    """Whether it is a single commit of that object, which ends at `end`, and `time` the commit's own."""

    @property
    def time_of(self) -> Literal["commit", "object"]:
        """What its time is that of."""
        return "commit" if self.is_commit else "object"

    @property
    def reached(self) -> Place:
        """Where the state ends, as far as names tell."""
        return self.end or self.position

    def to_json(self) -> dict[str, Any]:
        """Return the point; an offset of None means the end of that WAL as far as it is stored."""
        position = self.reached.to_json()
        if "offset" in position and self.end is None:
            position["offset"] = None
        return {
            "position": position,
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
        "missing-txid",
        "missing-start",
        "no-snapshot",
        "not-shipped",
        "expired",
        "between-generations",
    ]
    generation: str | None
    """None in an LTX replica, which has none."""
    message: str
    object: str
    """The name the missing object would have, or the first object that nothing connects to."""
    before: RestorePoint | None
    after: RestorePoint | None

    @property
    def is_damage(self) -> bool:
        """Whether something that was stored is missing, and not only nothing stored for a while."""
        return self.kind not in ("not-shipped", "expired", "between-generations")

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "generation": self.generation,
            "message": self.message,
            "object": self.object,
            "before": self.before.to_json() if self.before else None,
            "after": self.after.to_json() if self.after else None,
        }
