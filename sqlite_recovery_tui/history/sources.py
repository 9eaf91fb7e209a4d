"""The stored objects that an act was made from: all of them in a hash, as many as are of use by name."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

KEPT_AT_EACH_END = 100
"""Of longer lists the first and the last so many are kept."""

_PLAIN_BYTES = 2000
_MAX_BYTES = 16 << 20


@dataclass(frozen=True)
class Sources:
    """What was read: how many objects, how many bytes, a hash over all of them, and the objects."""

    count: int
    size: int
    """Bytes as stored."""
    sha256: str
    """Of the lines `object size etag`, in order."""
    items: tuple[Mapping[str, Any], ...]
    """`object`, `size`, `etag` and `time` of each; of many only those at both ends."""

    @classmethod
    def of(cls, objects: Iterable[Any]) -> Sources:
        """Sum up stored objects: whatever has a key, a size, an etag and a time."""
        digest, count, size = hashlib.sha256(), 0, 0
        first: list[Any] = []
        last: deque[Any] = deque(maxlen=KEPT_AT_EACH_END)
        for item in objects:
            count, size = count + 1, size + item.size
            digest.update(f"{item.key} {item.size} {item.etag or ''}\n".encode(errors="surrogateescape"))
            (first if count <= KEPT_AT_EACH_END else last).append(item)
        return cls(count, size, digest.hexdigest(), tuple(map(_told, (*first, *last))))

    @property
    def left_out(self) -> int:
        """How many objects between both ends are only in the hash."""
        return self.count - len(self.items)

    def to_json(self) -> dict[str, Any]:
        return {
            "count": self.count,
            "size": self.size,
            "sha256": self.sha256,
            "left_out": self.left_out,
            "objects": [dict(item) for item in self.items],
        }

    def dump(self) -> str | bytes:
        """Return what the ledger keeps: JSON, compressed where there is much of it."""
        text = json.dumps(self.to_json(), separators=(",", ":"))
        return text if len(text) <= _PLAIN_BYTES else zlib.compress(text.encode())


def _told(item: Any) -> Mapping[str, Any]:
    return {"object": item.key, "size": item.size, "etag": item.etag, "time": item.time.isoformat()}


def load(stored: object) -> Sources | None:
    """Return what `Sources.dump` made; None for anything else."""
    try:
        text = zlib.decompressobj().decompress(stored, _MAX_BYTES) if isinstance(stored, bytes) else stored
        if not isinstance(text, str | bytes):
            return None
        found = json.loads(text)
        items = tuple(item for item in found["objects"] if isinstance(item, dict))
        return Sources(int(found["count"]), int(found["size"]), str(found["sha256"]), items)
    except (ValueError, KeyError, TypeError, zlib.error):
        return None
