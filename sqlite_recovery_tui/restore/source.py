"""Bytes of one large object, pulled into buffers that are used again and again."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, Full, Queue

from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.storage.ahead import result_of
from sqlite_recovery_tui.storage.base import Store

CHUNK_BYTES = 4 << 20
WAKE_SECONDS = 0.1
"""How long to wait for a server before looking whether to stop."""

RANGE_BYTES = 8 << 20
"""Large objects are fetched in ranges of this size, several at a time."""
_FIRST_SHARE = 8
"""The first range is by so much shorter, and the next ones grow: decoding begins sooner."""


class ByteSource:
    """Pull exact amounts out of an iterator of pieces."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        """Read `pieces` in order."""
        self._pieces = pieces
        self._piece = memoryview(b"")
        self.consumed = 0
        """Bytes handed out so far."""

    def fill(self, view: memoryview) -> int:
        """Copy the next bytes into `view`; return how many there were, fewer only at the end."""
        filled = 0
        while filled < len(view):
            if not len(self._piece):
                following = next(self._pieces, None)
                if following is None:
                    break
                self._piece = memoryview(following)
            take = min(len(view) - filled, len(self._piece))
            view[filled : filled + take] = self._piece[:take]
            self._piece = self._piece[take:]
            filled += take
        self.consumed += filled
        return filled

    def read(self, count: int) -> bytes:
        """Return the next `count` bytes, fewer only at the end."""
        buffer = bytearray(count)
        return bytes(buffer[: self.fill(memoryview(buffer))])

    def rest(self) -> Iterator[bytes]:
        """Yield what is left, in whatever pieces it comes."""
        if len(self._piece):
            piece, self._piece = self._piece, memoryview(b"")
            self.consumed += len(piece)
            yield bytes(piece)
        for piece_bytes in self._pieces:
            self.consumed += len(piece_bytes)
            yield piece_bytes


def pieces(
    store: Store, key: str, size: int, *, cancel: CancelToken, start: int = 0, parallelism: int = 8
) -> Iterator[bytes]:
    """Yield an object from `start` on, the way that is quickest on this store.

    Local files are read as they are; remote objects are read ahead, in parallel ranges where the
    object is large and the store answers ranges. Raises `Cancelled` also while a server is silent.
    """
    if store.is_local:
        return store.stream(key, start=start, chunk_bytes=CHUNK_BYTES)
    if size - start > 2 * RANGE_BYTES and store.answers_ranges(key):
        return _ranges(store, key, size, start=start, at_once=min(4, parallelism), cancel=cancel)
    return _read_ahead(store.stream(key, start=start, chunk_bytes=CHUNK_BYTES), cancel)


def _ranges(
    store: Store, key: str, size: int, *, start: int, at_once: int, cancel: CancelToken
) -> Iterator[bytes]:
    """Fetch ranges in parallel and yield them in order, at most `at_once` under way."""
    pool = ThreadPoolExecutor(at_once, thread_name_prefix="fetch")
    waiting: deque[Future[bytes]] = deque()
    at, longest = start, RANGE_BYTES // _FIRST_SHARE
    try:
        while waiting or at < size:
            while at < size and len(waiting) < at_once:
                length = min(longest, size - at)
                waiting.append(pool.submit(store.get_range, key, at, length))
                at += length
                longest = min(2 * longest, RANGE_BYTES)
            yield result_of(waiting.popleft(), cancel)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _read_ahead(stream: Iterator[bytes], cancel: CancelToken, depth: int = 3) -> Iterator[bytes]:
    """Let a thread stay `depth` pieces ahead, so that network and decoding overlap."""
    queue: Queue[bytes | BaseException | None] = Queue(depth)
    stopped = threading.Event()

    def put(item: bytes | BaseException | None) -> None:
        while not stopped.is_set():
            try:
                queue.put(item, timeout=0.1)
            except Full:
                continue
            return

    def pump() -> None:
        try:
            for piece in stream:
                put(piece)
                if stopped.is_set():
                    return
            put(None)
        except BaseException as error:  # handed to the reader, who raises it
            put(error)

    thread = threading.Thread(target=pump, name="read-ahead", daemon=True)
    thread.start()
    try:
        while True:
            try:
                item = queue.get(timeout=WAKE_SECONDS)
            except Empty:
                cancel.check()
                continue
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopped.set()
        while True:
            try:
                queue.get_nowait()
            except Empty:
                break
        thread.join(WAKE_SECONDS)
