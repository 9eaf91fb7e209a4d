"""A file that has the size of a database and only some of its pages; it has no name and ends with its owner.

Behind the last page lies a map with one bit for each page that is there: set only after the page is written.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from sqlite_recovery_tui.errors import RefusedError
from sqlite_recovery_tui.sqlite.lazy.source import lock_page


class SparseFile:
    """The writing end; `reader` is a descriptor that only reads, for the process that looks at the pages."""

    def __init__(self, directory: Path, page_size: int, pages: int) -> None:
        """Make the file in `directory`. Raises `RefusedError` when that does not take it."""
        self.page_size = page_size
        self.pages = pages
        self._directory = directory
        self._map = bytearray((pages >> 3) + 1)
        self._map_offset = pages * page_size
        try:
            self._writer, name = tempfile.mkstemp(prefix=".sqlrecover-", dir=directory)
            try:
                self.reader = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            finally:
                Path(name).unlink()
            os.ftruncate(self._writer, self._map_offset + len(self._map))
            self._mark(lock_page(page_size), 1)
        except OSError as error:
            self.close()
            raise self._refused(error) from None

    def has(self, page: int) -> bool:
        """Tell whether a page is there."""
        return bool(self._map[page >> 3] >> (page & 7) & 1)

    def write(self, first: int, data: bytes) -> None:
        """Write consecutive pages from page `first` on. Raises `RefusedError` when there is no room."""
        offset = (first - 1) * self.page_size
        try:
            _write(self._writer, data, offset)
            self._mark(first, len(data) // self.page_size)
        except OSError as error:
            raise self._refused(error) from None

    def close(self) -> None:
        """Give the file's space back."""
        for name in ("_writer", "reader"):
            descriptor = self.__dict__.pop(name, None)
            if descriptor is not None:
                with suppress(OSError):
                    os.close(descriptor)

    def _mark(self, first: int, count: int) -> None:
        last = min(first + count - 1, self.pages)
        for page in range(first, last + 1):
            self._map[page >> 3] |= 1 << (page & 7)
        if first <= last:
            begin, end = first >> 3, (last >> 3) + 1
            _write(self._writer, self._map[begin:end], self._map_offset + begin)

    def _refused(self, error: OSError) -> RefusedError:
        return RefusedError(
            f"cannot keep pages in the scratch directory {self._directory}: {error.strerror}",
            object=str(self._directory),
            hint="Give it more room, or choose another with scratch-dir.",
        )


class SparseReader:
    """The reading end of a `SparseFile`, from nothing but a descriptor and the two sizes."""

    def __init__(self, descriptor: int, page_size: int, pages: int) -> None:
        self._descriptor = descriptor
        self._map_offset = pages * page_size

    def has(self, page: int) -> bool:
        """Tell whether a page is there by now."""
        (bits,) = os.pread(self._descriptor, 1, self._map_offset + (page >> 3))
        return bool(bits >> (page & 7) & 1)

    def read(self, offset: int, size: int) -> bytes:
        """Return bytes of pages that are there."""
        return os.pread(self._descriptor, size, offset)


def _write(descriptor: int, data: bytes | bytearray, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written
