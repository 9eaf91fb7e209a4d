"""Each verb of a storage is judged by itself, and nothing that was tried is left behind, whatever fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sqlite_recovery_tui.clock import SYSTEM, FixedClock
from sqlite_recovery_tui.config import ReplicaConfig, replica_from_url
from sqlite_recovery_tui.doctor import store as doctor_store
from sqlite_recovery_tui.doctor.skew import judge_skew
from sqlite_recovery_tui.doctor.store import PREFIX, Seen, examine
from sqlite_recovery_tui.errors import AccessDenied, BucketNotFound
from sqlite_recovery_tui.storage.base import Store
from sqlite_recovery_tui.storage.files import FileStore
from sqlite_recovery_tui.storage.memory import MemoryStore
from sqlite_recovery_tui.storage.objects import ObjectStore
from sqlite_recovery_tui.storage.open import open_store
from sqlite_recovery_tui.storage.retry import Retry
from sqlite_recovery_tui.storage.s3 import S3Site
from tests.doctor.conftest import s3_client, s3_replica
from tests.doctor.support import bad, by_name
from tests.support.fault_proxy import ALWAYS, Fault, FaultProxy, flip_bit, s3_error
from tests.support.servers import S3Server, rclone_s3

VERBS = ("list", "delete", "put", "get", "ranged get", "conditional put", "multipart put")


IN_PARTS = 9 << 20
"""What is uploaded in parts; elsewhere less will do."""


def looked(replica: ReplicaConfig, *, write: bool = True, large: int = 1 << 20) -> Seen:
    """Examine through a store that waits for nobody, by a large object of so many bytes."""
    clock = FixedClock(datetime.now(UTC))
    site = S3Site(replica, clock=clock)
    store = ObjectStore(site, root=replica.path, url=replica.url, retry=Retry(clock))
    with closing(store), pytest.MonkeyPatch.context() as patch:
        patch.setattr(doctor_store, "_LARGE", large)
        return examine(replica, store, clock=SYSTEM, write=write)


def everything_in(server: S3Server, bucket: str) -> list[str]:
    """Return the keys of every version, delete marker and unfinished upload of a bucket."""
    client = s3_client(server)
    found = client.list_object_versions(Bucket=bucket)
    uploads = client.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
    return [one["Key"] for one in (*found.get("Versions", []), *found.get("DeleteMarkers", []), *uploads)]


def test_a_good_bucket_passes_and_nothing_stays_not_even_versions(moto: S3Server, bucket: str) -> None:
    moto.put(bucket, "app/kept", b"data")
    seen = looked(s3_replica(moto, bucket, region="us-east-1"))
    assert bad(seen.checks) == {}
    found = by_name(seen.checks)
    assert set(VERBS) <= set(found)
    assert "latency" in found
    assert "clock" in found
    assert seen.error is None
    assert everything_in(moto, bucket) == ["app/kept"]


def test_a_good_folder_passes_and_is_empty_again(tmp_path: Path) -> None:
    seen = examine(replica_from_url(tmp_path.as_uri()), FileStore(tmp_path), clock=SYSTEM)
    assert bad(seen.checks) == {}
    assert set(VERBS) <= set(by_name(seen.checks))
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    replica = replica_from_url((tmp_path / "none").as_uri())
    with closing(open_store(replica)) as store:
        seen = examine(replica, store, clock=SYSTEM)
    assert bad(seen.checks) == {"list": "fail"}
    assert isinstance(seen.error, BucketNotFound)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("fault", "failing"),
    [
        ({"method": "GET", "target": "list-type=2"}, {"list": "fail"}),
        (
            {"method": "PUT"},
            {
                "put": "fail",
                "get": "warn",
                "ranged get": "warn",
                "conditional put": "fail",
                "multipart put": "fail",
            },
        ),
        (
            {"method": "GET", "target": "-small"},
            {"get": "fail", "ranged get": "fail"},
        ),
        ({"method": "PUT", "target": "-once"}, {"conditional put": "fail"}),
        ({"method": "PUT", "target": "partNumber"}, {"multipart put": "fail"}),
    ],
    ids=["list", "put", "get", "conditional put", "multipart put"],
)
def test_a_verb_that_is_not_allowed_fails_alone(
    moto: S3Server, proxy: FaultProxy, bucket: str, fault: dict[str, str], failing: dict[str, str]
) -> None:
    proxy.add(s3_error("AccessDenied", status=403, times=ALWAYS, **fault))
    large = IN_PARTS if "multipart put" in failing else 1 << 20
    seen = looked(s3_replica(moto, bucket, endpoint=proxy.endpoint), large=large)
    assert {name: status for name, status in bad(seen.checks).items() if name in VERBS} == failing
    assert isinstance(seen.error, AccessDenied)
    assert next(check.hint for check in seen.checks if check.status == "fail")
    assert everything_in(moto, bucket) == []


def test_without_leave_to_delete_nothing_is_written(moto: S3Server, proxy: FaultProxy, bucket: str) -> None:
    moto.put(bucket, "app/kept", b"data")
    proxy.add(s3_error("AccessDenied", status=403, times=ALWAYS, method="POST", target="delete"))
    proxy.add(s3_error("AccessDenied", status=403, times=ALWAYS, method="DELETE"))
    seen = looked(s3_replica(moto, bucket, endpoint=proxy.endpoint))
    found = by_name(seen.checks)
    assert found["delete"].status == "fail"
    for name in ("put", "conditional put", "multipart put"):
        assert (found[name].status, found[name].message[:9]) == ("warn", "not tried")
    assert found["get"].status == found["ranged get"].status == "ok", "read from what is there"
    assert not any(PREFIX in request.target for request in proxy.requests if request.method == "PUT")


def test_what_is_not_deleted_is_deleted_again_or_named() -> None:
    store = _Stubborn(failures=2)
    replica = replica_from_url("file:///x")
    found = by_name(examine(replica, store, clock=SYSTEM).checks)
    assert "left behind" not in found
    assert [info for page in store.list() for info in page] == []
    stuck = by_name(examine(replica, _Stubborn(failures=ALWAYS), clock=SYSTEM).checks)["left behind"]
    assert stuck.status == "fail"
    assert f"{PREFIX}" in stuck.message
    assert stuck.hint.startswith(f"delete what begins with {PREFIX}")


class _Stubborn(MemoryStore):
    """A store whose deletes do nothing some times."""

    def __init__(self, *, failures: int) -> None:
        super().__init__("stubborn")
        self._failures = failures

    def delete(self, keys: Sequence[str]) -> None:
        self._failures -= 1
        if self._failures < 0:
            super().delete(keys)


def test_an_interrupt_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(FileStore, "get_range", interrupt)
    with pytest.raises(KeyboardInterrupt):
        examine(replica_from_url(tmp_path.as_uri()), FileStore(tmp_path), clock=SYSTEM)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        (Fault("alter", alter=flip_bit(100), method="GET", target="-small"), "get"),
        (Fault("ignore-range", times=ALWAYS, method="GET", target="-small"), "ranged get"),
    ],
    ids=["bytes that change on the way", "a server without ranges"],
)
def test_answers_that_are_not_what_was_asked(
    moto: S3Server, proxy: FaultProxy, bucket: str, fault: Fault, name: str
) -> None:
    proxy.add(fault)
    seen = looked(s3_replica(moto, bucket, endpoint=proxy.endpoint, region="us-east-1"))
    assert list(bad(seen.checks)) == [name]
    assert everything_in(moto, bucket) == []


def test_a_server_that_puts_over_what_is_there(tmp_path: Path) -> None:
    with rclone_s3(tmp_path) as server:
        server.make_bucket("b")
        seen = looked(s3_replica(server, "b", region="us-east-1"))
    found = by_name(seen.checks)
    assert found["conditional put"].status == "warn"
    assert "only one" in found["conditional put"].hint
    assert {name: found[name].status for name in VERBS if name != "conditional put"} == dict.fromkeys(
        set(VERBS) - {"conditional put"}, "ok"
    )
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_without_writes_only_reading_is_tried(moto: S3Server, proxy: FaultProxy, bucket: str) -> None:
    moto.put(bucket, "app/kept", b"data" * 100)
    seen = looked(s3_replica(moto, bucket, endpoint=proxy.endpoint), write=False)
    assert bad(seen.checks) == {}
    assert {request.method for request in proxy.requests} <= {"GET", "HEAD"}
    found = by_name(seen.checks)
    assert {"list", "get", "ranged get"} <= set(found)
    assert "put" not in found
    assert found["clock"].message == "this machine and the storage agree on the time"


def test_a_slow_server(moto: S3Server, proxy: FaultProxy, bucket: str) -> None:
    def slowly(data: bytes) -> bytes:
        time.sleep(1.1)
        return data

    proxy.add(Fault("alter", alter=slowly, method="GET", target="-small"))
    found = by_name(looked(s3_replica(moto, bucket, endpoint=proxy.endpoint)).checks)
    assert found["latency"].status == "warn"
    assert "get 1." in found["latency"].message


@pytest.mark.parametrize(
    ("off", "status", "told"), [(20, "warn", "20 s ahead of"), (-900, "fail", "15 min behind"), (0, "ok", "")]
)
def test_a_clock_that_is_off(off: int, status: str, told: str) -> None:
    store = MemoryStore("clock", clock=FixedClock(datetime(2026, 3, 26, 12, tzinfo=UTC)))
    ours = FixedClock(datetime(2026, 3, 26, 12, tzinfo=UTC) + timedelta(seconds=off))
    check = by_name(examine(replica_from_url("file:///x"), store, clock=ours).checks)["clock"]
    assert check.status == status
    assert told in check.message


def test_a_clock_that_the_date_of_an_answer_shows(moto: S3Server, bucket: str) -> None:
    replica = s3_replica(moto, bucket)
    clock = FixedClock(datetime.now(UTC) + timedelta(minutes=7))
    with closing(open_store(replica)) as store:
        check = by_name(examine(replica, store, clock=clock, write=False).checks)["clock"]
    assert check.status == "fail"
    assert judge_skew(None).status == "ok"


def test_a_store_may_be_of_any_kind() -> None:
    make: Callable[[], Store] = lambda: MemoryStore("any")  # noqa: E731
    assert bad(examine(replica_from_url("file:///x"), make(), clock=SYSTEM).checks) == {}
