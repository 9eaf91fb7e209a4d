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
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

import numpy as np
import numpy.typing as npt

from sqlite_recovery_tui.restore.apply import write_all

ALIGNMENT = 4096
"""Places, lengths and addresses that every disk takes directly are multiples of this."""
WRITERS = 3
"""Writes under way: a disk that others use as well gives more to those who ask for more."""
BUFFERS = WRITERS + 3
_TRIAL_WRITES = 16
_TRIAL_BYTES = 256 << 10
"""Shorter writes tell of the disk's delay, not of its speed."""
_SLOW_BYTES_PER_SECOND = 100e6
_DIRECT = getattr(os, "O_DIRECT", 0)

U8 = npt.NDArray[np.uint8]


class BlockWriter:
    """Write pieces of a file by threads of its own; any thread may hand pieces over."""

    def __init__(self, path: Path, longest: int) -> None:
        """Write to `path`, made if need be, in pieces of at most `longest` bytes."""
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self.fd = os.open(path, flags, 0o600)
        self._direct = _open_direct(path)
        self._free: SimpleQueue[mmap.mmap] = SimpleQueue()
        for _ in range(BUFFERS):
            self._free.put(mmap.mmap(-1, longest + ALIGNMENT))
        self._pool = ThreadPoolExecutor(WRITERS, thread_name_prefix="write")
        self._lock = threading.Lock()
        self._writing: list[Future[None]] = []
        self._rates: deque[float] = deque(maxlen=_TRIAL_WRITES)
        self._slow = False
        self.direct_bytes = 0

    def close(self) -> None:
        """Close the file; what was handed over and not waited for may be in it or not."""
        self._pool.shutdown(cancel_futures=True)
        os.close(self.fd)
        if self._direct >= 0:
            os.close(self._direct)

    @contextmanager
    def piece(self, at: int, length: int) -> Iterator[U8]:
        """Give room for `length` bytes, which are written to byte `at` once they are filled in.

        What is in the room at first means nothing. Waits until there is some.
        """
        buffer = self._free.get()
        try:
            data = np.frombuffer(buffer, np.uint8, length, at % ALIGNMENT)
            yield data
        except BaseException:
            self._free.put(buffer)
            raise
        job = self._pool.submit(self._write_out, buffer, data.data, at)
        with self._lock:
            self._writing.append(job)

    def wait(self) -> None:
        """Return when all that was handed over before is written; raise what prevented it."""
        with self._lock:
            jobs = list(self._writing)
            self._writing.clear()
        for job in jobs:
            job.result()

    def _write_out(self, buffer: mmap.mmap, data: memoryview, at: int) -> None:
        try:
            self._write_piece(data, at)
        finally:
            self._free.put(buffer)

    def _write_piece(self, data: memoryview, at: int) -> None:
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
