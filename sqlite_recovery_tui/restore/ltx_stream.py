"""One LTX file of any size: cut in order, and decoded side by side where processors are to spare."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, wait

from sqlite_recovery_tui.errors import StorageError
from sqlite_recovery_tui.formats.ltx.pages import Room
from sqlite_recovery_tui.formats.ltx.stream import LtxReader, PageChunk
from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.restore.workers import decoders

_SPARE = 3
"""Rooms beside those that are decoded: one that is filled, one that is used, one that waits."""


def chunks(
    reader: LtxReader,
    pool: Executor,
    cancel: CancelToken,
    use: Callable[[PageChunk], None] | None = None,
) -> Iterator[PageChunk]:
    """Yield all pages of a file in order, and verify it at the end.

    A chunk lasts until the next one is asked for. `use` sees each chunk first, in the thread that
    decoded it, in no order. Raises `FormatError`, `StorageError`, `Cancelled`.
    """

    def work(room: Room) -> PageChunk:
        chunk = reader.decode(room)
        if use is not None:
            use(chunk)
        return chunk

    return _ahead(reader, pool, cancel, work) if decoders() > 1 else _in_turn(reader, cancel, work)


def _in_turn(
    reader: LtxReader, cancel: CancelToken, work: Callable[[Room], PageChunk]
) -> Iterator[PageChunk]:
    """Decode what was cut in the same thread: handing it over would cost more than it brings."""
    room = reader.new_room()
    cancel.check()
    while reader.cut(room):
        chunk = work(room)
        reader.accept(chunk)
        yield chunk
        cancel.check()
    reader.finish()


def _ahead(
    reader: LtxReader, pool: Executor, cancel: CancelToken, work: Callable[[Room], PageChunk]
) -> Iterator[PageChunk]:
    """Cut ahead of the threads that decode."""
    rooms = [reader.new_room() for _ in range(decoders() + _SPARE)]
    running: deque[Future[PageChunk]] = deque()
    broken: StorageError | None = None
    more = True
    try:
        while more or running:
            cancel.check()
            while more and rooms:
                room = rooms.pop()
                try:
                    more = reader.cut(room)
                except StorageError as error:  # what arrived before is still good
                    broken, more = error, False
                if more:
                    running.append(pool.submit(work, room))
            if running:
                chunk = running.popleft().result()
                reader.accept(chunk)
                yield chunk
                rooms.append(chunk.room)
        if broken is not None:
            raise broken
        reader.finish()
    finally:
        wait(running)  # what they write to must not be closed under them
