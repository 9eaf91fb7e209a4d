"""A follower in a process of its own, which keeps what it gets in one file, record by record.

    python -m tests.support.file_sink DATABASE FILE

It follows until its stdin ends, then stops as it should. Every record is written whole before the call
returns, so that it survives the end of the process.
"""

from __future__ import annotations

import os
import pickle
import struct
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlite_recovery_tui.replicate.follow import Follower
from sqlite_recovery_tui.replicate.followed import FollowOptions
from sqlite_recovery_tui.replicate.ladder import Limits
from sqlite_recovery_tui.replicate.stretch import Break, Frozen, Mark, Stretch
from tests.support.wal_sink import MemorySink

OPTIONS = FollowOptions(
    limits=Limits(min_frames=20, max_frames=100, truncate_frames=300, again_seconds=0.02),
    retry_seconds=0.0,
    longest_retry_seconds=0.05,
)


class Kept:
    """A snapshot out of the file."""

    def __init__(self, index: int, page_size: int, image: bytes) -> None:
        self.index, self.page_size, self.size, self._image = index, page_size, len(image), image

    def read(self, offset: int, length: int) -> bytes:
        return self._image[offset : offset + length]


class FileSink:
    """A log of (what, arguments)."""

    def __init__(self, path: Path) -> None:
        whole = replay(path)
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        os.ftruncate(self._fd, whole[1])
        os.lseek(self._fd, 0, os.SEEK_END)
        self._mark = whole[0].mark

    def resume(self) -> Mark | None:
        return self._mark

    def begin(self, why: Break, frozen: Frozen, mark: Mark) -> None:
        self._write("begin", why, (frozen.index, frozen.page_size, frozen.read(0, frozen.size)), mark)

    def append(self, stretch: Stretch, mark: Mark) -> None:
        self._write("append", replace(stretch, data=bytes(stretch.data)), mark)

    def seal(self, mark: Mark) -> None:
        self._write("seal", mark)

    def snapshot(self, frozen: Frozen) -> None:
        self._write("snapshot", (frozen.index, frozen.page_size, frozen.read(0, frozen.size)))

    def _write(self, what: str, *args: Any) -> None:
        record = pickle.dumps((what, args))
        os.write(self._fd, struct.pack(">Q", len(record)) + record)


def replay(path: Path) -> tuple[MemorySink, int]:
    """Return what a file has kept, and where its last whole record ends."""
    sink, at = MemorySink(), 0
    data = path.read_bytes() if path.exists() else b""
    while at + 8 <= len(data):
        (length,) = struct.unpack_from(">Q", data, at)
        if at + 8 + length > len(data):
            break
        what, args = pickle.loads(data[at + 8 : at + 8 + length])
        if what in ("begin", "snapshot"):
            args = tuple(Kept(*arg) if isinstance(arg, tuple) else arg for arg in args)
        getattr(sink, what)(*args)
        at += 8 + length
    return sink, at


def main(database: str, file: str) -> None:
    follower = Follower(Path(database), FileSink(Path(file)), options=OPTIONS)
    os.set_blocking(0, False)
    print(follower.start().how, flush=True)
    while os.read(0, 1) if _readable() else True:
        follower.poll()
        follower.tend()
        time.sleep(0.001)
    follower.stop(2)


def _readable() -> bool:
    import select

    return bool(select.select([0], [], [], 0)[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
