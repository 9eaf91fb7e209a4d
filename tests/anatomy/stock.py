"""Objects made to measure, in a store of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import pairwise

from sqlite_recovery_tui.anatomy.unpack import Access
from sqlite_recovery_tui.domain import LtxFile, Snapshot, WalSegment
from sqlite_recovery_tui.formats import generations as names
from sqlite_recovery_tui.formats import lz4
from sqlite_recovery_tui.replica.scan import scan
from sqlite_recovery_tui.replica.timeline import Timeline
from sqlite_recovery_tui.storage.memory import MemoryStore
from tests.support.wals import Wal

GENERATION = "5f3a91c2d4e6b708"
NOW = datetime(2026, 3, 26, 14, 3, 12, tzinfo=UTC)


class Shelf:
    """A replica in memory."""

    def __init__(self) -> None:
        self.store = MemoryStore("shelf")

    @property
    def access(self) -> Access:
        return Access(self.store)

    @property
    def timeline(self) -> Timeline:
        return scan(self.store)

    def segment(
        self, index: int, offset: int, data: bytes, pack: Callable[[bytes], bytes] = lz4.compress
    ) -> WalSegment:
        key = names.segment_key(GENERATION, index, offset)
        info = self.store.put(key, pack(data))
        return WalSegment(GENERATION, index, offset, key, info.size, info.time)

    def snapshot(self, index: int, data: bytes, pack: Callable[[bytes], bytes] = lz4.compress) -> Snapshot:
        key = names.snapshot_key(GENERATION, index)
        info = self.store.put(key, pack(data))
        return Snapshot(GENERATION, index, key, info.size, info.time)

    def ltx(self, level: int, low: int, high: int, data: bytes) -> LtxFile:
        key = f"ltx/{level}/{low:016x}-{high:016x}.ltx"
        info = self.store.put(key, data)
        return LtxFile(level, low, high, key, info.size, info.time)

    def wal(self, made: Wal, *cuts: int, index: int = 0) -> list[WalSegment]:
        """Store a WAL as segments that begin behind so many frames each."""
        return [self.segment(index, at, piece) for at, piece in pieces(made, *cuts)]


def pieces(made: Wal, *cuts: int) -> Iterator[tuple[int, bytes]]:
    """Yield a WAL in pieces, each with the offset where it begins."""
    stops = [0, *(made.end_of(cut) for cut in cuts), len(made.data)]
    for start, end in pairwise(stops):
        yield start, bytes(made.data[start:end])


def three_transactions(**options: int) -> Wal:
    """Return a WAL of frames 1-2, 3-5 and 6, each a transaction."""
    made = Wal(**options)  # type: ignore[arg-type]
    made.transaction([(1, "a"), (2, "b")], 2)
    made.transaction([(2, "c"), (3, "d"), (2, "e")], 3)
    return made.transaction([(1, "f")], 3)
