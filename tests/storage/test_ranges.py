"""Parts of objects: exact, joined where near, no object twice where servers send only whole ones; bounded."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlite_recovery_tui.errors import Cancelled, ObjectNotFound, ShortBody
from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.storage.base import ObjectInfo
from sqlite_recovery_tui.storage.memory import MemoryStore
from sqlite_recovery_tui.storage.ranges import get_ranges
from tests.storage.conftest import s3_of
from tests.support.fault_proxy import ALWAYS, Fault, fault_proxy
from tests.support.servers import S3Server

DATA = {"a": bytes(range(256)) * 8, "b": bytes(range(255, -1, -1)) * 8, "c": b"c" * 2048}
SIZE = 2048


class Remote(MemoryStore):
    """A bucket far away that counts what it is asked."""

    is_local = False

    def __init__(self, *, ranges: bool = True) -> None:
        super().__init__("remote")
        self.ranges = ranges
        self.asked: list[tuple[str, int, int]] = []
        self.streamed: list[str] = []
        self.lock = threading.Lock()
        for key, data in DATA.items():
            self.put(key, data)

    def answers_ranges(self, key: str) -> bool:
        return self.ranges

    def get_range(self, key: str, start: int, length: int) -> bytes:
        with self.lock:
            self.asked.append((key, start, length))
        return super().get_range(key, start, length)

    def stream(self, key: str, *, start: int = 0, chunk_bytes: int = 4 << 20) -> Iterator[bytes]:
        with self.lock:
            self.streamed.append(key)
        return super().stream(key, start=start, chunk_bytes=min(chunk_bytes, 100))


def got(store: MemoryStore, parts: Sequence[tuple[str, int, int]], **how: int) -> list[bytes]:
    found = list(get_ranges(store, parts, **how))  # type: ignore[arg-type]
    assert [part for part, _ in found] == list(parts)
    return [data for _, data in found]


PARTS = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, SIZE), st.integers(0, SIZE)).map(
        lambda part: (part[0], part[1], min(part[2], SIZE - part[1]))
    ),
    max_size=30,
)


@given(PARTS, st.booleans(), st.booleans(), st.integers(1, 4), st.integers(1, 5000), st.integers(0, 3000))
def test_whatever_is_asked_the_bytes_are_the_objects(
    parts: list[tuple[str, int, int]], ranges: bool, local: bool, threads: int, ahead: int, join: int
) -> None:
    store = Remote(ranges=ranges)
    store.is_local = local
    wanted = [DATA[key][start : start + length] for key, start, length in parts]
    assert got(store, parts, concurrency=threads, ahead_bytes=ahead, join_bytes=join) == wanted


def test_near_parts_come_in_one_request() -> None:
    store = Remote()
    got(store, [("a", 0, 10), ("a", 10, 10), ("a", 25, 5), ("a", 40, 5), ("b", 45, 5)], join_bytes=9)
    assert sorted(store.asked) == [("a", 0, 30), ("a", 40, 5), ("b", 45, 5)]


def test_a_request_brings_no_more_than_its_share() -> None:
    store = Remote()
    got(store, [("a", start, 100) for start in range(0, 2000, 100)], ahead_bytes=1000)
    assert sorted(store.asked) == [("a", start, 500) for start in range(0, 2000, 500)]


def test_parts_are_not_joined_backwards() -> None:
    store = Remote()
    assert got(store, [("a", 100, 10), ("a", 90, 10), ("a", 95, 10)]) == [
        DATA["a"][100:110],
        DATA["a"][90:100],
        DATA["a"][95:105],
    ]
    assert len(store.asked) == 3


def test_without_ranges_each_object_is_read_once() -> None:
    store = Remote(ranges=False)
    parts = [(key, start, 10) for start in range(1000, -1, -50) for key in "abc"]
    assert got(store, parts) == [DATA[key][start : start + 10] for key, start, _ in parts]
    assert sorted(store.streamed) == ["a", "b", "c"]
    assert store.asked == []


def test_without_ranges_more_than_fits_is_read_in_turns() -> None:
    store = Remote(ranges=False)
    got(store, [("a", start, 100) for start in range(0, 2000, 100)], ahead_bytes=2000)
    assert store.streamed == ["a", "a"], "1,000 bytes held and 1,000 under way"


def test_an_object_is_read_no_further_than_wanted() -> None:
    class Endless(Remote):
        def stream(self, key: str, *, start: int = 0, chunk_bytes: int = 4 << 20) -> Iterator[bytes]:
            yield DATA[key][:200]
            raise AssertionError("nobody wants this")

    assert got(Endless(ranges=False), [("a", 150, 10), ("a", 190, 10)])


@pytest.mark.parametrize("ranges", [True, False])
def test_what_is_under_way_is_bounded(ranges: bool) -> None:
    store = Remote(ranges=ranges)
    for number in range(100):
        store.put(f"{number:03}", b"x" * 1000)
    parts = [(f"{number:03}", 0, 1000) for number in range(100)]
    found = get_ranges(store, parts, ahead_bytes=8000)
    for number in range(1, 80):
        next(found)
        begun = len(store.asked) if ranges else len(store.streamed)
        assert begun <= number + 8
    found.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("ranges", [True, False])
def test_an_object_that_ends_before_is_short_and_a_missing_one_missing(ranges: bool) -> None:
    for parts, error in (
        ([("a", 0, 10), ("a", SIZE - 5, 6)], ShortBody),
        ([("a", SIZE - 5, 6)], ShortBody),
        ([("a", 0, 1), ("z", 0, 1), ("a", 5, 1)], ObjectNotFound),
    ):
        with pytest.raises(error) as caught:
            got(Remote(ranges=ranges), parts)
        assert caught.value.object == parts[-1 if error is ShortBody else 1][0]


def test_it_can_be_cancelled() -> None:
    token = CancelToken()
    found = get_ranges(Remote(), [("a", 0, 1), ("b", 0, 1), ("c", 0, 1)], concurrency=1, cancel=token)
    next(found)
    token.cancel()
    with pytest.raises(Cancelled):
        next(found)


def test_nothing_asked_nothing_given() -> None:
    assert list(get_ranges(Remote(), [])) == []


def test_a_server_without_ranges_is_asked_once_for_each_object(moto: S3Server) -> None:
    moto.make_bucket("parts")
    data = bytes(range(256)) * 4000
    for key in "abc":
        moto.put("parts", key, data)
    with fault_proxy(moto.endpoint) as proxy:
        proxy.add(Fault("ignore-range", times=ALWAYS))
        store = s3_of(moto, "parts", path="", endpoint=proxy.endpoint)
        parts = [(key, start, 500) for start in range(0, 1_000_000, 20_000) for key in "abc"]
        found = [piece for _, piece in get_ranges(store, parts)]
        assert found == [data[start : start + 500] for _, start, _ in parts]
        assert len(proxy.requests) == 2 + 3, "two ways to ask for a range, and one request for each object"
        assert store.get_range("b", len(data) - 16, 16) == data[-16:]
        store.close()


def test_ranges_with_the_status_of_whole_objects_are_ranges(rclone: S3Server) -> None:
    rclone.make_bucket("status")
    data = bytes(range(256)) * 4000
    rclone.put("status", "k", data)
    with fault_proxy(rclone.endpoint) as proxy:
        store = s3_of(rclone, "status", path="", endpoint=proxy.endpoint)
        parts = [("k", start, 16) for start in range(0, 1_000_000, 100_000)] + [("k", len(data) - 16, 16)]
        assert [piece for _, piece in get_ranges(store, parts)] == [data[s : s + n] for _, s, n in parts]
        assert all("range" in {name.lower() for name in request.headers} for request in proxy.requests)
        assert len(proxy.requests) == 2 + len(parts)
        assert b"".join(store.stream("k", start=1_000_000)) == data[1_000_000:]
        assert proxy.requests[-1].headers["Range"] == "bytes=1000000-"
        store.close()


def test_whether_it_answers_ranges_is_asked_once(rclone: S3Server, moto: S3Server) -> None:
    for server, tries in ((rclone, 2), (moto, 1)):
        server.make_bucket("asked")
        for key in ("k", "0000/k"):
            server.put("asked", key, b"x" * 100_000)
        with fault_proxy(server.endpoint) as proxy:
            store = s3_of(server, "asked", path="", endpoint=proxy.endpoint)
            assert all(store.answers_ranges(key) for key in ("k", "0000/k", "k"))
            assert len(proxy.requests) == tries
            store.close()


def test_the_listing_is_not_asked(moto: S3Server) -> None:
    """Sizes are the caller's: nothing but the ranges themselves is asked for."""
    moto.make_bucket("tails")
    for number in range(20):
        moto.put("tails", f"{number}", b"x" * 1000 + b"%03d" % number)
    with fault_proxy(moto.endpoint) as proxy:
        store = s3_of(moto, "tails", path="", endpoint=proxy.endpoint)
        info = ObjectInfo("0", 1003, store.head("0").time)
        proxy.clear()
        tails = [(f"{number}", info.size - 3, 3) for number in range(20)]
        assert [data for _, data in get_ranges(store, tails)] == [b"%03d" % number for number in range(20)]
        assert len(proxy.requests) == 20 + 1
        store.close()
