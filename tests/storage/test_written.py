"""The times that writers note beside objects: read from any spelling, fifty at once, missing ones told."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest

from sqlite_recovery_tui.clock import FixedClock
from sqlite_recovery_tui.errors import AccessDenied, Cancelled, ObjectNotFound
from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.storage.many import get_written_times
from sqlite_recovery_tui.storage.memory import MemoryStore
from sqlite_recovery_tui.storage.noted import noted_time
from tests.storage.conftest import put_noted, s3_of
from tests.support.fault_proxy import ALWAYS, Fault, FaultProxy, s3_error
from tests.support.faults import FaultyStore
from tests.support.servers import S3Server

WHEN = datetime(2026, 3, 26, 10, 30, 0, 125_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("metadata", "time"),
    [
        ({"litestream-timestamp": "2026-03-26T10:30:00.125Z"}, WHEN),
        ({"litestreamtimestamp": "2026-03-26T10:30:00.125Z"}, WHEN),
        ({"litestream-timestamp": "2026-03-26T12:30:00.125+02:00"}, WHEN),
        ({"litestream-timestamp": "2026-03-26T10:30:00Z"}, WHEN - timedelta(microseconds=125_000)),
        ({"litestream-timestamp": "2026-03-26T10:30:00.125999999Z"}, WHEN + timedelta(microseconds=999)),
        ({"litestream-timestamp": "2026-03-26T10:30:00.125"}, None),
        ({"litestream-timestamp": "0001-01-01T00:00:00+10:00"}, None),
        ({"litestream-timestamp": "yesterday"}, None),
        ({"litestream-timestamp": ""}, None),
        ({"content-type": "text/plain", "timestamp": "2026-03-26T10:30:00Z"}, None),
        ({}, None),
    ],
)
def test_what_is_noted_is_read_or_nothing(metadata: dict[str, str], time: datetime | None) -> None:
    found = noted_time(metadata)
    assert found == time
    assert found is None or found.tzinfo is UTC


def test_fifty_are_asked_for_at_once() -> None:
    together = threading.Barrier(50, timeout=20)

    class Far(MemoryStore):
        is_local = False

        def written_time(self, key: str) -> datetime | None:
            together.wait()
            return super().written_time(key)

    store = Far(lists_written_times=False)
    keys = [f"{number}" for number in range(100)]
    for number, key in enumerate(keys):
        store.put(key, b"")
        store.set_written_time(key, WHEN + timedelta(seconds=number))
    found = list(get_written_times(store, keys))
    assert found == [(key, WHEN + timedelta(seconds=number)) for number, key in enumerate(keys)]


def test_objects_deleted_meanwhile_have_no_time_and_other_failures_are_raised() -> None:
    memory = MemoryStore(lists_written_times=False)
    memory.put("there", b"")
    store = FaultyStore(memory, is_local=False)
    assert list(get_written_times(store, ["gone", "there"])) == [("gone", None), ("there", None)]
    store.fail("head", key="there", error=AccessDenied("no", operation="head"))
    with pytest.raises(AccessDenied):
        list(get_written_times(store, ["gone", "there"]))


def test_it_can_be_cancelled() -> None:
    store = MemoryStore()
    token = CancelToken()
    for key in "ab":
        store.put(key, b"")
    found = get_written_times(store, ["a", "b"], cancel=token)
    next(found)
    token.cancel()
    with pytest.raises(Cancelled):
        next(found)


def test_memory_plays_either_kind_of_store() -> None:
    clock = FixedClock(WHEN)
    listing, noting = MemoryStore(clock=clock), MemoryStore(clock=clock, lists_written_times=False)
    for store in (listing, noting):
        store.put("k", b"1")
        store.set_written_time("k", WHEN - timedelta(hours=1))
    assert (listing.lists_written_times, listing.written_time("k")) == (True, WHEN)
    assert (noting.lists_written_times, noting.written_time("k")) == (False, WHEN - timedelta(hours=1))
    noting.put("k", b"2")
    assert noting.written_time("k") is None, "what is written anew has no old time"
    with pytest.raises(ObjectNotFound):
        noting.written_time("none")


@pytest.fixture
def noted(moto: S3Server) -> str:
    bucket = moto.make_bucket("noted")
    for key in ("0000/k", "/0000/k"):
        put_noted(moto, bucket, key, b"data", WHEN.astimezone(timezone(timedelta(hours=1))).isoformat())
    return bucket


@pytest.mark.parametrize("key", ["0000/k", "/0000/k"])
def test_one_request_each_and_nothing_of_the_object(
    moto: S3Server, proxy: FaultProxy, noted: str, key: str
) -> None:
    store = s3_of(moto, noted, path="", endpoint=proxy.endpoint)
    assert store.lists_written_times is False
    assert store.written_time(key) == WHEN
    assert [request.method for request in proxy.requests] == ["HEAD"]
    store.close()


@pytest.mark.parametrize("key", ["0000/k", "/0000/k"])
def test_a_throttled_server_is_asked_again(moto: S3Server, proxy: FaultProxy, noted: str, key: str) -> None:
    clock = FixedClock(datetime.now(UTC))
    store = s3_of(moto, noted, path="", endpoint=proxy.endpoint, clock=clock)
    proxy.add(Fault("answer", status=503, times=3))
    assert list(get_written_times(store, [key])) == [(key, WHEN)]
    assert len(clock.slept) == 3
    proxy.add(s3_error("AccessDenied", status=403, times=ALWAYS))
    with pytest.raises(AccessDenied) as caught:
        list(get_written_times(store, [key]))
    assert caught.value.object == key
    store.close()
