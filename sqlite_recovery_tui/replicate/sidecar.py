"""What a WAL's end looked like, kept beside the replica's generations: the format itself cannot say it."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlite_recovery_tui.replicate.items import Cut, Item, Seal


def encode(seal: Seal, items: Sequence[Item]) -> bytes:
    """Return the sidecar of a WAL that ended, of which `items` are all segments."""
    cuts = [item for item in items if isinstance(item, Cut)]
    commits = [[seen.time.isoformat(), *seen.ends] for cut in cuts for seen in cut.commits]
    said = {
        "version": 1,
        "generation": seal.generation,
        "index": seal.index,
        "page_size": seal.mark.page_size,
        "end": seal.mark.offset,
        "checksum": list(seal.mark.checksum),
        "header": cuts[-1].wal.hex() if cuts else "",
        "commits": commits,
    }
    return json.dumps(said, separators=(",", ":")).encode() + b"\n"
