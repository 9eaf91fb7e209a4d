"""Decoded bytes, kept to be looked at again and again: a few in memory, many in a file without a name."""

from __future__ import annotations

import mmap
import tempfile
from pathlib import Path
from typing import IO

MEMORY_BYTES = 16 << 20
"""What is held in memory; the pages of a file go when they are needed elsewhere."""
KEPT_BYTES = 2 << 30
"""What is kept at most; of more only the beginning."""


class Spool:
    """Take pieces in order, and give them back as one view. What nobody looks at any more is gone."""

    def __init__(self, folder: Path | None = None, *, most: int = KEPT_BYTES) -> None:
        """Keep up to `most` bytes, large amounts in `folder` (default: the system's place for such)."""
        self._folder = folder
        self._most = most
        self._pieces: list[bytes] = []
        self._file: IO[bytes] | None = None
        self.kept = 0
        self.seen = 0
        """Bytes that were given, kept or not."""

    def add(self, piece: bytes) -> None:
        """Take the next piece; what there is no room for is only counted."""
        self.seen += len(piece)
        if self.kept + len(piece) < self.seen or self.kept + len(piece) > self._most:
            return
        try:
            self._keep(piece)
        except OSError:
            self._most = 0  # the disk is full: what was kept so far is what there is
            return
        self.kept += len(piece)

    def _keep(self, piece: bytes) -> None:
        if self._file is None and self.kept + len(piece) <= MEMORY_BYTES:
            self._pieces.append(piece)
            return
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 (mapped below)
            self._file.writelines(self._pieces)
            self._pieces.clear()
        self._file.write(piece)
        self._file.flush()

    def view(self) -> memoryview:
        """Return all that was kept."""
        if self._file is None:
            return memoryview(self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces))
        with self._file as file:
            mapped = mmap.mmap(file.fileno(), self.kept, access=mmap.ACCESS_READ)
        return memoryview(mapped)
