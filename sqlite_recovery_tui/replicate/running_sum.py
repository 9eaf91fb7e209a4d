"""The checksum of the whole database at the end of each WAL, kept up from the frames that are handed over.

What it rests on is the last snapshot, of which every page is seen. Where anything in between was not seen,
as after a kill, there is none until the next snapshot: never a wrong one.
"""

from __future__ import annotations

import json
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np

from sqlite_recovery_tui.formats import page_sums, wal
from sqlite_recovery_tui.formats.page_sums import U64, DatabaseSum
from sqlite_recovery_tui.replicate import spool_files
from sqlite_recovery_tui.replicate.stretch import Frozen, Mark, Stretch

MOST_PAGES = 8 << 20
"""A larger database has none: eight bytes for each page are held in memory."""


class SummedFrozen:
    """A frozen database that sums up what is read of it, from the first byte to the last."""

    def __init__(self, frozen: Frozen) -> None:
        """Sum up nothing yet."""
        self._frozen = frozen
        self.index, self.size, self.page_size = frozen.index, frozen.size, frozen.page_size
        self._parts: list[U64] = []
        self._at = 0

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes of it; raise OSError."""
        data = self._frozen.read(offset, length)
        if offset == self._at and self.size // self.page_size <= MOST_PAGES:
            self._parts.append(page_sums.of_pages(offset // self.page_size + 1, data, self.page_size))
            self._at += len(data)
        return data

    @property
    def sums(self) -> U64 | None:
        """The checksums of all its pages; None unless each was read, once and in order."""
        whole = bool(self._parts) and self._at == self.size
        return np.concatenate(self._parts) if whole else None


class RunningSum:
    """Follows one database through its WALs; belongs to whoever holds the spool's lock."""

    def __init__(self) -> None:
        """Know nothing."""
        self._sums: U64 | None = None
        self._total = 0
        self._changed: dict[int, int] | None = None
        self._index, self._end, self._pages = -1, 0, 0

    def begin(self, index: int, sums: U64 | None) -> None:
        """Begin with the database as it is where WAL `index` begins."""
        self._index, self._end, self._changed = index, 0, {}
        self._take(sums)

    def rebase(self, index: int, sums: U64 | None) -> None:
        """Take the database as it was where WAL `index` began, if all that was written since was seen."""
        if self._sums is None and self._index == index and self._changed is not None:
            self._take(sums)

    def see(self, stretch: Stretch) -> None:
        """Take note of the pages of a stretch that was kept."""
        if (stretch.index, stretch.offset) != (self._index, self._end):
            self._lose(stretch.index, {} if stretch.offset == 0 else None)
        self._end = stretch.end
        if self._changed is None:
            return
        first = wal.HEADER_SIZE if stretch.offset == 0 else 0
        data = memoryview(stretch.data)[first:]
        frames = wal.split_frames(data, stretch.page_size)
        width = wal.FRAME_HEADER_SIZE + stretch.page_size
        newest = {number: place for place, number in enumerate(frames.pgno.tolist())}
        for number, place in newest.items():
            page = data[place * width + wal.FRAME_HEADER_SIZE : (place + 1) * width]
            self._changed[number] = page_sums.of_page(number, page)
        self._pages = stretch.commits[-1].pages

    def seal(self, mark: Mark) -> DatabaseSum | None:
        """Return the checksum at the end of a WAL; None where it is not known."""
        if (mark.index, mark.offset) != (self._index, self._end):
            self._lose(mark.index, None)
        if self._sums is not None and self._changed:
            self._fold(self._sums, self._changed, mark.page_size)
        if self._changed is None:
            self._sums = None
        self._index, self._end, self._changed = mark.index + 1, 0, {}
        return DatabaseSum(len(self._sums), self._total) if self._sums is not None else None

    def save(self, path: Path, generation: str, mark: Mark) -> None:
        """Keep what is known for the next process, which is only to be believed where `mark` still holds."""
        if self._sums is None or self._changed is None:
            return
        about = {**_about(generation, mark), "pages": self._pages, "end": self._end, "index": self._index}
        numbers = np.array(list(self._changed), dtype=np.uint64)
        values = np.array(list(self._changed.values()), dtype=np.uint64)
        body = b"".join(part.astype("<u8").tobytes() for part in (self._sums, numbers, values))
        about |= {"lengths": [len(self._sums), len(numbers)], "crc": zlib.crc32(body)}
        spool_files.write_whole(path, [json.dumps(about).encode() + b"\n", body])

    @classmethod
    def load(cls, path: Path, generation: str, mark: Mark | None) -> RunningSum:
        """Return what was kept, or one that knows nothing where that is not of this very state."""
        found = cls()
        with suppress(OSError, ValueError, KeyError, TypeError):
            head, _, body = path.read_bytes().partition(b"\n")
            about = json.loads(head)
            if mark is None or zlib.crc32(body) != about["crc"]:
                return found
            if any(about[name] != value for name, value in _about(generation, mark).items()):
                return found
            parts = np.frombuffer(body, dtype="<u8").astype(np.uint64)
            count, changed = about["lengths"]
            numbers, values = parts[count : count + changed], parts[count + changed :]
            found._index, found._end, found._pages = about["index"], about["end"], about["pages"]
            found._changed = dict(zip(numbers.tolist(), values.tolist(), strict=True))
            found._take(parts[:count])
        return found

    def _take(self, sums: U64 | None) -> None:
        self._sums = sums
        self._total = page_sums.together(sums) if sums is not None else 0

    def _lose(self, index: int, changed: dict[int, int] | None) -> None:
        """Forget the database; what is seen of WAL `index` from here on counts if that is all of it."""
        self._sums, self._index, self._end, self._changed = None, index, 0, changed

    def _fold(self, sums: U64, changed: dict[int, int], page_size: int) -> None:
        """Lay the pages of a WAL over the database, as large as its last commit leaves it."""
        kept, pages = len(sums), self._pages
        if pages > MOST_PAGES:
            self._sums = None
            return
        if pages < kept:
            self._total ^= page_sums.together(sums[pages:])
            sums = sums[:pages].copy()
        if pages > kept:  # pages that no frame has are zeros
            zeros = bytes(page_size)
            new = (
                0 if number in changed else page_sums.of_page(number, zeros)
                for number in range(kept + 1, pages + 1)
            )
            added = np.fromiter(new, dtype=np.uint64, count=pages - kept)
            self._total ^= page_sums.together(added)
            sums = np.concatenate([sums, added])
        numbers = np.array([number for number in changed if number <= pages], dtype=np.int64)
        values = np.array([changed[number] for number in numbers.tolist()], dtype=np.uint64)
        self._total ^= page_sums.together(sums[numbers - 1]) ^ page_sums.together(values)
        sums[numbers - 1] = values
        self._sums = sums


def _about(generation: str, mark: Mark) -> dict[str, object]:
    """Return what tells one state of one database from every other."""
    place = [mark.index, mark.offset, *mark.checksum, mark.sealed]
    return {"version": 1, "generation": generation, "mark": place}
