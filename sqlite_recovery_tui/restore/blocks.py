"""Large pieces of a new file onto the disk, past the page cache where the disk is quick.

What is written once and synced at the end gains nothing from the cache, while filling the cache costs
more than all decoding, and drives out what the machine's other programs have there. A slow disk is another
matter: there the cache pays, since whoever checks the file would wait for the disk again.
"""

from __future__ import annotations

import errno
import mmap
import os
import threading
import time
from collections import deque
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sqlite_recovery_tui.restore.apply import write_all

ALIGNMENT = 4096
"""Places, lengths and addresses that every disk takes directly are multiples of this."""
_TRIAL_WRITES = 16
_TRIAL_BYTES = 256 << 10
"""Shorter writes tell of the disk's delay, not of its speed."""
_SLOW_BYTES_PER_SECOND = 100e6
_DIRECT = getattr(os, "O_DIRECT", 0)

U8 = npt.NDArray[np.uint8]


class BlockWriter:
    """Write pieces of a file from several threads; each thread has a buffer of its own."""

    def __init__(self, path: Path, longest: int) -> None:
        """Write to `path`, made if need be, in pieces of at most `longest` bytes."""
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self.fd = os.open(path, flags, 0o600)
        self._longest = longest
        self._buffers = threading.local()
        self._direct = _open_direct(path)
        self._lock = threading.Lock()
        self._rates: deque[float] = deque(maxlen=_TRIAL_WRITES)
        self._slow = False
        self.direct_bytes = 0

    def close(self) -> None:
        """Close the file."""
        os.close(self.fd)
        if self._direct >= 0:
            os.close(self._direct)

    def room(self, at: int, length: int) -> U8:
        """Return this thread's buffer for `length` bytes that go to byte `at`, as it was left."""
        buffer = getattr(self._buffers, "buffer", None)
        if buffer is None:
            buffer = self._buffers.buffer = mmap.mmap(-1, self._longest + ALIGNMENT)
        return np.frombuffer(buffer, np.uint8, length, at % ALIGNMENT)

    def write(self, room: U8, at: int) -> None:
        """Write what `room` returned, to the place that was named there."""
        data = room.data
        start, end = min(-at % ALIGNMENT, len(data)), len(data) - (at + len(data)) % ALIGNMENT
        if start >= end or not self._write_direct(data[start:end], at + start):
            start = end = 0
        for part, place in ((data[:start], at), (data[end:], at + end)):
            if len(part):
                write_all(self.fd, [part], place)

    def _write_direct(self, data: memoryview, at: int) -> bool:
        """Write whole blocks past the cache; return False where that cannot be or does not pay."""
        if self._direct < 0 or self._slow:
            return False
        began = time.perf_counter()
        try:
            written = os.pwrite(self._direct, data, at)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            return False
        self._note(written, time.perf_counter() - began)
        if written < len(data):
            write_all(self.fd, [data[written:]], at + written)
        return True

    def _note(self, written: int, seconds: float) -> None:
        """Judge the disk by the best of its last writes: the others may have waited for the processor."""
        with self._lock:
            self.direct_bytes += written
            if written >= _TRIAL_BYTES:
                self._rates.append(written / max(seconds, 1e-9))
            if len(self._rates) == _TRIAL_WRITES:
                self._slow = sorted(self._rates)[-_TRIAL_WRITES // 4] < _SLOW_BYTES_PER_SECOND


def _open_direct(path: Path) -> int:
    """Open a file that is there past the page cache; return -1 where that does not exist."""
    if not _DIRECT:
        return -1
    try:
        return os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC | _DIRECT)
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.EOPNOTSUPP):
            return -1
        raise
