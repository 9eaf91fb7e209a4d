"""When the commits of one WAL were made, as our daemon noted it beside the replica; read on demand, kept.

A time is that of the machine where the daemon ran, at the moment when it saw the commit: never before the
commit itself, and behind it by as long as the daemon took to look.
"""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import TYPE_CHECKING, ClassVar

from sqlite_recovery_tui.errors import ObjectNotFound
from sqlite_recovery_tui.formats.generations import note_key
from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.replica.segments import microseconds, moment
from sqlite_recovery_tui.storage.base import Store
from sqlite_recovery_tui.storage.many import get_many

if TYPE_CHECKING:
    from sqlite_recovery_tui.formats.sidecars import WalEnd

_REMEMBERED = 32


@dataclass(frozen=True)
class WalTimes:
    """The commits of one WAL in order: where each ends, and its time in microseconds since 1970."""

    header: bytes
    """The 32 bytes that the WAL begins with."""
    ends: Sequence[int]
    times: Sequence[int]
    """They never fall: a clock that was set back does not put a commit in front of an earlier one."""

    @classmethod
    def of(cls, said: WalEnd) -> WalTimes:
        """Return what a note says of the commits of its WAL."""
        pairs = [(end, microseconds(time)) for time, ends in said.commits for end in ends]
        times = accumulate((time for _, time in pairs), max)
        return cls(said.header, array("Q", (end for end, _ in pairs)), array("q", times))

    def until(self, time: datetime) -> int:
        """Return how many commits were made at `time` or before, in order of position."""
        return bisect_right(self.times, microseconds(time))

    def time_of(self, end: int) -> datetime | None:
        """Return when the commit was made that ends at byte `end`; None where none does."""
        number = bisect_left(self.ends, end)
        is_there = number < len(self.ends) and self.ends[number] == end
        return moment(self.times[number]) if is_there else None

    def between(self, start: int, end: int | None) -> tuple[datetime, ...]:
        """Return the times of the commits that end behind byte `start`, and at `end` or before."""
        first = bisect_right(self.ends, start)
        last = len(self.ends) if end is None else bisect_right(self.ends, end)
        return tuple(map(moment, self.times[first:last]))

    def __len__(self) -> int:
        return len(self.ends)


class Notes:
    """The notes of one replica; the last few that were read are remembered for all who read there."""

    _known: ClassVar[OrderedDict[tuple[str, str, int], WalTimes]] = OrderedDict()
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, store: Store, cancel: CancelToken | None = None) -> None:
        """Read nothing yet."""
        self._store = store
        self._cancel = cancel

    def of(self, generation: str, index: int) -> WalTimes | None:
        """Return the times of a WAL; None where no note of it makes sense. Raises `StorageError`."""
        name = (self._store.url, generation, index)
        with self._lock:
            if name in self._known:
                self._known.move_to_end(name)
                return self._known[name]
        try:
            data = self._store.get(note_key(generation, index))
        except ObjectNotFound:
            return None
        found = _times(data)
        if found is not None:
            with self._lock:
                self._known[name] = found
                while len(self._known) > _REMEMBERED:
                    self._known.popitem(last=False)
        return found

    def each(self, generation: str, indexes: Sequence[int]) -> Iterator[tuple[int, WalTimes]]:
        """Yield the times of many WALs in the order of `indexes`; raise `StorageError`, `Cancelled`."""
        keys = [note_key(generation, index) for index in indexes]
        for index, (_, data) in zip(indexes, get_many(self._store, keys, cancel=self._cancel), strict=True):
            found = _times(data)
            if found is not None:
                yield index, found


def _times(data: bytes) -> WalTimes | None:
    from sqlite_recovery_tui.formats import sidecars

    said = sidecars.decode(data) if len(data) <= sidecars.MOST_BYTES else None
    return WalTimes.of(said) if said is not None and said.commits else None
