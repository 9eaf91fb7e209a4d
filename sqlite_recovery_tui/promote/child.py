"""Work on a live database's bytes in a process of its own: closing a file ends all POSIX locks of a process.

    python -m sqlite_recovery_tui.promote.child copy SOURCE TARGET
    python -m sqlite_recovery_tui.promote.child compare ONE OTHER
    python -m sqlite_recovery_tui.promote.child gate DATABASE

Each prints one line of JSON; `gate` then holds its locks until stdin ends.
"""

from __future__ import annotations

import fcntl
import json
import os
import struct
import sys
from collections.abc import Callable
from typing import Any

_COPY_BYTES = 64 << 20
_READ_BYTES = 4 << 20
_MASKED = ((18, 20), (24, 28), (40, 44), (92, 100))
"""Bytes of page 1 that SQLite sets by itself: journal mode, change counter, schema cookie, last writer."""
_PENDING, _LOCKED_BYTES = 0x40000000, 512


def copy(source: str, target: str) -> dict[str, Any]:
    """Copy a file as it lies on disk, durably; the target must not exist."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    came, went = os.open(source, os.O_RDONLY), os.open(target, flags, 0o600)
    size = os.fstat(came).st_size
    copied = 0
    while copied < size:
        count = _some(came, went, min(_COPY_BYTES, size - copied))
        if not count:
            break
        copied += count
    os.fsync(went)
    return {"size": copied}


def _some(came: int, went: int, count: int) -> int:
    try:
        return os.copy_file_range(came, went, count)
    except OSError:  # another file system, or one that does not know how
        data = os.read(came, min(count, _READ_BYTES))
        view = memoryview(data)
        while view:
            view = view[os.write(went, view) :]
        return len(data)


def compare(one: str, other: str) -> dict[str, Any]:
    """Tell whether two database files are the same but for what SQLite sets by itself."""
    with open(one, "rb", buffering=0) as left, open(other, "rb", buffering=0) as right:
        if os.fstat(left.fileno()).st_size != os.fstat(right.fileno()).st_size:
            return {"equal": False, "offset": None}
        offset = 0
        while True:
            a, b = bytearray(left.read(_READ_BYTES)), bytearray(right.read(_READ_BYTES))
            if not offset:
                for start, end in _MASKED:
                    a[start:end] = b[start:end] = bytes(end - start)
            if a != b:
                at = next(i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y)
                return {"equal": False, "offset": offset + at}
            if not a:
                return {"equal": True, "offset": None}
            offset += len(a)


def gate(database: str) -> dict[str, Any]:
    """Lock out every SQLite there is, without SQLite (os_unix.c: PENDING, RESERVED and SHARED)."""
    fd = os.open(database, os.O_RDWR)
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB, _LOCKED_BYTES, _PENDING, os.SEEK_SET)
    except OSError:
        return {"locked": False, "pid": _blocker(fd)}
    return {"locked": True, "pid": None}


def _blocker(fd: int) -> int | None:
    """Return who holds a lock that is in the way, if the system tells."""
    request = struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, _PENDING, _LOCKED_BYTES, 0)
    answer = struct.unpack("hhqqi", fcntl.fcntl(fd, fcntl.F_GETLK, request))
    return answer[4] if answer[0] != fcntl.F_UNLCK and answer[4] > 0 else None


_OPERATIONS: dict[str, Callable[..., dict[str, Any]]] = {"copy": copy, "compare": compare, "gate": gate}


def main() -> None:
    """Carry out what the command line asks for."""
    operation, *paths = sys.argv[1:]
    try:
        answer = _OPERATIONS[operation](*paths)
    except OSError as error:
        answer = {"error": error.strerror or str(error), "errno": error.errno}
    os.write(1, json.dumps(answer).encode() + b"\n")
    if operation == "gate":
        sys.stdin.read()


if __name__ == "__main__":
    main()
