"""Metrics in names that dashboards know, health that is true, and clients that cannot tie the daemon up."""

from __future__ import annotations

import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.replicate import endpoint
from sqlite_recovery_tui.replicate.endpoint import Endpoint, Page
from sqlite_recovery_tui.replicate.metrics import serve_metrics
from sqlite_recovery_tui.replicate.status import DaemonStatus, DatabaseStatus, Health, ReplicaStatus

NOW = datetime(2026, 3, 26, 10, 30, tzinfo=UTC)


def status(health: Health = "protected", *, following: bool = True) -> DaemonStatus:
    replica = ReplicaStatus(
        name="s3",
        type="s3",
        url="s3://secret-bucket/path",
        health=health,
        reason="the key no longer holds",
        last_durable=NOW - timedelta(seconds=90),
        lag_seconds=88.0,
        position={"generation": "0" * 16, "index": 3, "offset": 4152},
        backlog_commits=4,
        backlog_bytes=5000,
        requests={"put": 7, "list": 1},
        sent_bytes=900,
        verified=NOW - timedelta(hours=1),
        gaps=2,
    )
    database = DatabaseStatus(
        path="/srv/private/app.db",
        name="app.db",
        following=following,
        wal_bytes=4152,
        events={"began": 1},
        checkpoints={"complete": 5},
        replicas=(replica,),
    )
    return DaemonStatus(pid=1, version="0", since=NOW, now=NOW, databases=(database,))


Serve = Callable[[DaemonStatus], Endpoint]


@pytest.fixture
def serve() -> Iterator[Serve]:
    opened: list[Endpoint] = []

    def start(found: DaemonStatus) -> Endpoint:
        opened.append(serve_metrics("127.0.0.1:0", lambda: found))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


def get(server: Endpoint, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_metrics_have_the_names_and_values_of_the_status(serve: Serve) -> None:
    code, text = get(serve(status()), "/metrics")
    assert code == 200
    found = {
        (sample.name, sample.labels.get("operation") or sample.labels.get("kind") or ""): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("litestream_")
    }
    assert found["litestream_last_durable_commit_age_seconds", ""] == 90
    assert found["litestream_lag_seconds", ""] == 88
    assert found["litestream_unreplicated_bytes", ""] == 5000
    assert found["litestream_last_verified_age_seconds", ""] == 3600
    assert found["litestream_coverage_gap_count", ""] == 2
    assert found["litestream_wal_size", ""] == 4152
    assert found["litestream_replica_wal_index", ""] == 3
    assert found["litestream_replica_wal_offset", ""] == 4152
    assert found["litestream_replica_operation_total", "PUT"] == 7
    assert found["litestream_events_total", "began"] == 1
    assert found["litestream_up", ""] == 1


def test_no_path_place_or_error_is_told_to_a_scraper(serve: Serve) -> None:
    server = serve(status("not protected"))
    for page in ("/metrics", "/healthz"):
        _, text = get(server, page)
        assert not [word for word in ("private", "secret", "no longer holds") if word in text]


@pytest.mark.parametrize(
    ("found", "code", "said"),
    [
        (status(), 200, "app.db: protected\n"),
        (status("behind"), 200, "app.db: behind\n"),
        (status("not protected"), 503, "app.db: not protected\n"),
        (status(following=False), 503, "app.db: not protected\n"),
    ],
)
def test_health_is_what_can_be_restored(serve: Serve, found: DaemonStatus, code: int, said: str) -> None:
    assert get(serve(found), "/healthz") == (code, said)


def said_by(server: Endpoint, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(request)
        return client.recv(100)


def test_nothing_else_is_served(serve: Serve) -> None:
    server = serve(status())
    assert get(server, "/debug/pprof/")[0] == 404
    assert said_by(server, b"POST /metrics HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 405")
    assert said_by(server, b"nonsense\r\n\r\n").startswith(b"HTTP/1.1 400")
    assert get(server, "/healthz")[0] == 200


def test_slow_and_huge_requests_are_cut_off_and_few_at_a_time_are_served(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "SECONDS", 0.3)
    server = serve(status())
    slow = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(3 * endpoint.MOST_CLIENTS)]
    threads = threading.active_count()
    for client in slow:
        client.sendall(b"GET /metr")
    assert threading.active_count() <= threads + endpoint.MOST_CLIENTS
    assert get(server, "/healthz")[0] == 200, "who came after them is served"
    for client in slow:
        client.close()
    huge = b"GET /metrics HTTP/1.1\r\n" + b"X: y\r\n" * 10_000
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        try:
            client.sendall(huge)
            assert client.recv(100) == b""
        except OSError:
            pass  # it was cut off while it talked


def test_a_page_that_fails_is_an_answer(serve: Serve) -> None:
    def broken() -> Page:
        raise ValueError("a secret")

    server = Endpoint("127.0.0.1:0", {"/": broken})
    assert get(server, "/") == (500, "ValueError\n")
    server.close()
    for _ in range(100):
        if not [thread for thread in threading.enumerate() if thread.name == "metrics"]:
            break
        time.sleep(0.02)


def test_an_address_that_is_taken_is_told(serve: Serve) -> None:
    server = serve(status())
    with pytest.raises(RecoverError, match="cannot listen on"):
        serve_metrics(f"127.0.0.1:{server.port}", status)
