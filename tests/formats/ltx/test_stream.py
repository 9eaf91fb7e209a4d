"""A file of any size is read in order, in bounded memory, by one thread or several."""

from __future__ import annotations

import tracemalloc
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pytest

from sqlite_recovery_tui.errors import FormatError
from sqlite_recovery_tui.formats.ltx.frames import FRAMED, SIZED, Spelling
from sqlite_recovery_tui.formats.ltx.read import decode_file
from sqlite_recovery_tui.formats.ltx.stream import LtxReader, Memory, PageChunk
from sqlite_recovery_tui.formats.ltx.write import LtxWriter, encode_file
from tests.formats.ltx.samples import a_header, numbers, some_pages, tracked

COUNT = 1300


@pytest.fixture(scope="module")
def large() -> bytes:
    """A base of 5 MB of pages, with a database checksum."""
    header = tracked(a_header(4096, COUNT, base=True))
    return encode_file(header, numbers(range(1, COUNT + 1)), some_pages(COUNT, 4096))


def in_threads(reader: LtxReader, workers: int = 2) -> Iterator[PageChunk]:
    """Decode as the module's documentation says, in several threads."""
    free = [reader.new_room() for _ in range(workers + 2)]
    running: deque[Future[PageChunk]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        more = True
        while more or running:
            if more and free:
                more = reader.cut(free[-1])
                if more:
                    running.append(pool.submit(reader.decode, free.pop()))
                continue
            chunk = running.popleft().result()
            reader.accept(chunk)
            yield chunk
            free.append(chunk.room)
        reader.finish()


def test_pages_come_in_order(large: bytes) -> None:
    reader = LtxReader(Memory(large))
    whole = decode_file(large)
    at = 0
    for chunk in reader.chunks():
        assert np.array_equal(chunk.pgno, whole.pgno[at : at + len(chunk)])
        assert np.array_equal(chunk.pages, whole.pages[at : at + len(chunk)])
        assert np.array_equal(chunk.rows.index.offset, whole.index.offset[at : at + len(chunk)])
        assert chunk.packed().flags.c_contiguous
        assert np.array_equal(chunk.packed(), chunk.pages)
        at += len(chunk)
    assert at == reader.pages == COUNT
    assert reader.position == len(large)


@pytest.mark.parametrize("spelling", [SIZED, FRAMED])
def test_threads_give_the_same_pages(spelling: Spelling) -> None:
    header = a_header(1024, 9000, base=True)
    pages = some_pages(9000, 1024)
    data = encode_file(header, numbers(range(1, 9001)), pages, spelling=spelling)
    found = np.concatenate([chunk.pages.copy() for chunk in in_threads(LtxReader(Memory(data)))])
    assert np.array_equal(found, pages)


def test_threads_find_damage_at_the_end(large: bytes) -> None:
    for place in (60_000, len(large) // 2, len(large) - 1, len(large) - 30):
        damaged = bytearray(large)
        damaged[place] ^= 1
        with pytest.raises(FormatError):
            deque(in_threads(LtxReader(Memory(damaged))), maxlen=0)


def test_the_index_is_compared_without_being_kept(large: bytes) -> None:
    whole = decode_file(large)
    index_at = int(whole.index.offset[-1] + whole.index.length[-1]) + 6
    damaged = bytearray(large)
    damaged[index_at + 2000] ^= 1
    with pytest.raises(FormatError, match="page index does not agree") as caught:
        deque(LtxReader(Memory(damaged)).chunks(), maxlen=0)
    assert caught.value.offset == index_at


class Endless:
    """A base of one page again and again, made while it is read, of any length."""

    def __init__(self, pages: int) -> None:
        header = a_header(4096, pages, base=True)
        writer = LtxWriter(header)
        self._left = pages
        self._writer = writer
        self._ready = memoryview(writer.begin())
        self._next = 1
        self._page = some_pages(3, 4096)[2:].repeat(256, axis=0)
        self._done = False

    def fill(self, view: memoryview, /) -> int:
        filled = 0
        while filled < len(view):
            if not self._ready:
                if self._done:
                    break
                self._ready = memoryview(self._more())
            count = min(len(view) - filled, len(self._ready))
            view[filled : filled + count] = self._ready[:count]
            self._ready = self._ready[count:]
            filled += count
        return filled

    def _more(self) -> bytes:
        count = min(256, self._left)
        if not count:
            self._done = True
            return self._writer.end()
        piece = self._writer.add(numbers(range(self._next, self._next + count)), self._page[:count])
        self._next += count
        self._left -= count
        return piece


def test_memory_does_not_grow_with_the_file() -> None:
    peaks = []
    for pages in (2_000, 16_000):
        source = Endless(pages)
        tracemalloc.start()
        try:
            assert sum(len(chunk) for chunk in LtxReader(source).chunks()) == pages
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert max(peaks) < 12 << 20
    assert peaks[1] < peaks[0] + (2 << 20)


def test_a_short_header_is_cut_short() -> None:
    with pytest.raises(FormatError, match="99 of 100"):
        LtxReader(Memory(bytes(99)))
