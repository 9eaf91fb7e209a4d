"""How far into its own WAL a snapshot reaches, judged from the pages that this WAL rewrites.

A snapshot may hold pages of its WAL up to some commit, its *mark*. Frames laid over a snapshot whose mark
lies behind them would put older pages over newer ones: a torn restore, which no check of the result
finds. A snapshot by itself is torn when it was taken in the middle of a checkpoint.
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
from sqlite_recovery_tui.replica.fit import CheckpointFit
from sqlite_recovery_tui.restore.work import replace_text

Verdict = Literal["fine", "same", "unknown", "later"]
"""fine: the snapshot does not reach beyond the target, or what it holds does not matter; same: it is the
target, as far as can be seen; later: it reaches beyond, or may and nothing says that it does not."""

_ABSENT = -1
_LOCK_BYTE = 0x40000000  # the page that holds it is never written
_COUNTER = struct.Struct(">I")
_COUNTER_AT, _AUTO_VACUUM_AT = 24, 52


@dataclass
class SnapshotMark:
    """Collect what the frames of the base's WAL say, and what the snapshot held in their places.

    Give it every batch of that WAL (`see`), let it look at the snapshot's pages before any of them is
    overwritten (`look`), and ask for the `quick_verdict`. Without one, give it the frames behind the
    target (`see_beyond`) and ask for the `verdict`.
    """

    fd: int
    page_size: int
    index: int
    held_pages: int
    """Size of the snapshot, in pages."""
    _pages: list[int] = field(default_factory=list)
    _hashes: list[int] = field(default_factory=list)
    _ends: list[int] = field(default_factory=list)
    """After how many frames each commit ends."""
    _sizes: list[int] = field(default_factory=list)
    """Size of the database after each commit, in pages."""
    _target: int = -1
    """After how many frames the target is reached; -1: those seen so far."""
    _counters: list[int] = field(default_factory=list)
    _snapshot: dict[int, int] = field(default_factory=dict)
    _snapshot_counter: int | None = None
    _shrinks: bool = False
    """Whether auto_vacuum may have made the database smaller."""

    def see(self, batch: Batch) -> None:
        """Remember the committed and open frames of the base's WAL."""
        if batch.index != self.index:
            return
        digest = xxhash.xxh3_64_intdigest
        for row in batch.frames.data:
            self._hashes.append(digest(memoryview(row)[FRAME_HEADER_SIZE:]))
        first = len(self._pages)
        self._pages += batch.frames.pgno.tolist()
        commits = np.flatnonzero(batch.frames.commit)
        self._ends += [first + int(at) + 1 for at in commits]
        self._sizes += batch.frames.commit[commits].tolist()
        for at in np.flatnonzero(batch.frames.pgno == 1):
            page = batch.frames.data[at, FRAME_HEADER_SIZE:]
            self._counters.append(_COUNTER.unpack_from(page.tobytes(), _COUNTER_AT)[0])

    def see_beyond(self, batch: Batch) -> None:
        """Remember frames that lie behind the target: the snapshot may hold them."""
        if self._target < 0:
            self._target = self._committed
        self.see(batch)

    def look(self, pages: npt.NDArray[np.uint32]) -> None:
        """Hash the snapshot's pages that are about to be overwritten for the first time."""
        for number in set(self._pages).intersection(pages.tolist()):
            self._held(number)

    def save(self, path: Path) -> None:
        """Keep what the snapshot held, so that a restore that is taken up again still knows it."""
        lines = [f"{page} {value}\n" for page, value in self._snapshot.items()]
        head = f"{self._snapshot_counter} {self._shrinks:d} {self.held_pages}\n"
        replace_text(path, head + "".join(lines))

    def load(self, path: Path) -> None:
        """Take up what an earlier attempt saved."""
        head, *lines = path.read_text().splitlines()
        counter, shrinks, size = head.split()
        self._snapshot_counter = None if counter == "None" else int(counter)
        self._shrinks, self.held_pages = shrinks == "1", int(size)
        self._snapshot = {int(page): int(value) for page, value in (line.split() for line in lines)}

    def quick_verdict(self) -> Verdict | None:
        """Judge from page numbers and from page 1's change counter alone; None when these do not tell."""
        size = self._sizes[-1] if self._sizes else 0
        written = {page for page in self._pages[: self._committed] if page <= size}
        if self._sizes and len(written) == size:
            return "fine"  # the frames rewrite every page
        missing = set(range(self.held_pages + 1, size + 1)) - written - {_LOCK_BYTE // self.page_size + 1}
        if missing:
            return "later"  # a later commit made the database smaller, and they were cut off
        self._held(1)
        highest = max(self._counters, default=None)
        return "later" if _less(highest, self._snapshot_counter) else None

    def verdict(self, *, complete: bool) -> Verdict:
        """Judge from the pages; `complete`: the frames seen reach as far as the snapshot can."""
        target = self._target if self._target >= 0 else self._committed
        fit = CheckpointFit(self._held)
        sizes = dict(zip(self._ends, self._sizes, strict=True))
        best, whole = 0, []
        for at, (page, image) in enumerate(zip(self._pages, self._hashes, strict=True), start=1):
            fit.add(page, image)
            if at in sizes:
                best = max(best, fit.commit(sizes[at]))
                if fit.is_whole(sizes[at]):
                    whole.append(at)
        before = set(self._pages[:target])
        beyond = [at for page, at in fit.witnesses.items() if page not in before]
        surely = [at for page, at in fit.changed.items() if page not in before and page != 1]
        if not target and any(at >= max(beyond, default=0) for at in whole):
            return "same"  # a commit behind the snapshot's own position, and all of it
        reach = best if complete else fit.frames  # frames that are not known may fit anything
        if surely and reach >= min(surely) and target:
            return "later"
        if complete or not target:
            # One match says little, since a page can be written again as it was.
            return "unknown" if beyond and reach >= min(beyond) else "fine"
        grown = self.held_pages > max(self._sizes, default=self.held_pages) and not self._shrinks
        if grown or self._holds_more_than(best):
            return "later"
        return "same" if target in whole and self.held_pages == sizes[target] else "unknown"

    @property
    def _committed(self) -> int:
        return self._ends[-1] if self._ends else 0

    def _held(self, number: int) -> int:
        """Return the hash of what the snapshot held as page `number`, which is not yet overwritten."""
        if number in self._snapshot:
            return self._snapshot[number]
        page = os.pread(self.fd, self.page_size, (number - 1) * self.page_size)
        there = number <= self.held_pages and len(page) == self.page_size
        if number == 1 and there:
            self._snapshot_counter = _COUNTER.unpack_from(page, _COUNTER_AT)[0]
            self._shrinks = _COUNTER.unpack_from(page, _AUTO_VACUUM_AT)[0] != 0
        self._snapshot[number] = xxhash.xxh3_64_intdigest(page) if there else _ABSENT
        return self._snapshot[number]

    def _holds_more_than(self, fits: int) -> bool:
        """Tell whether the snapshot holds most of what became of pages behind the frame `fits`.

        One match says little, since a page can be written again as it was. Most pages that changed
        more than once are not what they were before.
        """
        first: dict[int, int] = {}
        newest: dict[int, int] = {}
        for page, image in zip(self._pages[fits : self._committed], self._hashes[fits:], strict=False):
            first.setdefault(page, image)
            newest[page] = image
        changed = [page for page, image in newest.items() if page != 1 and first[page] != image]
        held = [page for page in changed if self._held(page) == newest[page]]
        return 2 * len(held) > len(changed)


def _less(left: int | None, right: int | None) -> bool:
    return left is not None and right is not None and left < right
