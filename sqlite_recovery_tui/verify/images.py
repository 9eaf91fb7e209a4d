"""Database files that chains are replayed into, and how two of them are compared page by page."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xxhash

from sqlite_recovery_tui.domain import Snapshot
from sqlite_recovery_tui.errors import FormatError
from sqlite_recovery_tui.formats import header as database_header
from sqlite_recovery_tui.formats.wal import FRAME_HEADER_SIZE
from sqlite_recovery_tui.replica.chain import Batch
from sqlite_recovery_tui.replica.fit import CheckpointFit
from sqlite_recovery_tui.restore.fetch import Fetcher
from sqlite_recovery_tui.restore.image import Checkpoint, ImageWriter, IrregularFrame

_COMPARE_BYTES = 4 << 20


@dataclass
class Image:
    """A decoded snapshot, and what was laid over it since."""

    path: Path
    page_size: int
    snapshot: Snapshot
    counter: int
    """Page 1's change counter in the snapshot."""
    pages: int
    """Size of the snapshot."""

    def remove(self) -> None:
        """Delete the file."""
        self.path.unlink()


def load(fetcher: Fetcher, snapshot: Snapshot, path: Path) -> Image:
    """Decode `snapshot` into the new file `path`; raise `FormatError`, and leave nothing then."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        size = _write(fetcher, fd, snapshot).plain
        parsed = database_header.parse(os.pread(fd, database_header.SIZE, 0))
        if size % parsed.page_size:
            raise FormatError(f"its {size} bytes are not a whole number of {parsed.page_size}-byte pages")
    except FormatError:
        path.unlink()
        raise
    finally:
        os.close(fd)
    return Image(path, parsed.page_size, snapshot, parsed.change_counter, size // parsed.page_size)


def differing(left: Image, right: Image) -> set[int]:
    """Return the numbers of the pages in which two images differ; a missing page differs."""
    size = right.page_size
    wrong: set[int] = set()
    step = _COMPARE_BYTES - _COMPARE_BYTES % size
    with left.path.open("rb", buffering=0) as first, right.path.open("rb", buffering=0) as second:
        start = 0
        while True:
            one, two = first.read(step), second.read(step)
            if not one and not two:
                return wrong
            if one != two:
                wrong |= {start + number for number in _unequal_pages(one, two, size)}
            start += step // size


class Mark:
    """Follow a snapshot's own WAL until it explains the pages in `wrong`, in which the snapshot differs
    from the state in front of that WAL."""

    def __init__(self, found: Image, wrong: set[int]) -> None:
        """Look into the snapshot `found`."""
        self._fd = os.open(found.path, os.O_RDONLY)
        self._page_size = found.page_size
        self._pages = os.fstat(self._fd).st_size // found.page_size
        self._wrong = wrong
        self._hashes: dict[int, int] = {}
        self._fit = CheckpointFit(self._held)

    def reached_by(self, batch: Batch) -> bool:
        """Tell whether a checkpoint that saw some commit in `batch` leaves just these differences."""
        for number, commit, row in zip(
            batch.frames.pgno.tolist(), batch.frames.commit.tolist(), batch.frames.data, strict=True
        ):
            self._fit.add(number, xxhash.xxh3_64_intdigest(memoryview(row)[FRAME_HEADER_SIZE:]))
            if commit and self._explained(self._fit.commit(commit), commit):
                return True
        return False

    def close(self) -> None:
        """Close the image."""
        os.close(self._fd)

    def _explained(self, mark: int, size: int) -> bool:
        found = self._fit.witnesses
        return all(
            found.get(page, mark + 1) <= mark for page in self._wrong if page <= max(size, self._pages)
        )

    def _held(self, number: int) -> int:
        if number not in self._hashes:
            page = os.pread(self._fd, self._page_size, (number - 1) * self._page_size)
            self._hashes[number] = xxhash.xxh3_64_intdigest(page)
        return self._hashes[number]


def _write(fetcher: Fetcher, fd: int, snapshot: Snapshot) -> Checkpoint:
    writer = ImageWriter(fd, fetcher.cancel, _ignore_bytes, _ignore_head, _ignore_checkpoint)
    try:
        return writer.write(fetcher.snapshot(snapshot))
    except IrregularFrame:
        return writer.write_in_sequence(fetcher.snapshot(snapshot))


def _unequal_pages(one: bytes, two: bytes, size: int) -> list[int]:
    """Return the 1-based numbers of the pages that differ between two stretches."""
    common = min(len(one), len(two)) // size
    left = np.frombuffer(one, dtype=np.uint8, count=common * size).reshape(common, size)
    right = np.frombuffer(two, dtype=np.uint8, count=common * size).reshape(common, size)
    unequal = (np.flatnonzero((left != right).any(axis=1)) + 1).tolist()
    return [*unequal, *range(common + 1, max(len(one), len(two)) // size + 1)]


def _ignore_bytes(_read: int, _written: int) -> None:
    return


def _ignore_head(_head: bytes) -> None:
    return


def _ignore_checkpoint(_checkpoint: Checkpoint) -> None:
    return
