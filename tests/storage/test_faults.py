"""What a store does when the server misbehaves: retried within bounds, then named; never wrong bytes."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sqlite_recovery_tui.clock import FixedClock
from sqlite_recovery_tui.errors import (
    AccessDenied,
    BucketNotFound,
    ClockSkew,
    ShortBody,
    StorageError,
    Unreachable,
    WrongRegion,
)
from sqlite_recovery_tui.storage.objects import ObjectStore
from sqlite_recovery_tui.storage.timeouts import Timeouts
from tests.storage.conftest import QUICK, s3_of
from tests.support.fault_proxy import ALWAYS, Fault, FaultProxy, flip_bit, s3_error
from tests.support.servers import S3Server

DATA = os.urandom(1_000_003)
ROOT = "app"


@pytest.fixture(scope="module")
def bucket(moto: S3Server) -> str:
    name = moto.make_bucket("faults")
    moto.put(name, f"{ROOT}/wal/k", DATA)
    return name


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime.now(UTC))


@pytest.fixture(params=["usual way", "way of odd keys"])
def store(
    request: pytest.FixtureRequest, moto: S3Server, proxy: FaultProxy, bucket: str, clock: FixedClock
) -> Iterator[ObjectStore]:
    signed = request.param == "way of odd keys"
    opened = s3_of(moto, bucket, endpoint=proxy.endpoint, path=ROOT, clock=clock, signed=signed)
    yield opened
    opened.close()


def is_signed(store: ObjectStore) -> bool:
    return type(store._site).__name__ == "SignedSite"


def listed(store: ObjectStore) -> list[str]:
    return [info.key for page in store.list() for info in page]


def streamed(store: ObjectStore) -> bytes:
    return b"".join(store.stream("wal/k", chunk_bytes=100_000))


READS: dict[str, Callable[[ObjectStore], Any]] = {
    "get": lambda store: store.get("wal/k") == DATA,
    "stream": lambda store: streamed(store) == DATA,
    "range": lambda store: store.get_range("wal/k", 5, 10) == DATA[5:15],
    "head": lambda store: store.head("wal/k").size == len(DATA),
    "written time": lambda store: store.written_time("wal/k") is None,
    "list": lambda store: "wal/k" in listed(store),
    "folders": lambda store: store.list_folders() == ["wal/"],
    "put": lambda store: store.put("written", DATA).size == len(DATA),
    "delete": lambda store: store.delete(["written"]) is None,
}
HEADS = ("head", "written time")
PASSING = {
    "500": lambda: Fault("answer", status=500),
    "502 page": lambda: Fault("answer", status=502, body=b"<html>bad gateway</html>"),
    "slow down": lambda: s3_error("SlowDown", status=503),
    "too many": lambda: Fault("answer", status=429),
    "request timeout": lambda: s3_error("RequestTimeout", status=400),
    "reset before": lambda: Fault("reset-before"),
    "reset after": lambda: Fault("reset-after"),
}


@pytest.mark.parametrize("operation", READS)
@pytest.mark.parametrize("fault", PASSING)
def test_a_passing_fault_is_outlived(
    store: ObjectStore, proxy: FaultProxy, clock: FixedClock, operation: str, fault: str
) -> None:
    if operation in HEADS and fault == "request timeout":
        pytest.skip("an answer to HEAD has no body to carry the code")
    store.put("written", b"")
    proxy.add(PASSING[fault](), PASSING[fault]())
    assert READS[operation](store)
    assert len(clock.slept) == 2
    store.delete(["written"])


@pytest.mark.parametrize("operation", READS)
def test_a_lasting_fault_ends_in_an_error_that_names_it(
    store: ObjectStore, proxy: FaultProxy, clock: FixedClock, operation: str
) -> None:
    proxy.add(s3_error("SlowDown", status=503, times=ALWAYS))
    with pytest.raises(StorageError) as caught:
        READS[operation](store)
    assert caught.value.code == 6
    assert len(proxy.requests) == 6
    assert sum(clock.slept) < 40
    reason = "overloaded (503)" if operation in HEADS else "fewer requests (SlowDown)"
    for part in ("cannot ", reason, "(6 attempts)", store.url):
        assert part in caught.value.message
    assert caught.value.hint
    if operation in ("get", "stream", "range", "head"):
        assert caught.value.object == "wal/k"
        assert "wal/k" in caught.value.message


@pytest.mark.parametrize("politely", [False, True])
def test_a_body_that_breaks_is_read_again(store: ObjectStore, proxy: FaultProxy, politely: bool) -> None:
    proxy.add(*(Fault("truncate", keep=keep, politely=politely) for keep in (0, 1000, 999_999)))
    assert store.get("wal/k") == DATA
    assert len(proxy.requests) == 4
    proxy.add(*(Fault("truncate", keep=keep, politely=politely) for keep in (0, 1000, 999_999)))
    assert streamed(store) == DATA


@pytest.mark.parametrize("politely", [False, True])
def test_a_body_that_always_breaks_is_an_error(store: ObjectStore, proxy: FaultProxy, politely: bool) -> None:
    proxy.add(Fault("truncate", keep=1000, times=ALWAYS, politely=politely))
    reason = "the answer ended early" if politely else "the connection broke"
    with pytest.raises(StorageError, match=reason):
        store.get("wal/k")
    with pytest.raises(StorageError, match=reason):
        store.get_range("wal/k", 0, 5000)


def test_a_stream_goes_on_where_it_broke(store: ObjectStore, proxy: FaultProxy) -> None:
    proxy.add(Fault("truncate", keep=300_000), Fault("truncate", keep=300_000), Fault("reset-before"))
    assert streamed(store) == DATA
    ranges = [request.headers.get("range") or request.headers.get("Range") for request in proxy.requests]
    assert ranges[0] is None
    starts = [int(wanted.removeprefix("bytes=").rstrip("-")) for wanted in ranges[1:] if wanted]
    assert len(starts) == 3
    assert 0 < starts[0] < starts[1] == starts[2] <= 600_000


def test_a_stream_that_moves_on_may_break_often(store: ObjectStore, proxy: FaultProxy) -> None:
    proxy.add(*(Fault("truncate", keep=150_000) for _ in range(9)))
    assert streamed(store) == DATA


def test_a_stream_that_does_not_move_gives_up(store: ObjectStore, proxy: FaultProxy) -> None:
    proxy.add(Fault("truncate", keep=300_000), Fault("reset-before", times=ALWAYS))
    with pytest.raises(StorageError, match="wal/k"):
        streamed(store)
    assert len(proxy.requests) <= 7


def test_a_broken_stream_goes_on_without_ranges_too(store: ObjectStore, proxy: FaultProxy) -> None:
    proxy.add(Fault("truncate", keep=300_000), Fault("ignore-range", times=ALWAYS))
    assert streamed(store) == DATA
    assert store.answers_ranges("wal/k") is False


def test_a_stream_never_mixes_two_objects(
    moto: S3Server, bucket: str, store: ObjectStore, proxy: FaultProxy
) -> None:
    moto.put(bucket, f"{ROOT}/wal/changing", DATA)
    proxy.add(Fault("truncate", keep=300_000))
    stream = store.stream("wal/changing", chunk_bytes=100_000)
    got = next(stream)
    moto.put(bucket, f"{ROOT}/wal/changing", DATA[::-1])
    rest: list[bytes] = []
    with pytest.raises(StorageError, match="changed while it was read"):
        rest.extend(stream)
    assert DATA.startswith(got + b"".join(rest))
    store.delete(["wal/changing"])


def test_ranges_are_right_on_servers_that_send_everything(store: ObjectStore, proxy: FaultProxy) -> None:
    proxy.add(Fault("ignore-range", times=ALWAYS))
    assert store.get_range("wal/k", 999_000, 1003) == DATA[999_000:]
    assert store.answers_ranges("wal/k") is False
    proxy.requests.clear()
    assert store.get_range("wal/k", 10, 20) == DATA[10:30]
    assert len(proxy.requests) == 1, "what the server cannot do is asked once"


def test_a_short_answer_to_a_range_is_an_error(store: ObjectStore, proxy: FaultProxy) -> None:
    assert store.answers_ranges("wal/k")
    proxy.add(Fault("alter", alter=lambda data: data[:-1], times=ALWAYS))
    with pytest.raises(StorageError):
        store.get_range("wal/k", 0, 100)


def test_no_answer_is_given_up_in_bounded_time(moto: S3Server, proxy: FaultProxy, bucket: str) -> None:
    store = s3_of(moto, bucket, endpoint=proxy.endpoint, path=ROOT, timeouts=QUICK)
    proxy.add(Fault("hang", times=ALWAYS))
    with pytest.raises(Unreachable, match="no answer in time"):
        store.get("wal/k")
    assert len(proxy.requests) == 3


def test_one_hanging_request_is_outlived(moto: S3Server, proxy: FaultProxy, bucket: str) -> None:
    patience = Timeouts(connect_seconds=3.0, read_seconds=3.0)
    store = s3_of(moto, bucket, endpoint=proxy.endpoint, path=ROOT, timeouts=patience)
    proxy.add(Fault("hang"))
    assert store.get("wal/k") == DATA


REFUSALS: dict[str, tuple[Callable[[], Fault], type[StorageError], str]] = {
    "denied": (lambda: s3_error("AccessDenied", status=403, times=ALWAYS), AccessDenied, "s3:"),
    "unknown key": (
        lambda: s3_error("InvalidAccessKeyId", status=403, times=ALWAYS),
        AccessDenied,
        "access key id",
    ),
    "wrong secret": (
        lambda: s3_error("SignatureDoesNotMatch", status=403, times=ALWAYS),
        AccessDenied,
        "secret",
    ),
    "ended session": (
        lambda: s3_error("ExpiredToken", status=400, times=ALWAYS),
        AccessDenied,
        "sign in again",
    ),
    "no bucket": (
        lambda: s3_error("NoSuchBucket", status=404, times=ALWAYS),
        BucketNotFound,
        "check the name",
    ),
    "bare redirect": (lambda: Fault("answer", status=301, times=ALWAYS), WrongRegion, "region"),
    "named region": (
        lambda: s3_error(
            "AuthorizationHeaderMalformed", status=400, extra="<Region>eu-west-1</Region>", times=ALWAYS
        ),
        WrongRegion,
        "region: eu-west-1",
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("operation", ["get", "stream", "range", "list", "folders", "put", "delete"])
def test_a_refusal_is_told_apart_and_not_repeated(
    store: ObjectStore, proxy: FaultProxy, clock: FixedClock, refusal: str, operation: str
) -> None:
    fault, kind, hint = REFUSALS[refusal]
    proxy.add(fault())
    with pytest.raises(kind) as caught:
        READS[operation](store)
    assert type(caught.value) is kind
    assert hint in caught.value.hint
    assert clock.slept == []
    assert len([request for request in proxy.requests if request.method != "HEAD"]) == 1


@pytest.mark.parametrize("told", ["in the error", "in the headers"])
def test_a_wrong_clock_is_measured(
    store: ObjectStore, proxy: FaultProxy, clock: FixedClock, told: str
) -> None:
    clock.moment = datetime(2026, 3, 26, 12, 30, tzinfo=UTC)
    server = clock.moment - timedelta(hours=2, minutes=3)
    if told == "in the error":
        stamp = server.strftime("%Y%m%dT%H%M%SZ")
        proxy.add(s3_error("RequestTimeTooSkewed", status=403, extra=f"<ServerTime>{stamp}</ServerTime>"))
    else:
        date = server.strftime("%a, %d %b %Y %H:%M:%S GMT")
        proxy.add(
            s3_error("RequestTimeTooSkewed", status=403, method="GET"),
            Fault("answer", method="HEAD", status=403, headers={"Date": date}),
        )
    with pytest.raises(ClockSkew, match="clock is 2:03:00 ahead of the server's"):
        store.get("wal/k")


def test_an_ended_session_is_not_the_only_thing_403_means(store: ObjectStore, proxy: FaultProxy) -> None:
    proxy.add(Fault("answer", status=403, method="GET"))
    with pytest.raises(AccessDenied, match="access denied"):
        store.get("wal/k")


def test_a_denied_verb_is_named(store: ObjectStore, proxy: FaultProxy) -> None:
    proxy.add(s3_error("AccessDenied", status=403, target="wal/k" if is_signed(store) else "?delete"))
    with pytest.raises(AccessDenied) as caught:
        store.delete(["wal/k"])
    assert "s3:DeleteObject" in caught.value.hint


def test_a_flipped_bit_arrives_as_it_is(store: ObjectStore, proxy: FaultProxy) -> None:
    """Nothing here can see it: the formats' own checksums must, and their tests use this fault."""
    proxy.add(Fault("alter", alter=flip_bit(500_000)))
    data = store.get("wal/k")
    assert len(data) == len(DATA)
    assert data != DATA


def test_a_put_whose_answer_was_lost_is_ours(store: ObjectStore, proxy: FaultProxy) -> None:
    assert store.put_if_absent("lease/first", b"teach that the server honours it")
    proxy.add(Fault("reset-after", method="PUT"))
    assert store.put_if_absent("lease/lost", b"mine") is True
    proxy.add(Fault("reset-before", method="PUT"))
    assert store.put_if_absent("lease/lost", b"theirs") is False
    store.delete(["lease/first", "lease/lost"])


def test_a_server_that_knows_no_conditional_puts_is_put_to_all_the_same(
    store: ObjectStore, proxy: FaultProxy
) -> None:
    proxy.add(s3_error("NotImplemented", status=501, method="PUT"))
    assert store.put_if_absent("lease/plain", b"mine") is True
    assert store.supports_conditional_put is False
    assert store.get("lease/plain") == b"mine"
    assert store.put_if_absent("lease/plain", b"theirs") is False
    assert store.get("lease/plain") == b"mine"
    store.delete(["lease/plain"])


def test_a_put_that_stored_something_else_is_noticed(store: ObjectStore, proxy: FaultProxy) -> None:
    proxy.add(Fault("answer", status=200, method="PUT"))
    store_before = listed(store)
    with pytest.raises(StorageError):
        store.put("vanished", b"data")
    assert listed(store) == store_before


def test_a_put_that_kept_only_a_part_is_noticed(store: ObjectStore, proxy: FaultProxy) -> None:
    headers = {"Content-Length": "3", "Last-Modified": "Thu, 26 Mar 2026 10:30:00 GMT", "ETag": '"x"'}
    proxy.add(Fault("answer", status=200, method="HEAD", headers=headers))
    with pytest.raises(ShortBody, match="ends after 3 of 4 bytes"):
        store.put("halved", b"data")
    store.delete(["halved"])


def test_a_web_page_is_no_empty_listing(store: ObjectStore, proxy: FaultProxy) -> None:
    page = Fault(
        "answer",
        status=200,
        body=b"<html>welcome to the console</html>",
        headers={"Content-Type": "text/html"},
        times=ALWAYS,
    )
    proxy.add(page)
    with pytest.raises(Unreachable, match="is not S3"):
        listed(store)


def test_refused_connections_and_unknown_hosts_are_told_apart(moto: S3Server, bucket: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        clock = FixedClock(datetime.now(UTC))
        refused = s3_of(moto, bucket, endpoint=f"http://127.0.0.1:{port}", clock=clock)
        with pytest.raises(Unreachable, match="refused") as caught:
            refused.get("TimedOut/certificate/SSL dns error")
    assert "(3 attempts)" in caught.value.message
    unknown = s3_of(moto, bucket, endpoint="http://nowhere.invalid", clock=clock)
    with pytest.raises(Unreachable, match="host name is not known"):
        listed(unknown)


def test_https_to_a_plain_port_is_no_tls(moto: S3Server, bucket: str) -> None:
    plain = s3_of(moto, bucket, endpoint=moto.endpoint.replace("http:", "https:"))
    with pytest.raises(Unreachable, match="TLS") as caught:
        plain.get("k")
    assert "attempts" not in caught.value.message
