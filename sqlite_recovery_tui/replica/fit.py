"""How far into its own WAL a snapshot reaches, from the pages that it holds.

A checkpoint copies pages up to a mark that some reader sets, and of each page only the newest image: a
page that was written again behind the mark is left as it was (SQLite, `walCheckpoint`). So a snapshot
taken then holds, for some commit M that the checkpoint saw and some commit m up to it, the newest image of
every page that was last written up to m, and older ones of the pages that were written after it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from heapq import heappop, heappush


class CheckpointFit:
    """Take the frames of a WAL in order; tell after each commit which marks a snapshot may have."""

    def __init__(self, held: Callable[[int], int]) -> None:
        """`held` gives the hash of what the snapshot has as a page (a number no image has: nothing)."""
        self._held = held
        self.frames = 0
        self.ends: list[int] = []
        """After how many frames each commit ends."""
        self.witnesses: dict[int, int] = {}
        """Pages that the snapshot holds as some frame has them, and after how many frames it does."""
        self.changed: dict[int, int] = {}
        """Those of them that an earlier frame had otherwise: they were not written again as they were."""
        self._other: dict[int, int] = {}
        """Pages whose newest image the snapshot does not hold, with the number of that frame."""
        self._queue: list[tuple[int, int]] = []

    def add(self, page: int, image: int) -> None:
        """Take one frame: its page number and the hash of its image."""
        self.frames += 1
        if image == self._held(page):
            if self._other.pop(page, None) is not None:
                self.changed.setdefault(page, self.frames)
            self.witnesses.setdefault(page, self.frames)
        else:
            self._other[page] = self.frames
            heappush(self._queue, (self.frames, page))

    def commit(self, size: int) -> int:
        """End a transaction that leaves `size` pages; return the highest mark that a checkpoint may have had.

        0 when only one that copied nothing fits. Marks are counted in frames.
        """
        self.ends.append(self.frames)
        return self.ends[count - 1] if (count := bisect_right(self.ends, self._limit(size))) else 0

    def is_whole(self, size: int) -> bool:
        """Tell whether the snapshot holds every one of `size` pages that was written as it is now."""
        return all(page > size for page in self._other)

    def _limit(self, size: int) -> int:
        """Return how many frames lie in front of the first that a checkpoint cannot have copied."""
        beyond = []  # pages that the last commit dropped are not copied
        limit = self.frames
        while self._queue:
            at, page = self._queue[0]
            if self._other.get(page) != at:
                heappop(self._queue)
            elif page > size:
                beyond.append(heappop(self._queue))
            else:
                limit = at - 1
                break
        for entry in beyond:
            heappush(self._queue, entry)
        return limit
