"""The new file, complete and durable beside the database it is to replace, with that one's mode and owner."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

from sqlite_recovery_tui.durable import NEW, fsync_folder
from sqlite_recovery_tui.errors import RecoverError, RefusedError
from sqlite_recovery_tui.formats import wal, wal_write
from sqlite_recovery_tui.progress import CancelToken, Progress, ProgressFn
from sqlite_recovery_tui.promote.beside import Beside
from sqlite_recovery_tui.promote.facts import Incoming

_COPY_BYTES = 32 << 20
_VERSIONS = 18
"""Where page 1 says how the database is journalled: two bytes, 2 for a write-ahead log (file format, 1.3)."""


def stage_copy(
    new: Incoming, beside: Beside, *, as_wal: bool, progress: ProgressFn, cancel: CancelToken
) -> int:
    """Copy the new database to its staging name; return the inode. Raises `RecoverError`, `Cancelled`."""

    def write(fd: int) -> None:
        _copy(new, fd, progress, cancel)
        os.pwrite(fd, b"\2\2" if as_wal else b"\1\1", _VERSIONS)

    return _staged(beside, write)


def stage_wal(new: Incoming, beside: Beside, *, progress: ProgressFn, cancel: CancelToken) -> int:
    """Write a log that holds the whole new database as one transaction to the staging name; return the inode.

    Raises `RecoverError`, `Cancelled`.
    """
    return _staged(beside, lambda fd: _write_wal(new, fd, progress, cancel))


def _staged(beside: Beside, write: Callable[[int], None]) -> int:
    """Have the staged file written, durably, with the owner and mode of the database; return its inode."""
    beside.staged.unlink(missing_ok=True)
    try:
        fd = os.open(beside.staged, NEW, 0o600)
        try:
            write(fd)
            _take_identity(beside.real, fd)
            os.fsync(fd)
            inode = os.fstat(fd).st_ino
        finally:
            os.close(fd)
    except OSError as error:
        beside.staged.unlink(missing_ok=True)
        raise _failed(beside, error) from None
    except BaseException:
        beside.staged.unlink(missing_ok=True)
        raise
    fsync_folder(beside.folder)
    return inode


def _copy(new: Incoming, fd: int, progress: ProgressFn, cancel: CancelToken) -> None:
    came = os.open(new.path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        done = 0
        while done < new.size:
            cancel.check()
            count = _some(came, fd, done, new.size - done)
            if not count:
                raise RecoverError(f"{new.path} became shorter while it was copied", object=str(new.path))
            done += count
            progress(Progress("staging", done, new.size, "bytes"))
    finally:
        os.close(came)


def _some(came: int, went: int, offset: int, left: int) -> int:
    try:
        return os.copy_file_range(came, went, min(left, _COPY_BYTES), offset, offset)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL):
            raise
    data = os.pread(came, min(left, _COPY_BYTES), offset)
    view, at = memoryview(data), offset
    while view:
        count = os.pwrite(went, view, at)
        view, at = view[count:], at + count
    return len(data)


def _write_wal(new: Incoming, fd: int, progress: ProgressFn, cancel: CancelToken) -> None:
    salts = np.frombuffer(os.urandom(8), dtype=np.uint32)
    header, first_bytes = wal_write.new_header(new.page_size, int(salts[0]), int(salts[1]))
    checksum: wal.Checksum = header.checksum
    at = _write_all(fd, first_bytes, 0)
    pages_at_once = max(1, _COPY_BYTES // new.page_size)
    with new.path.open("rb") as file:
        for first in range(1, new.pages + 1, pages_at_once):
            cancel.check()
            count = min(pages_at_once, new.pages + 1 - first)
            pages = np.frombuffer(file.read(count * new.page_size), dtype=np.uint8).copy()
            if len(pages) < count * new.page_size:
                raise RecoverError(f"{new.path} became shorter while it was copied", object=str(new.path))
            if first == 1:
                pages[_VERSIONS : _VERSIONS + 2] = 2
            commit = new.pages if first + count > new.pages else 0
            rows, checksum = wal_write.frames(
                header, first, pages.reshape(count, -1), checksum, commit=commit
            )
            at = _write_all(fd, rows.tobytes(), at)
            progress(Progress("staging", (first + count - 1) * new.page_size, new.size, "bytes"))


def _write_all(fd: int, data: bytes, at: int) -> int:
    view = memoryview(data)
    while view:
        count = os.pwrite(fd, view, at)
        view, at = view[count:], at + count
    return at


def _take_identity(old: Path, fd: int) -> None:
    """Carry owner, mode and extended attributes of the database over to the new file."""
    try:
        status = old.stat()
    except FileNotFoundError:
        return
    ours = os.fstat(fd)
    if (status.st_uid, status.st_gid) != (ours.st_uid, ours.st_gid):
        try:
            os.fchown(fd, status.st_uid, status.st_gid)
        except PermissionError:
            raise RefusedError(
                f"cannot give the new file the owner of {old} ({status.st_uid}:{status.st_gid})",
                object=str(old),
                hint="run as that user or as root, or use --mode online",
            ) from None
    os.fchmod(fd, status.st_mode & 0o7777)
    for name in _attributes(old):
        with suppress(OSError):  # some belong to the system, which sets them itself
            os.setxattr(fd, name, os.getxattr(old, name))


def _attributes(path: Path) -> list[str]:
    try:
        return os.listxattr(path)
    except (OSError, AttributeError):
        return []


def _failed(beside: Beside, error: OSError) -> RecoverError:
    return RecoverError(
        f"cannot stage the new file beside {beside.real}: {error.strerror}",
        object=str(beside.folder),
        hint="nothing was replaced; look at the permissions and the free space there",
    )
