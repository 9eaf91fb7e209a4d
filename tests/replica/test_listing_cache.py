"""A kept listing is what was listed, or nothing at all; it says no secret and does not grow without end."""

from __future__ import annotations

import os
import stat
import time
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sqlite_recovery_tui.folders import cache_folder
from sqlite_recovery_tui.formats.ltx import names as ltx_names
from sqlite_recovery_tui.replica import listing_cache
from sqlite_recovery_tui.replica.listing_cache import KEEP, ListingCache
from sqlite_recovery_tui.replica.timeline import Timeline, TimelineBuilder
from tests.support.listings import START, at, timeline, timeline_of

URL = "s3://bucket/app.db?endpoint=http://localhost:9000"
NOW = datetime(2026, 3, 26, 14, 0, tzinfo=UTC)


@pytest.fixture
def cache(tmp_path: Path) -> ListingCache:
    return ListingCache(tmp_path / "cache")


def file_of(cache: ListingCache) -> Path:
    [file] = cache.folder.iterdir()
    return file


def both_formats() -> Timeline:
    builder = TimelineBuilder()
    for key, item in (
        (item.key, item) for item in timeline("S0@0 0.0@1.5 0.20@2", b="S0@5 0.0@6").lineages[0].bases
    ):
        builder.add(key, item.size, item.time, "etag")
    builder.add(ltx_names.file_key(9, 1, 7), 4096, at(7.123456), None)
    builder.add(ltx_names.s3_key(0, 8, 8), 300, at(8), None)
    builder.add("notes.txt", 3, START, None)
    return builder.timeline()


@pytest.mark.parametrize("listed", [timeline("S0@0 0.0@1 1.0@2.000001"), both_formats(), timeline()])
def test_what_was_kept_is_what_was_listed(cache: ListingCache, listed: Timeline) -> None:
    cache.keep(URL, listed, NOW)
    loaded = cache.load(URL, now=NOW)
    assert loaded is not None
    found, as_of = loaded
    assert as_of == NOW
    assert found.to_json() == listed.to_json()
    assert [lane.to_json() for lane in found.lanes] == [lane.to_json() for lane in listed.lanes]


def test_times_that_were_mended_stay_so(cache: ListingCache) -> None:
    listed = both_formats()
    assert listed.ltx is not None
    mended = listed.with_ltx(listed.ltx.with_times({listed.ltx.files[0].key: at(3)}), "times of a copy")
    cache.keep(URL, mended, NOW)
    loaded = cache.load(URL, now=NOW)
    assert loaded is not None
    assert loaded[0].warnings == mended.warnings
    assert loaded[0].start == mended.start


def test_nothing_is_kept_for_another_place_and_not_for_ever(cache: ListingCache) -> None:
    cache.keep(URL, timeline("S0@0"), NOW)
    assert cache.load("s3://bucket/other", now=NOW) is None
    assert cache.load(URL, now=NOW + KEEP) is not None
    assert cache.load(URL, now=NOW + KEEP + timedelta(seconds=1)) is None
    cache.forget(URL)
    assert cache.load(URL, now=NOW) is None
    cache.forget(URL)


def test_only_its_owner_can_read_it(cache: ListingCache) -> None:
    cache.keep(URL, timeline("S0@0"), NOW)
    assert stat.S_IMODE(file_of(cache).stat().st_mode) == 0o600
    assert stat.S_IMODE(cache.folder.stat().st_mode) == 0o700
    assert "bucket" not in file_of(cache).name


def _swapped(data: bytes) -> bytes:
    return data.replace(b"listing 2", b"listing 9")


def _bomb(data: bytes) -> bytes:
    return data[: data.index(b"\n") + 1] + zlib.compress(b'{"objects": 1}\n' + bytes(4 << 20))


def _other_names(data: bytes) -> bytes:
    head = data.index(b"\n") + 1
    return data[:head] + zlib.compress(zlib.decompress(data[head:]).replace(b"snapshot.lz4", b"snapshot.zip"))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: data[:-1],
        lambda data: data[:40],
        lambda data: data[:60] + bytes([data[60] ^ 255]) + data[61:],
        lambda data: b"\x00\xff" * 5000,
        _swapped,
        _bomb,
        _other_names,
    ],
    ids=["empty", "cut by one", "cut short", "flipped", "garbage", "other version", "bomb", "other names"],
)
def test_a_file_that_is_not_sound_is_as_good_as_none(
    cache: ListingCache, spoil: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing_cache, "MAX_RAW_BYTES", 1 << 20)
    cache.keep(URL, timeline("S0@0 0.0@1"), NOW)
    file = file_of(cache)
    file.write_bytes(spoil(file.read_bytes()))
    assert cache.load(URL, now=NOW) is None
    cache.keep(URL, timeline("S0@0"), NOW)
    assert cache.load(URL, now=NOW) is not None


def test_a_file_in_the_place_of_another_is_not_believed(cache: ListingCache) -> None:
    cache.keep(URL, timeline("S0@0"), NOW)
    first = file_of(cache)
    data = first.read_bytes()
    first.unlink()
    cache.keep("s3://other", timeline("S0@0"), NOW)
    file_of(cache).write_bytes(data)
    assert cache.load("s3://other", now=NOW) is None


def test_a_folder_that_cannot_be_used_is_no_reason_to_fail(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    cache = ListingCache(tmp_path / "file" / "below")
    cache.keep(URL, timeline("S0@0"), NOW)
    assert cache.load(URL, now=NOW) is None
    cache.forget(URL)


def test_a_link_in_the_place_of_the_file_is_not_written_through(cache: ListingCache, tmp_path: Path) -> None:
    cache.keep(URL, timeline("S0@0"), NOW)
    file, target = file_of(cache), tmp_path / "precious"
    target.write_text("precious")
    file.unlink()
    file.symlink_to(target)
    cache.keep(URL, timeline("S0@0"), NOW)
    assert target.read_text() == "precious"
    assert not file.is_symlink()


def test_it_is_bounded_and_the_oldest_make_room(cache: ListingCache, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = timeline("S0@0")
    for number in range(4):
        cache.keep(f"s3://bucket/{number}", listed, NOW)
        newest = max(cache.folder.iterdir(), key=lambda file: file.stat().st_mtime_ns)
        os.utime(newest, (time.time() - 100 + number,) * 2)
    left_behind = cache.folder / "x.tmp"
    left_behind.write_bytes(b"")
    os.utime(left_behind, (0, 0))
    monkeypatch.setattr(listing_cache, "MAX_TOTAL_BYTES", 3 * newest.stat().st_size + 50)
    cache.keep("s3://bucket/4", listed, NOW)
    kept = [cache.load(f"s3://bucket/{number}", now=NOW) is not None for number in range(5)]
    assert kept == [False, False, True, True, True]
    assert not left_behind.exists()
    monkeypatch.setattr(listing_cache, "MAX_FILE_BYTES", 10)
    cache.keep("s3://bucket/5", listed, NOW)
    assert cache.load("s3://bucket/5", now=NOW) is None


def test_a_long_listing_is_small(cache: ListingCache) -> None:
    builder = TimelineBuilder()
    for txid in range(1, 100_001):
        builder.add(ltx_names.file_key(0, txid, txid), 300 + txid % 700, at(txid), "etag")
    listed = builder.timeline()
    cache.keep(URL, listed, NOW)
    assert file_of(cache).stat().st_size < 20 * listed.objects
    loaded = cache.load(URL, now=NOW)
    assert loaded is not None
    assert loaded[0].objects == 100_000


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"XDG_CACHE_HOME": "/c", "HOME": "/h"}, "/c/sqlrecover"),
        ({"XDG_CACHE_HOME": "relative", "HOME": "/h"}, "/h/.cache/sqlrecover"),
        ({"HOME": "/h"}, "/h/.cache/sqlrecover"),
    ],
)
def test_it_lies_where_caches_lie(environ: dict[str, str], expected: str) -> None:
    assert cache_folder(environ) == Path(expected)


def test_without_a_home_it_lies_in_a_folder_of_the_users_own() -> None:
    assert str(os.getuid()) in str(cache_folder({}))


def test_an_empty_replica_is_worth_keeping_too(cache: ListingCache) -> None:
    cache.keep(URL, timeline_of([], others=["a", "b"]), NOW)
    loaded = cache.load(URL, now=NOW)
    assert loaded is not None
    assert loaded[0].other_objects == 2
