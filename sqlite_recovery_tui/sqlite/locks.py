"""SQLite's own locks on a database file, taken without SQLite: those of a writer with a rollback journal.

A lock is a range of bytes behind the first GiB of the file (SQLite, os_unix.c): readers hold one on SHARED,
a writer on RESERVED while it prepares, then on PENDING, which keeps new readers out, and on all of SHARED.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct

PENDING = 0x40000000
RESERVED = PENDING + 1
SHARED = PENDING + 2
SHARED_SIZE = 510
_BUSY = (errno.EAGAIN, errno.EACCES)
_OFD_SETLK: int | None = getattr(fcntl, "F_OFD_SETLK", None)
_KINDS = {fcntl.LOCK_SH: fcntl.F_RDLCK, fcntl.LOCK_EX: fcntl.F_WRLCK, fcntl.LOCK_UN: fcntl.F_UNLCK}


class FileLocks:
    """The locks that are held through one descriptor; nothing here ever waits.

    Where the system has them these are locks of the open file (Linux): unlike locks of the process they
    survive that somebody else in it opens and closes the same file, and they also keep out SQLite in
    this process. Elsewhere no other descriptor of the file may be closed while a lock is held.
    """

    def __init__(self, fd: int) -> None:
        """Take locks through `fd`, which is open for reading and writing."""
        self._fd = fd

    def share(self) -> bool:
        """Lock as a reader does; False while somebody writes or is about to."""
        if not self._set(fcntl.LOCK_SH, PENDING, 1):
            return False
        got = self._set(fcntl.LOCK_SH, SHARED, SHARED_SIZE)
        self._set(fcntl.LOCK_UN, PENDING, 1)
        return got

    def reserve(self) -> bool:
        """Keep other writers out, while readers come and go; False when there is one already."""
        return self._set(fcntl.LOCK_EX, RESERVED, 1)

    def hold_off(self) -> bool:
        """Keep new readers out, while those that are in go on."""
        return self._set(fcntl.LOCK_EX, PENDING, 1)

    def let_in(self) -> None:
        """Allow new readers again."""
        self._set(fcntl.LOCK_UN, PENDING, 1)

    def exclude(self) -> bool:
        """Lock as the only one, held off new readers; False while a reader is in."""
        return self._set(fcntl.LOCK_EX, SHARED, SHARED_SIZE)

    def release(self) -> None:
        """Let go of every lock."""
        self._set(fcntl.LOCK_UN, PENDING, SHARED + SHARED_SIZE - PENDING)

    def _set(self, kind: int, start: int, length: int) -> bool:
        try:
            if _OFD_SETLK is None:
                flags = kind if kind == fcntl.LOCK_UN else kind | fcntl.LOCK_NB
                fcntl.lockf(self._fd, flags, length, start, os.SEEK_SET)
            else:
                request = struct.pack("@hhqqi0q", _KINDS[kind], os.SEEK_SET, start, length, 0)
                fcntl.fcntl(self._fd, _OFD_SETLK, request)
        except OSError as error:
            if error.errno in _BUSY:
                return False
            raise
        return True
