"""A database that nobody changes for the moment, read once and encoded by several threads."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from sqlite_recovery_tui.formats import lz4
from sqlite_recovery_tui.replicate import spool_files
from sqlite_recovery_tui.replicate.stretch import Frozen

MOST_THREADS = 4


def write_snapshot(path: Path, frozen: Frozen, *, threads: int = 0) -> int:
    """Write `frozen` to `path` as one LZ4 frame, whole or not at all; return its size in bytes.

    Holds no more than a few blocks of 4 MiB for each thread. Raise OSError.
    """
    workers = threads or min(MOST_THREADS, os.cpu_count() or 1)
    with ThreadPoolExecutor(workers, thread_name_prefix="snapshot") as pool:
        return spool_files.write_whole(path, _encoded(frozen, pool, workers))


def _encoded(frozen: Frozen, pool: ThreadPoolExecutor, workers: int) -> Iterator[bytes]:
    frame = lz4.FrameOfBlocks()
    yield frame.begin()
    waiting: deque[Future[bytes]] = deque()
    for piece in _pieces(frozen):
        frame.see(piece)
        waiting.append(pool.submit(lz4.encode_block, piece))
        if len(waiting) > workers:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
    yield frame.end()


def _pieces(frozen: Frozen) -> Iterator[bytes]:
    """Yield the blocks of the file; raise OSError when it is shorter than it said."""
    for at in range(0, frozen.size, lz4.BLOCK_BYTES):
        wanted = min(lz4.BLOCK_BYTES, frozen.size - at)
        piece = frozen.read(at, wanted)
        if len(piece) != wanted:
            raise OSError(f"the database file ends at {at + len(piece)}, not at {frozen.size}")
        yield piece
