"""Names of the Litestream v0.3 layout: generations, snapshots and WAL segments.

A name counts only in its exact spelling, as Litestream itself lists it; everything else in a replica
is somebody else's object. Offsets are written with at least 8 hex digits; a WAL past 4 GiB has more,
which Litestream v0.3 writes but cannot list.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

ROOT = "generations/"
MAX_INDEX = 0x7FFFFFFF

_LEASE = re.compile(r"sqlrecover/lease/[0-9a-f]{8}\.json")
_NOTE = re.compile(r"sqlrecover/(?P<generation>[0-9a-f]{16})/(?P<index>[0-9a-f]{8})\.json")
_REMOVED = re.compile(
    r"sqlrecover/removed/(?P<kept>[0-9a-f]{16})-(?P<first>[0-9a-f]{8})-"
    r"(?P<next>[0-9a-f]{16})-(?P<end>[0-9a-f]{8})\.json"
)
_GENERATION = re.compile(r"[0-9a-f]{16}")
_OBJECT = re.compile(
    r"generations/(?P<generation>[0-9a-f]{16})/"
    r"(?:snapshots/(?P<snapshot>[0-9a-f]{8})\.snapshot\.lz4"
    r"|wal/(?P<index>[0-9a-f]{8})_(?P<offset>[0-9a-f]{8,16})\.wal\.lz4)"
)


@dataclass(frozen=True, slots=True)
class ObjectName:
    """What a key names: a snapshot (`offset` is None) or a WAL segment."""

    generation: str
    index: int
    offset: int | None


def parse_key(key: str) -> ObjectName | None:
    """Return what `key` (relative to the replica's root) names, or None for any other object."""
    match = _OBJECT.fullmatch(key)
    if match is None:
        return None
    generation, snapshot, index, offset = match.groups()
    if snapshot is not None:
        name = ObjectName(generation, int(snapshot, 16), None)
    else:
        if len(offset) > 8 and offset.startswith("0"):
            return None
        name = ObjectName(generation, int(index, 16), int(offset, 16))
    return name if name.index <= MAX_INDEX else None


def is_note(key: str) -> bool:
    """Tell whether `key` names one of the small objects that our own daemon keeps beside the layout."""
    return any(pattern.fullmatch(key) is not None for pattern in (_NOTE, _LEASE, _REMOVED))


def note_key(generation: str, index: int) -> str:
    """Return the key of what our own daemon notes of a WAL: its sidecar."""
    return f"sqlrecover/{generation}/{index:08x}.json"


def parse_note(key: str) -> tuple[str, int] | None:
    """Return the generation and index of a sidecar's key, None for any other."""
    match = _NOTE.fullmatch(key)
    return (match["generation"], int(match["index"], 16)) if match else None


@dataclass(frozen=True, slots=True)
class Removed:
    """What our retention removed behind a state that it keeps: from one place up to another.

    From WAL `first` of the generation `kept` up to, not including, WAL `end` of the generation `next`, which
    may be the same; generations in between are gone.
    """

    kept: str
    first: int
    next: str
    end: int

    @property
    def key(self) -> str:
        """The key of the note that tells so."""
        return f"sqlrecover/removed/{self.kept}-{self.first:08x}-{self.next}-{self.end:08x}.json"

    def takes(self, generation: str, index: int) -> bool:
        """Tell whether a WAL is among what was removed, or is being removed."""
        is_behind = generation == self.kept and index >= self.first
        is_before = generation == self.next and index < self.end
        return is_behind and is_before if self.kept == self.next else is_behind or is_before


def parse_removed(key: str) -> Removed | None:
    """Return what such a note tells by its name alone, None for any other key."""
    match = _REMOVED.fullmatch(key)
    if match is None:
        return None
    return Removed(match["kept"], int(match["first"], 16), match["next"], int(match["end"], 16))


def is_generation(name: str) -> bool:
    """Tell whether `name` has the form of a generation id: 16 lower-case hex digits."""
    return _GENERATION.fullmatch(name) is not None


def generation_prefix(generation: str) -> str:
    """Return the folder of a generation."""
    return f"{ROOT}{generation}/"


def snapshot_key(generation: str, index: int) -> str:
    """Return the key of the snapshot at WAL `index`."""
    return f"{ROOT}{generation}/snapshots/{index:08x}.snapshot.lz4"


def segment_key(generation: str, index: int, offset: int) -> str:
    """Return the key of the WAL segment that begins at byte `offset` of WAL `index`."""
    return f"{ROOT}{generation}/wal/{index:08x}_{offset:08x}.wal.lz4"
