"""The one descriptor of a copy's file: that its name still means it, and what its first page says."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlite_recovery_tui.errors import FormatError, NotFoundError, RefusedError
from sqlite_recovery_tui.formats import header
from sqlite_recovery_tui.restore.live import faults
from sqlite_recovery_tui.restore.live.first_page import ROLLBACK_MODE, VERSIONS
from sqlite_recovery_tui.restore.live.update import Layout


@dataclass(frozen=True, slots=True)
class Content:
    """Page 1 and the layout of a database file."""

    first: bytes
    layout: Layout

    @property
    def is_in_rollback_mode(self) -> bool:
        """Whether readers open it with a rollback journal, and not with a write-ahead log."""
        return self.first[VERSIONS : VERSIONS + 2] == ROLLBACK_MODE

    @classmethod
    def read(cls, fd: int, path: Path) -> Content:
        """Read what is behind `fd`; raise `RefusedError` for what is no database."""
        size = os.fstat(fd).st_size
        try:
            page_size = header.parse(os.pread(fd, header.SIZE, 0)).page_size
            if size % page_size:
                raise FormatError(f"{size} bytes are not a whole number of {page_size}-byte pages")
        except FormatError as error:
            raise RefusedError(
                f"{path} is no database that could be brought up to date: {error}", object=str(path)
            ) from None
        return cls(os.pread(fd, page_size, 0), Layout(page_size, size // page_size))


class OpenFile:
    """A copy's file, open for as long as it is followed into."""

    def __init__(self, path: Path) -> None:
        """Open it; raise `NotFoundError`, or `RefusedError` for a link and the like."""
        self._path = path
        self._wal = Path(f"{path}-wal")
        try:
            self.fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            raise NotFoundError(f"there is no {path}", hint="restore it first") from None
        except OSError as error:
            raise RefusedError(f"cannot write to {path}: {error.strerror}", object=str(path)) from None
        try:
            self.check_name()
        except BaseException:
            self.close()
            raise

    @property
    def mode(self) -> int:
        """Who may read and write it."""
        return stat.S_IMODE(os.fstat(self.fd).st_mode) & 0o777

    def check_name(self) -> None:
        """Raise `RefusedError` unless the path is the only name of this file.

        Under another name SQLite would look for another journal, and miss ours.
        """
        ours = os.fstat(self.fd)
        if not stat.S_ISREG(ours.st_mode):
            raise RefusedError(f"{self._path} is not a regular file", object=str(self._path))
        try:
            named = os.lstat(self._path)
        except FileNotFoundError:
            raise faults.changed(self._path, "was removed") from None
        if (named.st_dev, named.st_ino) != (ours.st_dev, ours.st_ino):
            raise faults.changed(self._path, "was replaced by another file")
        if ours.st_nlink > 1:
            raise RefusedError(
                f"{self._path} has {ours.st_nlink} names; by another one readers would see half an update",
                object=str(self._path),
                hint="remove the other names (find -samefile)",
            )

    def check_wal(self) -> None:
        """Raise `CopyChanged` when a write-ahead log with something in it lies beside the copy."""
        with suppress(FileNotFoundError):
            if self._wal.stat().st_size:
                raise faults.changed(self._path, "has a write-ahead log of somebody else")

    def drop_empty_wal(self) -> None:
        """Remove an empty write-ahead log that readers left: with it, others would look for frames there.

        Only while nobody else can have the database open, who would hold a lock on it.
        """
        self._wal.unlink(missing_ok=True)
        Path(f"{self._path}-shm").unlink(missing_ok=True)

    def is_still(self, content: Content) -> bool:
        """Tell whether page 1 and the size are those of `content`; a lock is held."""
        size = os.fstat(self.fd).st_size
        return size == content.layout.size and os.pread(self.fd, len(content.first), 0) == content.first

    def close(self) -> None:
        """Close it, which ends every lock taken through it."""
        os.close(self.fd)
