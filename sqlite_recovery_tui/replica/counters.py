"""Page 1's change counter along a chain: evidence for missing commits and for parts that are not its own.

Every transaction that writes page 1 sets the counter to one more than it read, and a connection that
still has the page in its cache reads the old value: from one commit to the next it stays or grows by one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sqlite_recovery_tui.formats.wal import FRAME_HEADER_SIZE, Frames

_COUNTER_AT = FRAME_HEADER_SIZE + 24


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Why the counters cannot be those of one history."""

    message: str
    index: int
    """The WAL that lacks commits, or that does not belong here."""
    of_snapshot: bool = False
    """Whether it is the snapshot and its own WAL that do not belong together."""


class CounterWatch:
    """Watch the counter from a snapshot (None: unknown) through its own WAL and those behind it."""

    def __init__(self, snapshot: int | None) -> None:
        """Begin with the counter in the snapshot's page 1."""
        self._snapshot = snapshot
        self._own = -1
        """Index of the snapshot's own WAL, which may hold commits that the snapshot has."""
        self._last: int | None = None
        self._last_index = -1

    def see(self, index: int, frames: Frames) -> Mismatch | None:
        """Look at verified frames of WAL `index`; return what contradicts the ones before."""
        if self._own < 0:
            self._own = index
        found = np.flatnonzero(frames.pgno[: frames.last_commit] == 1)
        if not len(found):
            return None
        first, last = (
            int.from_bytes(frames.data[at, _COUNTER_AT : _COUNTER_AT + 4].tobytes()) for at in found[[0, -1]]
        )
        mismatch = self._compare(index, first) if index != self._last_index else None
        self._last, self._last_index = last, index
        return mismatch

    def ahead(self) -> bool:
        """Tell whether the snapshot is of a later commit than any that was seen."""
        return None not in (self._snapshot, self._last) and _step(self._last, self._snapshot) > 0

    def end_of_own(self, index: int) -> Mismatch | None:
        """WAL `index` begins: once the snapshot's own WAL has ended, the snapshot cannot be ahead."""
        if self._last_index != self._own or index == self._own or not self.ahead():
            return None
        return self._foreign(f"{self._snapshot} in the snapshot and {self._last} at the end of its WAL")

    def _compare(self, index: int, first: int) -> Mismatch | None:
        if self._last is not None:
            step, where = _step(self._last, first), f"WAL {self._last_index:08x}"
        elif self._snapshot is not None:
            step, where = _step(self._snapshot, first), "the snapshot"
        else:
            return None
        before = self._snapshot if self._last is None else self._last
        if index == self._own:
            if step <= 1:
                return None
            return self._foreign(f"{before} in the snapshot and {first} at the start of its WAL")
        if step < 0 and self._last is None:
            return self._foreign(f"{before} in the snapshot and {first} in WAL {index:08x}")
        if step in (0, 1):
            return None
        what = "commits are missing" if step > 1 else "the order of commits is broken"
        counters = f"page 1's change counter goes from {before} to {first}"
        return Mismatch(f"{what} between {where} and WAL {index:08x}: {counters}", index - 1)

    def _foreign(self, counters: str) -> Mismatch:
        message = f"it and the WAL behind it are not of one history: page 1's change counter is {counters}"
        return Mismatch(message, self._own, of_snapshot=True)


def _step(before: int | None, after: int | None) -> int:
    """Return how far the 32-bit counter went, as a signed number."""
    assert before is not None
    assert after is not None
    step = (after - before) & 0xFFFFFFFF
    return step - (1 << 32) if step >= 1 << 31 else step
