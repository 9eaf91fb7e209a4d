"""Which databases moved: woken by the system where it can, looked at now and then where it cannot.

Three calls of the C library are all that inotify needs, so no package is asked for them. A log is watched
for one change at a time: nothing is paid for a database that is known to be busy.
"""

from __future__ import annotations

import ctypes
import errno
import os
import select
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_MODIFY, _ATTRIB = 0x2, 0x4
_MOVED_FROM, _MOVED_TO, _CREATE, _DELETE = 0x40, 0x80, 0x100, 0x200
_DELETE_SELF, _MOVE_SELF = 0x400, 0x800
_ONCE, _FOLDERS_ONLY = 0x80000000, 0x01000000
_OVERFLOW, _GONE = 0x4000, 0x8000
_NAMES = _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE | _DELETE_SELF | _MOVE_SELF | _FOLDERS_ONLY
_HEAD = struct.Struct("iIII")
_READ_BYTES = 1 << 16
SIDECARS = ("", "-wal", "-shm")


class Watch:
    """The databases somebody waits for, by path. `arm` and `disarm` may be called from any thread."""

    def __init__(self, *, notify: bool = True) -> None:
        """Ask the system for news, unless not to `notify`; where it has none to give, `arm` says so."""
        self._fd = _inotify() if notify else -1
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)
        os.set_blocking(self._wake_read, False)
        self._logs: dict[int, Path] = {}
        self._folders: dict[Path, int] = {}
        self._names: dict[int, dict[bytes, Path]] = {}
        self._closed = False

    def add(self, database: Path) -> bool:
        """Have files that come, go or are exchanged under a database's names reported from now on.

        Return False where the system cannot tell: the caller has to look now and then.
        """
        folder = database.parent
        descriptor = self._folders.get(folder)
        if descriptor is None:
            descriptor = self._watch(folder, _NAMES)
            if descriptor < 0:
                return False
            self._folders[folder] = descriptor
        names = self._names.setdefault(descriptor, {})
        names |= {os.fsencode(database.name + suffix): database for suffix in SIDECARS}
        return True

    def arm(self, database: Path) -> bool:
        """Report the next write to the database's log, once; return False where the system cannot tell."""
        descriptor = self._watch(Path(f"{database}-wal"), _MODIFY | _ATTRIB | _ONCE)
        if descriptor < 0:
            return False
        self._logs[descriptor] = database
        return True

    def wait(self, seconds: float | None) -> set[Path]:
        """Wait for news, for `wake`, or at most for `seconds`; return the databases that may have moved."""
        watched = [self._wake_read] if self._fd < 0 else [self._wake_read, self._fd]
        ready, _, _ = select.select(watched, [], [], seconds)
        if self._wake_read in ready:
            with suppress(BlockingIOError):
                os.read(self._wake_read, _READ_BYTES)
        return set(self._news()) if self._fd in ready else set()

    def wake(self) -> None:
        """Let `wait` return."""
        if not self._closed:
            with suppress(BlockingIOError):  # full: it returns anyway
                os.write(self._wake_write, b"!")

    def close(self) -> None:
        """Watch nothing any more."""
        self._closed = True
        for fd in (self._fd, self._wake_read, self._wake_write):
            if fd >= 0:
                os.close(fd)

    def _watch(self, path: Path, mask: int) -> int:
        if self._fd < 0:
            return -1
        return int(_LIBC.inotify_add_watch(self._fd, os.fsencode(path), ctypes.c_uint32(mask)))

    def _news(self) -> Iterator[Path]:
        with suppress(BlockingIOError):
            data = os.read(self._fd, _READ_BYTES)
            start = 0
            while start < len(data):
                descriptor, mask, _, length = _HEAD.unpack_from(data, start)
                name = data[start + _HEAD.size : start + _HEAD.size + length].rstrip(b"\0")
                start += _HEAD.size + length
                yield from self._meant(descriptor, mask, name)

    def _meant(self, descriptor: int, mask: int, name: bytes) -> Iterator[Path]:
        """Yield the databases that one event is about."""
        if mask & _OVERFLOW:
            yield from [path for names in list(self._names.values()) for path in names.values()]
            yield from list(self._logs.values())
        elif descriptor in self._names:
            names = self._names[descriptor]
            if mask & (_GONE | _DELETE_SELF | _MOVE_SELF):
                yield from list(names.values())
            if mask & (_GONE | _MOVE_SELF):
                self._forget_folder(descriptor)
            elif name in names:
                yield names[name]
        elif mask & _GONE:
            self._logs.pop(descriptor, None)
        elif descriptor in self._logs:
            yield self._logs[descriptor]

    def _forget_folder(self, descriptor: int) -> None:
        self._names.pop(descriptor, None)
        self._folders = {path: number for path, number in self._folders.items() if number != descriptor}


def _inotify() -> int:
    """Return a descriptor of the system's notifications, -1 where there are none."""
    try:
        fd = int(_LIBC.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
    except AttributeError:  # not Linux
        return -1
    if fd < 0 and ctypes.get_errno() not in (errno.EMFILE, errno.ENFILE, errno.ENOSYS, errno.ENOMEM):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return fd


_LIBC = ctypes.CDLL(None, use_errno=True)
