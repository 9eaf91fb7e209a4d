"""Listings of object storage: many pages, broken pages, keys that one client cannot list, no duplicates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from sqlite_recovery_tui.clock import FixedClock
from sqlite_recovery_tui.errors import StorageError
from sqlite_recovery_tui.storage.base import ObjectInfo, StoreKind
from sqlite_recovery_tui.storage.objects import ObjectStore
from sqlite_recovery_tui.storage.raw import Raw, UnlistableKey
from sqlite_recovery_tui.storage.retry import Failure, Retry
from tests.storage.conftest import s3_of
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.servers import S3Server, upload_tree

WHEN = datetime(2026, 3, 26, 10, 30, tzinfo=UTC)
COUNT = 2_500
ROOT = "app"


@pytest.fixture(scope="module")
def bucket(moto: S3Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    tree = tmp_path_factory.mktemp("tree")
    for number in range(COUNT):
        (tree / f"{number:08x}_00000000.wal.lz4").write_bytes(b"x" * (number % 7))
    name = moto.make_bucket("many-keys")
    upload_tree(moto, name, f"{ROOT}/wal/", tree)
    moto.put(name, "application/other", b"not below the root")
    return name


def keys_of(store: ObjectStore, prefix: str = "") -> list[str]:
    return [info.key for page in store.list(prefix) for info in page]


EXPECTED = [f"wal/{number:08x}_00000000.wal.lz4" for number in range(COUNT)]


@pytest.mark.parametrize("signed", [False, True])
def test_all_pages_are_listed_each_as_it_comes(moto: S3Server, bucket: str, signed: bool) -> None:
    store = s3_of(moto, bucket, path=ROOT, signed=signed)
    pages = list(store.list())
    assert [info.key for page in pages for info in page] == EXPECTED
    assert [info.size for page in pages for info in page] == [number % 7 for number in range(COUNT)]
    assert len(pages) == 3


def test_a_page_can_be_used_before_the_next_is_asked_for(
    moto: S3Server, proxy: FaultProxy, bucket: str
) -> None:
    store = s3_of(moto, bucket, path=ROOT, endpoint=proxy.endpoint)
    listing = store.list()
    assert len(next(listing)) == 1000
    assert len(proxy.requests) <= 2
    listing.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("fault", ["reset-before", "reset-after", "truncate"])
@pytest.mark.parametrize("signed", [False, True])
def test_a_broken_page_is_asked_for_again_and_nothing_comes_twice(
    moto: S3Server, proxy: FaultProxy, bucket: str, fault: Any, signed: bool
) -> None:
    store = s3_of(moto, bucket, path=ROOT, endpoint=proxy.endpoint, signed=signed)
    proxy.add(Fault(fault, target="continuation-token", keep=5000, times=2))
    assert keys_of(store) == EXPECTED
    again = [request for request in proxy.requests if "start-after" in request.target]
    assert again, "it goes on after the last key it has"


def test_a_prefix_within_a_name_is_honoured(moto: S3Server, bucket: str) -> None:
    store = s3_of(moto, bucket, path=ROOT)
    assert keys_of(store, "wal/000009c") == [key for key in EXPECTED if key.startswith("wal/000009c")]


def test_other_prefixes_of_the_bucket_stay_out(moto: S3Server, bucket: str) -> None:
    assert keys_of(s3_of(moto, bucket, path="app"), "lication") == []
    assert len(keys_of(s3_of(moto, bucket, path=""))) == COUNT + 1
    assert s3_of(moto, bucket, path="").list_folders() == ["app/", "application/"]


class Broke(Exception):
    pass


class ScriptedRaw:
    """Lists `keys` two at a time; breaks or meets an unlistable key after as many pages as told."""

    failures = (Broke,)

    def __init__(self, keys: list[str], *, breaks: Sequence[Exception | None] = (), after: int = 1) -> None:
        self.keys = keys
        self.breaks = list(breaks)
        self.after_pages = after
        self.asked: list[str] = []

    def pages(self, prefix: str, *, after: str, cut: int) -> Iterator[Sequence[ObjectInfo]]:
        self.asked.append(after)
        keys = [key for key in self.keys if key.startswith(prefix) and key > after]
        error = self.breaks.pop(0) if self.breaks else None
        for number, at in enumerate(range(0, len(keys), 2)):
            if error is not None and number == self.after_pages:
                raise error
            yield [ObjectInfo(key[cut:], 1, WHEN) for key in keys[at : at + 2]]


class ScriptedSite:
    kind: StoreKind = "gs"
    ranges = True
    lists_written_times = False

    def __init__(self, raw: ScriptedRaw, odd: ScriptedRaw | None = None) -> None:
        self._raw = raw
        self._odd = odd

    def raw(self) -> Raw:
        return self._raw  # type: ignore[return-value]

    def raw_for_odd_keys(self) -> Raw | None:
        return self._odd  # type: ignore[return-value]

    def explain(self, error: Exception, operation: str) -> Failure:
        return Failure(StorageError, "it broke", again="soon")

    def doubt_emptiness(self) -> None:
        pass

    def close(self) -> None:
        pass


def store_on(raw: ScriptedRaw, odd: ScriptedRaw | None = None) -> ObjectStore:
    return ObjectStore(ScriptedSite(raw, odd), root="r", url="gs://b/r", retry=Retry(FixedClock(WHEN)))


def test_a_service_that_lists_in_no_order_is_listed_anew_without_duplicates() -> None:
    keys = ["r/c", "r/a", "r/e", "r/b", "r/d"]
    raw = ScriptedRaw(keys, breaks=[Broke(), Broke()], after=2)
    assert keys_of(store_on(raw)) == ["c", "a", "e", "b", "d"]
    assert raw.asked == ["", "", ""]


def test_a_service_that_lists_in_order_goes_on() -> None:
    raw = ScriptedRaw([f"r/{letter}" for letter in "abcdef"], breaks=[Broke(), Broke()])
    assert keys_of(store_on(raw)) == list("abcdef")
    assert raw.asked == ["", "r/b", "r/d"]


def test_a_listing_that_never_gets_on_is_given_up() -> None:
    raw = ScriptedRaw(["r/a"], breaks=[Broke()] * 50, after=0)
    with pytest.raises(StorageError, match=r"cannot list gs://b/r: it broke \(6 attempts\)"):
        keys_of(store_on(raw))


def test_an_unlistable_key_sends_the_rest_the_other_way() -> None:
    raw = ScriptedRaw(["r/a", "r/b", "r/c"], breaks=[UnlistableKey("r//x")])
    odd = ScriptedRaw(["r//x", "r/a", "r/b", "r/c"])
    assert sorted(keys_of(store_on(raw, odd))) == ["/x", "a", "b", "c"]


def test_an_unlistable_key_where_there_is_no_other_way_is_named() -> None:
    raw = ScriptedRaw(["r/a"], breaks=[UnlistableKey("r/\x1b[31m//x")], after=0)
    with pytest.raises(StorageError, match="cannot be listed") as caught:
        keys_of(store_on(raw))
    assert "r/\\x1b[31m//x" in caught.value.message
    assert "\x1b" not in caught.value.message
