"""What every kind of store promises, asked of each of them."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sqlite_recovery_tui.errors import BucketNotFound, ObjectNotFound, ShortBody, StorageError
from sqlite_recovery_tui.storage.base import Store
from sqlite_recovery_tui.storage.many import get_many, get_written_times
from sqlite_recovery_tui.storage.ranges import get_ranges
from tests.storage.conftest import ROOT, Place, put_noted
from tests.support.servers import S3Server

PLAIN_KEYS = [
    "generations/0123456789abcdef/wal/00000000_00000000.wal.lz4",
    "with space and  two",
    "ünïcödé/日本/é",
    "e\u0301",
    "per%20cent/100%/%2e%2e",
    "a+b=c&d?e#f",
    "quo'te\"s/back\\slash",
    "~tilde/*star/$dollar/@at,;:!()[]{}^`|<>",
    "...",
    ".hidden/file.tmp",
    "l" * 250,
]
ODD_KEYS = ["../up", "a/../b", "a//b", "./here", "a/./b", "a/..", "control\x01\x1f\x7f"]


def keys_of(store: Store, prefix: str = "") -> list[str]:
    return sorted(info.key for page in store.list(prefix) for info in page)


def test_it_is_a_store(place: Place) -> None:
    assert isinstance(place.store, Store)
    assert place.store.url.partition("://")[0] == place.store.kind
    assert place.store.is_local is (place.kind in ("files", "memory"))


@pytest.mark.parametrize("key", PLAIN_KEYS)
def test_a_key_means_itself(place: Place, key: str) -> None:
    info = place.store.put(key, b"data of " + key.encode())
    assert (info.key, info.size) == (key, len(b"data of " + key.encode()))
    assert place.store.get(key) == b"data of " + key.encode()
    assert place.store.head(key) == info
    assert keys_of(place.store) == [key]
    place.store.delete([key])
    assert keys_of(place.store) == []


def test_keys_that_look_alike_are_different_objects(place: Place) -> None:
    alike = ["a b", "a+b", "a%20b", "a%2520b", "é", "e\u0301", "A b"]
    for key in alike:
        place.store.put(key, key.encode())
    assert keys_of(place.store) == sorted(alike)
    assert [place.store.get(key) for key in alike] == [key.encode() for key in alike]


@pytest.mark.parametrize("key", ODD_KEYS)
def test_an_odd_key_is_an_object_or_an_error_but_never_another_place(place: Place, key: str) -> None:
    place.store.put("b", b"theirs")
    if place.kind == "s3-rclone" and key not in ODD_KEYS[:2]:
        pytest.skip("refuses them all alike, a second each")
    if not place.any_key and key != "control\x01\x1f\x7f":
        for act in (place.store.get, lambda key: place.store.put(key, b"mine")):
            with pytest.raises(StorageError) as caught:
                act(key)
            assert caught.value.object == key
        assert keys_of(place.store) == ["b"]
    else:
        place.store.put(key, b"mine")
        assert place.store.get(key) == b"mine"
        assert place.store.get_range(key, 1, 2) == b"in"
        assert b"".join(place.store.stream(key, start=1)) == b"ine"
        assert keys_of(place.store) == sorted(["b", key])
    assert place.store.get("b") == b"theirs"


def test_odd_keys_do_not_hide_the_others(place: Place) -> None:
    if not place.any_key:
        pytest.skip("keys are paths here")
    plain = [f"generations/{number:016x}/wal/00000000_00000000.wal.lz4" for number in range(20)]
    for key in [*plain, *ODD_KEYS]:
        place.store.put(key, b"x")
    assert keys_of(place.store) == sorted([*plain, *ODD_KEYS])
    assert place.store.list_folders("generations/") == [f"generations/{n:016x}/" for n in range(20)]
    assert "../" in place.store.list_folders()


@pytest.mark.parametrize("key", ["../outside", "/etc/passwd", "x/../../outside", "generations/\0"])
def test_no_key_leads_out_of_the_root(place: Place, key: str) -> None:
    if place.directory is None or place.kind == "s3-rclone":
        pytest.skip("keys are no paths of ours here")
    place.directory.mkdir(parents=True, exist_ok=True)
    outside = place.directory.parent / "outside"
    outside.write_bytes(b"not yours")
    for act in (place.store.get, place.store.head, lambda k: place.store.put(k, b"overwritten")):
        with pytest.raises(StorageError):
            act(key)
    with pytest.raises(StorageError):
        list(place.store.stream(key))
    assert outside.read_bytes() == b"not yours"
    assert list(place.store.list("../")) == []


def test_prefixes_are_plain_text(place: Place) -> None:
    keys = ["wal/00000001_0", "wal/00000001_1", "wal/00000010_0", "wal2/x", "w", "walrus"]
    for key in keys:
        place.store.put(key, b"")
    for prefix in ("", "w", "wal", "wal/", "wal/0000000", "wal/00000001_", "wal/00000001_1", "x", "wal/x/y"):
        assert keys_of(place.store, prefix) == sorted(key for key in keys if key.startswith(prefix)), prefix


def test_folders_are_those_directly_below(place: Place) -> None:
    for key in ("a/1", "a/b/2", "a/b/c/3", "a d/4", "top"):
        place.store.put(key, b"")
    assert place.store.list_folders() == ["a d/", "a/"]
    assert place.store.list_folders("a/") == ["a/b/"]
    assert place.store.list_folders("a/b/c/") == []
    assert place.store.list_folders("none/") == []


def test_a_missing_object_is_named(place: Place) -> None:
    place.store.put("there/is", b"1")
    acts: Iterable[Any] = (
        place.store.get,
        place.store.head,
        lambda key: place.store.get_range(key, 0, 1),
        lambda key: list(place.store.stream(key)),
    )
    for act in acts:
        for key in ("there/is not", "there"):
            with pytest.raises(ObjectNotFound) as caught:
                act(key)
            assert caught.value.object == key
            assert key in caught.value.message
            assert place.store.url in caught.value.message
            assert caught.value.hint
            assert caught.value.code == 6


def test_a_missing_bucket_or_directory_is_no_empty_listing(place: Place) -> None:
    for act in (lambda: list(place.missing.list()), place.missing.list_folders):
        with pytest.raises(BucketNotFound) as caught:
            act()
        assert place.missing.url in caught.value.message


def test_an_empty_store_lists_nothing(place: Place) -> None:
    assert list(place.store.list()) == []
    assert place.store.list_folders() == []


def test_ranges_are_exact(place: Place) -> None:
    data = bytes(range(256)) * 40
    place.store.put("k", data)
    for start, length in ((0, 1), (0, len(data)), (1, 100), (5000, 5240), (len(data) - 1, 1), (7, 0)):
        assert place.store.get_range("k", start, length) == data[start : start + length]


@pytest.mark.parametrize(("start", "length"), [(5, 6), (10, 1), (1000, 1), (0, 11)])
def test_a_range_past_the_end_is_short_not_clamped(place: Place, start: int, length: int) -> None:
    place.store.put("k", b"0123456789")
    with pytest.raises(ShortBody):
        place.store.get_range("k", start, length)


def test_it_knows_that_it_answers_ranges(place: Place) -> None:
    place.store.put("k", b"0123456789")
    assert place.store.answers_ranges("k")
    assert place.store.get_range("k", 3, 4) == b"3456"


def test_streams_begin_where_asked_and_come_in_pieces(place: Place) -> None:
    data = os.urandom(3_000_001)
    place.store.put("big", data)
    pieces = list(place.store.stream("big", chunk_bytes=500_000))
    assert b"".join(pieces) == data
    assert 3 <= len(pieces) <= 12
    for start in (0, 1, 1_999_999, 3_000_000, 3_000_001):
        assert b"".join(place.store.stream("big", start=start)) == data[start:]


def test_an_abandoned_stream_harms_nobody(place: Place) -> None:
    place.store.put("big", b"x" * 2_000_000)
    for _ in range(20):
        stream = place.store.stream("big", chunk_bytes=100_000)
        next(stream)
        stream.close()  # type: ignore[attr-defined]
    assert len(place.store.get("big")) == 2_000_000


def test_empty_objects_are_objects(place: Place) -> None:
    assert place.store.put("empty", b"").size == 0
    assert place.store.get("empty") == b""
    assert list(place.store.stream("empty")) == []
    assert keys_of(place.store) == ["empty"]


def test_times_are_aware_utc_and_recent(place: Place) -> None:
    before = datetime.now(UTC) - timedelta(seconds=2)
    place.store.put("k", b"1")
    listed = [info for page in place.store.list() for info in page]
    assert before <= listed[0].time <= datetime.now(UTC) + timedelta(seconds=1)
    assert listed[0].time.utcoffset() == timedelta(0)
    assert abs(listed[0].time - place.store.head("k").time) < timedelta(seconds=1)


def test_a_put_replaces_whole_objects_and_the_etag_shows_it(place: Place) -> None:
    first = place.store.put("k", b"first and long")
    second = place.store.put("k", b"second")
    assert place.store.get("k") == b"second"
    assert first.etag
    assert second.etag
    assert first.etag != second.etag


def test_a_file_is_put_as_its_bytes_would_be(place: Place, tmp_path: Path) -> None:
    data = os.urandom(17 << 20)  # several parts where there are parts
    (tmp_path / "source").write_bytes(data)
    place.store.put("a/big", b"before")
    assert place.store.put_file("a/big", tmp_path / "source").size == len(data)
    assert place.store.get("a/big") == data
    assert keys_of(place.store) == ["a/big"]
    with pytest.raises(FileNotFoundError):
        place.store.put_file("a/other", tmp_path / "missing")
    assert keys_of(place.store) == ["a/big"]


def test_the_listing_says_what_head_says(place: Place) -> None:
    place.store.put("a/k", b"12345")
    (info,) = [info for page in place.store.list() for info in page]
    head = place.store.head("a/k")
    assert (info.key, info.size, info.etag) == (head.key, head.size, head.etag)


def test_put_if_absent_keeps_what_is_there(place: Place) -> None:
    assert place.store.put_if_absent("lock", b"mine") is True
    assert place.store.put_if_absent("lock", b"theirs") is False
    assert place.store.put_if_absent("lock", b"mine") is False
    assert place.store.get("lock") == b"mine"
    assert place.store.put_if_absent("other", b"2") is True


def test_delete_takes_many_and_minds_no_missing_ones(place: Place) -> None:
    for number in range(5):
        place.store.put(f"d/{number}", b"x")
    place.store.put("kept", b"x")
    place.store.delete(["d/0", "d/never was", "d/1", "d/2", "d/3", "d/4"])
    place.store.delete([])
    assert keys_of(place.store) == ["kept"]


def test_many_threads_share_a_store(place: Place) -> None:
    keys = [f"t/{number:03}" for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: place.store.put(key, key.encode() * 100), keys))
        assert list(pool.map(place.store.get, keys)) == [key.encode() * 100 for key in keys]
        pool.submit(keys_of, place.store).result()
    assert keys_of(place.store) == keys


def test_many_objects_come_in_the_order_asked(place: Place) -> None:
    keys = [f"t/{number:03}" for number in range(60)]
    for key in keys:
        place.store.put(key, key.encode())
    asked = keys[::-1] + keys[:5]
    assert list(get_many(place.store, asked, concurrency=8)) == [(key, key.encode()) for key in asked]
    assert threading.active_count() < 60


def test_parts_of_objects_come_in_the_order_asked(place: Place) -> None:
    data = {key: os.urandom(200_000) for key in ("a", "b/c", "d")}
    for key, content in data.items():
        place.store.put(key, content)
    parts = [(key, start, 4096) for start in range(0, 190_000, 30_000) for key in data]
    parts += [("a", 100_000 + 100 * number, 100) for number in range(50)]
    parts += [("d", 199_999, 1), ("b/c", 0, 200_000), ("a", 7, 0)]
    found = list(get_ranges(place.store, parts, concurrency=8, ahead_bytes=100_000))
    assert [part for part, _ in found] == parts
    assert all(got == data[key][start : start + length] for (key, start, length), got in found)
    with pytest.raises(ShortBody):
        list(get_ranges(place.store, [("a", 0, 10), ("a", 199_990, 11)]))
    with pytest.raises(ObjectNotFound):
        list(get_ranges(place.store, [("a", 0, 10), ("none", 0, 10), ("a", 0, 10)]))


def test_written_times_are_listed_or_noted_beside_the_object(
    place: Place, request: pytest.FixtureRequest
) -> None:
    keys = [f"0000/{number:016x}.ltx" for number in range(30)]
    for key in [*keys, "bare"]:
        place.store.put(key, b"x")
    if place.store.lists_written_times:
        assert place.kind in ("files", "memory", "sftp")
        listed = {info.key: info.time for page in place.store.list() for info in page}
        assert dict(get_written_times(place.store, keys)) == {key: listed[key] for key in keys}
        return
    server: S3Server = request.getfixturevalue("rclone" if place.kind == "s3-rclone" else "moto")
    for number, key in enumerate(keys):
        put_noted(server, place.bucket, f"{ROOT}/{key}", b"x", f"2026-03-26T10:30:{number:02}.125Z")
    wanted: list[tuple[str, datetime | None]] = [
        (key, datetime(2026, 3, 26, 10, 30, number, 125_000, tzinfo=UTC)) for number, key in enumerate(keys)
    ]
    asked = [*keys, "bare", "deleted meanwhile"]
    found = list(get_written_times(place.store, asked))
    assert found == [*wanted, ("bare", None), ("deleted meanwhile", None)]
    with pytest.raises(ObjectNotFound):
        place.store.written_time("none")


def test_a_closed_store_lets_go(place: Place) -> None:
    place.store.put("k", b"1")
    place.store.close()
    place.store.close()
