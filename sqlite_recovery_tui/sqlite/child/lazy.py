"""A database whose pages are brought when SQLite reads them: a VFS over a file with holes.

SQLite must ask for every page by `xRead`, so no part of the file may be mapped into memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import apsw

from sqlite_recovery_tui.sqlite.connect import open_untrusted_through
from sqlite_recovery_tui.sqlite.guard import Guard
from sqlite_recovery_tui.sqlite.lazy.sparse import SparseReader

_FEWEST_WHOLE_BYTES = 4096


class LazyFile:
    """A sparse file, and somebody to ask for the pages that are not in it yet."""

    def __init__(self, descriptor: int, page_size: int, pages: int, ask: Callable[[int, int], None]) -> None:
        """Read from `descriptor`; `ask(first, count)` returns once these pages are there, or raises."""
        self.size_bytes = page_size * pages
        # A value in the page at hand is cheap; each page beyond may be a round trip.
        self.whole_bytes = max(page_size, _FEWEST_WHOLE_BYTES)
        self._page_size = page_size
        self._sparse = SparseReader(descriptor, page_size, pages)
        self._ask = ask
        self._system = _System(self)

    def read(self, offset: int, size: int) -> bytes:
        size = min(size, self.size_bytes - offset)
        if size <= 0:
            return b""
        first, last = offset // self._page_size + 1, (offset + size - 1) // self._page_size + 1
        for page in range(first, last + 1):
            if not self._sparse.has(page):
                self._ask(page, last - page + 1)
        return self._sparse.read(offset, size)

    def connect(self, guard: Guard, cache_bytes: int) -> apsw.Connection:
        return open_untrusted_through(self._system.name, guard=guard, cache_bytes=cache_bytes)

    def changed(self) -> bool:
        return False


class _System(apsw.VFS):
    """The file system SQLite sees: one database that cannot be written, and nothing beside it."""

    def __init__(self, file: LazyFile) -> None:
        self.name = "sqlrecover-lazy"
        self._file = file
        super().__init__(self.name, "")

    def xOpen(self, name: Any, flags: list[int]) -> Any:  # noqa: ARG002, N802  # SQLite's name for it
        if not flags[0] & apsw.SQLITE_OPEN_MAIN_DB:
            raise apsw.CantOpenError("only the database itself can be opened")
        flags[1] = apsw.SQLITE_OPEN_READONLY
        return _Handle(self._file)

    def xAccess(self, pathname: str, flags: int) -> bool:  # noqa: ARG002, N802
        return False

    def xFullPathname(self, name: str) -> str:  # noqa: N802
        return name

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: ARG002, N802
        raise apsw.ReadOnlyError("nothing can be deleted")


class _Handle:
    """One opening of the database, with the methods of `apsw.VFSFile` that a read-only file needs."""

    def __init__(self, file: LazyFile) -> None:
        self._file = file

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        return self._file.read(offset, amount)

    def xFileSize(self) -> int:  # noqa: N802
        return self._file.size_bytes

    def xDeviceCharacteristics(self) -> int:  # noqa: N802
        return apsw.SQLITE_IOCAP_IMMUTABLE

    def xSectorSize(self) -> int:  # noqa: N802
        return 4096

    def xFileControl(self, op: int, ptr: int) -> bool:  # noqa: ARG002, N802
        return False

    def xCheckReservedLock(self) -> bool:  # noqa: N802
        return False

    def xLock(self, level: int) -> None:  # noqa: N802
        pass

    def xUnlock(self, level: int) -> None:  # noqa: N802
        pass

    def xClose(self) -> None:  # noqa: N802
        pass
