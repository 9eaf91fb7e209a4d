"""Bytes of a large object arrive in order and complete, read ahead or in ranges, until somebody stops."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlite_recovery_tui.errors import Cancelled, ShortBody, Unreachable
from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.restore import source
from sqlite_recovery_tui.restore.source import ByteSource, pieces
from sqlite_recovery_tui.storage.memory import MemoryStore
from tests.support.properties import examples

DATA = random.Random(5).randbytes(1_000_003)


class Remote(MemoryStore):
    """A store far away, which counts what is asked of it."""

    is_local = False

    def __init__(self, data: bytes, *, ranges: bool = True) -> None:
        super().__init__("remote")
        self.put("key", data)
        self.answers = ranges
        self.asked: list[tuple[int, int]] = []
        self.streamed: list[int] = []
        self.at_once = self.most_at_once = 0
        self.lock = threading.Lock()
        self.fail_at: int | None = None
        self.silent = threading.Event()
        self.silent.set()

    def answers_ranges(self, key: str) -> bool:
        return self.answers

    def get_range(self, key: str, start: int, length: int) -> bytes:
        with self.lock:
            self.asked.append((start, length))
            self.at_once += 1
            self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            self.silent.wait(10)
            if self.fail_at is not None and start >= self.fail_at:
                raise Unreachable("no answer", operation="get", object=key)
            return super().get_range(key, start, length)
        finally:
            with self.lock:
                self.at_once -= 1

    def stream(self, key: str, *, start: int = 0, chunk_bytes: int = 4 << 20) -> Iterator[bytes]:
        self.streamed.append(start)
        for at, piece in enumerate(super().stream(key, start=start, chunk_bytes=chunk_bytes)):
            self.silent.wait(10)
            if self.fail_at is not None and start + at * chunk_bytes >= self.fail_at:
                raise Unreachable("no answer", operation="get", object=key)
            yield piece


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "CHUNK_BYTES", 64 << 10)
    monkeypatch.setattr(source, "RANGE_BYTES", 128 << 10)


def read(
    store: MemoryStore, *, start: int = 0, parallelism: int = 8, cancel: CancelToken | None = None
) -> bytes:
    size = store.head("key").size
    return b"".join(
        pieces(store, "key", size, start=start, parallelism=parallelism, cancel=cancel or CancelToken())
    )


# --- an exact reader over pieces ------------------------------------------------------------------------


@examples(150)
@given(st.lists(st.binary(max_size=20), max_size=12), st.lists(st.integers(0, 30), max_size=20))
def test_exact_amounts_come_out_of_any_pieces(given_pieces: list[bytes], amounts: list[int]) -> None:
    whole = b"".join(given_pieces)
    reader = ByteSource(iter(given_pieces))
    at = 0
    for amount in amounts:
        expected = whole[at : at + amount]
        if amount % 2:
            assert reader.read(amount) == expected
        else:
            buffer = bytearray(b"?" * amount)
            assert reader.fill(memoryview(buffer)) == len(expected)
            assert buffer == expected + b"?" * (amount - len(expected))
        at = min(at + amount, len(whole))
        assert reader.consumed == at
    assert b"".join(reader.rest()) == whole[at:]
    assert reader.consumed == len(whole)
    assert reader.read(1) == b""


# --- the three ways -------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", [0, 1, 500_000, 1_000_002, 1_000_003])
@pytest.mark.parametrize("way", ["local", "ranges", "stream"])
def test_every_way_gives_the_object_from_where_it_is_asked(way: str, start: int) -> None:
    if way == "local":
        store: MemoryStore = MemoryStore("here")
        store.put("key", DATA)
    else:
        store = Remote(DATA, ranges=way == "ranges")
    assert read(store, start=start) == DATA[start:]


def test_large_remote_objects_come_in_ranges_a_few_at_a_time() -> None:
    store = Remote(DATA)
    assert read(store, parallelism=3) == DATA
    assert store.streamed == []
    lengths = [length for _, length in sorted(store.asked)]
    assert [at for at, _ in sorted(store.asked)] == [sum(lengths[:number]) for number in range(len(lengths))]
    assert lengths[:4] == [16 << 10, 32 << 10, 64 << 10, 128 << 10], "something comes soon"
    assert set(lengths[4:-1]) == {128 << 10}
    assert store.most_at_once <= 3


def test_small_objects_and_stores_without_ranges_are_streamed_once() -> None:
    for store in (Remote(DATA[: 256 << 10]), Remote(DATA, ranges=False)):
        read(store)
        assert store.asked == []
        assert store.streamed == [0]


def test_one_at_a_time_is_enough() -> None:
    store = Remote(DATA)
    assert read(store, parallelism=1) == DATA
    assert store.most_at_once == 1


# --- failures and stops ---------------------------------------------------------------------------------


@pytest.mark.parametrize("ranges", [False, True])
def test_a_failure_arrives_behind_what_is_good(ranges: bool) -> None:
    store = Remote(DATA, ranges=ranges)
    store.fail_at = 512 << 10
    got: list[bytes] = []
    with pytest.raises(Unreachable):
        got.extend(pieces(store, "key", len(DATA), cancel=CancelToken()))
    assert DATA.startswith(b"".join(got))
    assert len(b"".join(got)) == ((624 if ranges else 512) << 10)


def test_an_object_that_became_shorter_is_a_failure() -> None:
    store = Remote(DATA)
    with pytest.raises(ShortBody):
        list(pieces(store, "key", len(DATA) + 1, cancel=CancelToken()))


@pytest.mark.parametrize("ranges", [False, True])
def test_a_silent_server_does_not_keep_anyone_who_wants_to_stop(ranges: bool) -> None:
    store, token = Remote(DATA, ranges=ranges), CancelToken()
    store.silent.clear()
    reading = pieces(store, "key", len(DATA), cancel=token)
    threading.Timer(0.05, token.cancel).start()
    try:
        with pytest.raises(Cancelled):
            next(reading)
    finally:
        store.silent.set()


@pytest.mark.parametrize("ranges", [False, True])
def test_who_stops_reading_leaves_no_thread_behind(ranges: bool) -> None:
    store = Remote(DATA, ranges=ranges)
    reading = pieces(store, "key", len(DATA), cancel=CancelToken())
    next(reading)
    assert any(thread.name.startswith(("fetch", "read-ahead")) for thread in threading.enumerate())
    reading.close()  # type: ignore[attr-defined]
    for thread in threading.enumerate():
        if thread.name.startswith(("fetch", "read-ahead")):
            thread.join(5)
            assert not thread.is_alive()
    assert len(store.asked) < 8
