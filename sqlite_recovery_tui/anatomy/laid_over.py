"""A snapshot with the WAL laid over it, in memory: the pages as they were when a segment had been written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from sqlite_recovery_tui.anatomy.census import LocalPages
from sqlite_recovery_tui.anatomy.unpack import Access
from sqlite_recovery_tui.domain import WalSegment
from sqlite_recovery_tui.errors import ObjectNotFound
from sqlite_recovery_tui.formats.wal import FRAME_HEADER_SIZE, Frames
from sqlite_recovery_tui.replica.chain import Chain, ChainFault
from sqlite_recovery_tui.restore.fetch import Fetcher

MOST_BYTES = 128 << 20
"""Of page images; more of them are not held to find out whose pages are."""


@dataclass
class LaidOver:
    """Pages of a snapshot, newer images of some of them in front."""

    below: LocalPages
    newer: dict[int, bytes] = field(default_factory=dict)
    pages: int = 0
    """The size of the database in pages."""

    @property
    def page_size(self) -> int:
        """Bytes of a page."""
        return self.below.page_size

    def fetch(self, numbers: Sequence[int]) -> Mapping[int, bytes]:
        """Return those of the pages that are there."""
        found = dict(self.below.fetch([number for number in numbers if number not in self.newer]))
        found.update((number, self.newer[number]) for number in numbers if number in self.newer)
        return found

    def lay(self, frames: Frames) -> bool:
        """Lay the transactions of `frames` that are whole over what is there; False when there is no room."""
        whole = frames.head(frames.last_commit)
        if not len(whole):
            return True
        numbers, first_from_behind = np.unique(whole.pgno[::-1], return_index=True)
        for number, behind in zip(numbers.tolist(), first_from_behind.tolist(), strict=True):
            self.newer[number] = whole.data[len(whole) - 1 - behind, FRAME_HEADER_SIZE:].tobytes()
        self.pages = int(whole.commit[-1])
        return len(self.newer) * self.page_size <= MOST_BYTES


def lay_over(access: Access, below: LocalPages, segments: Sequence[WalSegment]) -> LaidOver | None:
    """Return `below` with all of `segments` laid over it; None when one of them does not hold.

    Raises `StorageError`, `Cancelled`.
    """
    laid = LaidOver(below, pages=below.pages)
    fetcher = Fetcher(access.store, access.identities, cancel=access.cancel)
    try:
        for batch in Chain(below.page_size, pages=below.pages).read(fetcher.segments(segments)):
            access.cancel.check()
            if not laid.lay(batch.frames):
                return None
    except (ChainFault, ObjectNotFound):
        return None
    return laid
