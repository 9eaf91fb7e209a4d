"""How far into its own WAL a snapshot reaches, judged from the pages that this WAL rewrites.

A snapshot may hold pages of its WAL up to some commit, its *mark*. Frames laid over a snapshot whose mark
lies behind them would put older pages over newer ones: a torn restore, which no check of the result
finds. Either the snapshot's pages agree with some mark inside the frames, or they do not.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import xxhash

from sqlite_recovery_tui.formats.wal import FRAME_HEADER_SIZE
from sqlite_recovery_tui.replica.chain import Batch

Verdict = Literal["before", "covered", "same", "unknown", "later"]
"""before: the snapshot surely ends in front of the last frames; covered: these rewrite every page, so that
what it holds does not matter; same: laying them over it changes nothing; later: it reaches beyond them."""

_ABSENT = -1
_COUNTER = struct.Struct(">I")


@dataclass
class SnapshotMark:
    """Collect what the frames of the base's WAL say, and what the snapshot held in their places.

    Give it every batch of that WAL (`see`), then let it look at the snapshot's pages before any of
    them is overwritten (`look`).
    """

    fd: int
    page_size: int
    index: int
    held_pages: int
    """Size of the snapshot, in pages."""
    _pages: list[int] = field(default_factory=list)
    _hashes: list[int] = field(default_factory=list)
    _commits: list[int] = field(default_factory=list)
    _size: int = 0
    _counters: list[int] = field(default_factory=list)
    _snapshot: dict[int, int] = field(default_factory=dict)
    _snapshot_counter: int | None = None

    def see(self, batch: Batch) -> None:
        """Remember the committed and open frames of the base's WAL."""
        if batch.index != self.index:
            return
        digest = xxhash.xxh3_64_intdigest
        for row in batch.frames.data:
            self._hashes.append(digest(memoryview(row)[FRAME_HEADER_SIZE:]))
        numbers = batch.frames.pgno.tolist()
        first = len(self._pages)
        self._pages += numbers
        commits = np.flatnonzero(batch.frames.commit)
        self._commits += [first + int(at) for at in commits]
        self._size = int(batch.frames.commit[commits[-1]]) if len(commits) else self._size
        for at in np.flatnonzero(batch.frames.pgno == 1):
            page = batch.frames.data[at, FRAME_HEADER_SIZE:]
            self._counters.append(_COUNTER.unpack_from(page.tobytes(), 24)[0])

    def look(self, pages: npt.NDArray[np.uint32]) -> None:
        """Hash the snapshot's pages that are about to be overwritten for the first time."""
        wanted = set(self._pages)
        for number in pages.tolist():
            if number in self._snapshot or number not in wanted:
                continue
            page = os.pread(self.fd, self.page_size, (number - 1) * self.page_size)
            whole = len(page) == self.page_size
            self._snapshot[number] = xxhash.xxh3_64_intdigest(page) if whole else _ABSENT
            if number == 1 and whole:
                self._snapshot_counter = _COUNTER.unpack_from(page, 24)[0]

    def save(self, path: Path) -> None:
        """Keep what the snapshot held, so that a restore that is taken up again still knows it."""
        lines = [f"{page} {value}\n" for page, value in self._snapshot.items()]
        path.write_text(f"{self._snapshot_counter} {self.held_pages}\n" + "".join(lines))

    def load(self, path: Path) -> None:
        """Take up what an earlier attempt saved."""
        head, *lines = path.read_text().splitlines()
        counter, size = head.split()
        self._snapshot_counter = None if counter == "None" else int(counter)
        self.held_pages = int(size)
        self._snapshot = {int(page): int(value) for page, value in (line.split() for line in lines)}

    def carries(self, batch: Batch) -> bool:
        """Tell whether the snapshot held an image that only `batch`, beyond the target, has."""
        known = set(zip(self._pages, self._hashes, strict=True))
        digest = xxhash.xxh3_64_intdigest
        for number, row in zip(batch.frames.pgno.tolist(), batch.frames.data, strict=True):
            image = digest(memoryview(row)[FRAME_HEADER_SIZE:])
            if self._snapshot_hash(number) == image and (number, image) not in known:
                return True
        return False

    def verdict(self) -> Verdict:
        """Judge from everything seen; frames behind the last commit count for nothing."""
        committed = self._commits[-1] + 1 if self._commits else 0
        if not committed:
            return "same"
        pages, hashes = self._pages[:committed], self._hashes[:committed]
        if len({page for page in pages if page <= self._size}) == self._size:
            return "covered"
        highest = max(self._counters, default=None)
        if _less(self._snapshot_counter, highest):
            return "before"
        if _less(highest, self._snapshot_counter):
            return "later"
        newest = {page: image for page, image in zip(pages, hashes, strict=True) if page <= self._size}
        changed = any(self._snapshot.get(page) != image for page, image in newest.items())
        if not changed and self.held_pages == self._size:
            return "same"
        return "unknown" if self._explained(pages, hashes) else "later"

    def _snapshot_hash(self, number: int) -> int:
        if number not in self._snapshot:
            self.look(np.array([number], dtype=np.uint32))
        return self._snapshot.get(number, _ABSENT)

    def _explained(self, pages: list[int], hashes: list[int]) -> bool:
        """Tell whether the snapshot may have been taken at one of the commits, or before them all."""
        ends = {at + 1 for at in self._commits}
        newest: dict[int, int] = {}
        wrong: set[int] = set()
        fits = {0}
        lowest = 0
        for at, (page, image) in enumerate(zip(pages, hashes, strict=True), start=1):
            held = self._snapshot.get(page, _ABSENT)
            # A match alone says little, since a page can be written again as it was; a match with
            # something that this WAL made of the page says that the snapshot is not older.
            if image == held and newest.get(page, held) != held:
                lowest = at
            newest[page] = image
            if image == held:
                wrong.discard(page)
            else:
                wrong.add(page)
            if at in ends and not wrong:
                fits.add(at)
        return max(fits) >= lowest


def _less(left: int | None, right: int | None) -> bool:
    return left is not None and right is not None and left < right
