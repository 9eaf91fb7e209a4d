"""Listings of LTX replicas in a few words: which level holds which TXIDs, stored how many seconds in."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sqlite_recovery_tui.domain import LtxFile
from sqlite_recovery_tui.formats.ltx import names
from sqlite_recovery_tui.replica.ltx import LtxLineage
from sqlite_recovery_tui.replica.timeline import Timeline, TimelineBuilder
from tests.support import ltx_oracle as oracle
from tests.support.listings import at


def ltx_listing(text: str) -> list[LtxFile]:
    """Read "9:1-5@10*500 0:6@11": level, TXIDs in hex, the time, and the size where it is not 100."""
    files = []
    for word in text.split():
        level, _, rest = word.partition(":")
        span, _, rest = rest.partition("@")
        time, _, size = rest.partition("*")
        first, _, last = span.partition("-")
        low, high = int(first, 16), int(last or first, 16)
        key = names.file_key(int(level), low, high)
        files.append(LtxFile(int(level), low, high, key, int(size or 100), at(float(time))))
    return files


def lineage_of(files: Iterable[LtxFile] | str) -> LtxLineage:
    """Return the lineage of a listing."""
    return LtxLineage.of(ltx_listing(files) if isinstance(files, str) else files)


def ltx_timeline(files: Iterable[LtxFile] | str) -> Timeline:
    """Return the timeline of a listing."""
    builder = TimelineBuilder()
    for file in ltx_listing(files) if isinstance(files, str) else files:
        builder.add(file.key, file.size, file.time, None)
    return builder.timeline()


def as_stored(files: Iterable[LtxFile]) -> list[oracle.Stored]:
    """Return the same files for the independent reading of Litestream's rules."""
    return [
        oracle.Stored(each.level, each.min_txid, each.max_txid, each.time, Path(each.key)) for each in files
    ]
