"""The rows in which a table differs, kept in a file without a name to be looked at in pages.

Memory grows by a few bytes for each row. A table has a limit: what is beyond it is counted, not kept.
"""

from __future__ import annotations

import marshal
import os
import tempfile
import weakref
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.sqlite.comparison import Cell, Change, RowChange, Shape

MOST_BYTES = 1 << 30
_BUFFER_BYTES = 1 << 20


class Spool:
    """A file without a name, which goes with the last one who knows of it."""

    def __init__(self) -> None:
        """Make an empty one; raise `RecoverError` where there is no room."""
        self.size = 0
        try:
            self.fd, path = tempfile.mkstemp(prefix="sqlrecover-")
            Path(path).unlink()
        except OSError as error:
            raise _no_room(error) from None
        weakref.finalize(self, os.close, self.fd)

    def write(self, data: bytearray) -> None:
        """Add bytes at the end; raise `RecoverError` where there is no room."""
        try:
            with memoryview(data) as left:
                done = 0
                while done < len(left):
                    done += os.pwrite(self.fd, left[done:], self.size + done)
        except OSError as error:
            raise _no_room(error) from None
        self.size += len(data)


class KeptChanges:
    """Differences of one table, in their order; written by one thread, then read by any."""

    def __init__(self, spool: Spool, *, most_bytes: int = MOST_BYTES) -> None:
        """Keep none yet, and later as many as take no more than about `most_bytes` at the end of `spool`."""
        self.shape: Shape | None = None
        """How the rows are matched; None before the first."""
        self.left_out = 0
        """How many were beyond the limit."""
        self._spool = spool
        self._end = spool.size + most_bytes
        self._waiting = bytearray()
        self._starts = array("q", [spool.size])
        """Where each begins in the file, and where the last one ends."""
        self._places: dict[Change, array[int]] = {change: array("q") for change in get_args(Change)}

    def add(self, shape: Shape, change: RowChange) -> None:
        """Keep one more; raise `RecoverError` where there is no room for it."""
        self.shape = shape
        if self._starts[-1] >= self._end:
            self.left_out += 1
            return
        data = marshal.dumps((change.change, _packed(change.left), _packed(change.right)))
        self._waiting += data
        self._places[change.change].append(len(self._starts) - 1)
        self._starts.append(self._starts[-1] + len(data))
        if len(self._waiting) >= _BUFFER_BYTES:
            self.seal()

    def seal(self) -> None:
        """Make what was added readable; raise `RecoverError` where there is no room for it."""
        self._spool.write(self._waiting)
        self._waiting = bytearray()

    def count(self, only: Change | None = None) -> int:
        """Return how many are kept, or how many `only` of one kind."""
        return len(self._places[only]) if only is not None else len(self._starts) - 1

    def place(self, number: int, only: Change | None = None) -> int:
        """Return which of all is number `number` of one kind, both counted from 0."""
        return self._places[only][number] if only is not None else number

    def number(self, place: int, only: Change | None = None) -> int | None:
        """Return which of one kind is at `place` among all; None where that is of another kind."""
        if only is None:
            return place if place < self.count() else None
        places = self._places[only]
        found = bisect_left(places, place)
        return found if found < len(places) and places[found] == place else None

    def read(self, places: Sequence[int]) -> list[RowChange]:
        """Return the ones at these places among all."""
        return [self._read(place) for place in places]

    def _read(self, place: int) -> RowChange:
        start, end = self._starts[place], self._starts[place + 1]
        # Nobody else has this file: it has no name.
        change, left, right = marshal.loads(os.pread(self._spool.fd, end - start, start))  # noqa: S302
        return RowChange(change, _unpacked(left), _unpacked(right))


def _packed(row: tuple[Cell, ...] | None) -> Any:
    if row is None:
        return None
    return [(cell.type, cell.value, cell.size_bytes, cell.truncated) for cell in row]


def _unpacked(row: Any) -> tuple[Cell, ...] | None:
    return None if row is None else tuple(Cell(*cell) for cell in row)


def _no_room(error: OSError) -> RecoverError:
    return RecoverError(
        f"the differences cannot be kept in {tempfile.gettempdir()}: {error.strerror or error}",
        hint="free space there, or set TMPDIR to a folder that has some",
    )
