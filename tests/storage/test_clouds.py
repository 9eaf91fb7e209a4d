"""Google and Azure: built from the configuration, asked through a proxy that answers as they do."""

from __future__ import annotations

import base64
import traceback
from datetime import UTC, datetime
from typing import Any

import pytest

from sqlite_recovery_tui.config import ReplicaConfig, Secret
from sqlite_recovery_tui.errors import AccessDenied, BucketNotFound, ObjectNotFound, StorageError
from sqlite_recovery_tui.storage.base import Store
from sqlite_recovery_tui.storage.open import open_store
from sqlite_recovery_tui.storage.sites import azure_client, google_client
from sqlite_recovery_tui.storage.timeouts import PATIENT
from tests.support.fault_proxy import Fault, FaultProxy

SECRET = base64.b64encode(b"canary-5up3r-s3cr3t").decode()
MISSING_BUCKET = {
    "gs": b'{"error": {"code": 404, "message": "The specified bucket does not exist."}}',
    "abs": b"<?xml version='1.0'?><Error><Code>ContainerNotFound</Code></Error>",
}
MISSING_OBJECT = {
    "gs": b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code></Error>",
    "abs": b"<?xml version='1.0'?><Error><Code>BlobNotFound</Code></Error>",
}


@pytest.fixture(params=["gs", "abs"])
def store(request: pytest.FixtureRequest, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("GOOGLE_SKIP_SIGNATURE", "true")
    account: dict[str, Any] = {}
    if request.param == "abs":
        account = {"account_name": "acme", "account_key": Secret(SECRET)}
    return open_store(
        ReplicaConfig(
            request.param, request.param, bucket="backups", path="app db", endpoint=proxy.endpoint, **account
        )
    )


def test_requests_go_to_the_bucket_and_prefix(store: Store, proxy: FaultProxy) -> None:
    headers = {"ETag": '"x"', "Last-Modified": "Thu, 26 Mar 2026 10:30:00 GMT"}
    proxy.add(Fault("answer", status=200, body=b"data", headers=headers))
    assert store.get("wal/k") == b"data"
    target = proxy.requests[0].target.replace("%2F", "/")
    assert target == "/backups/app%20db/wal/k"
    assert store.url in ("gs://backups/app db", "abs://acme@backups/app db")
    assert store.answers_ranges("wal/k")


def test_a_missing_bucket_is_told_from_a_missing_object(store: Store, proxy: FaultProxy) -> None:
    proxy.add(Fault("answer", status=404, body=MISSING_BUCKET[store.kind]))
    with pytest.raises(BucketNotFound):
        list(store.list())
    proxy.add(Fault("answer", status=404, body=MISSING_OBJECT[store.kind]))
    with pytest.raises(ObjectNotFound):
        store.get("k")


def test_a_refusal_has_the_services_own_hint(store: Store, proxy: FaultProxy) -> None:
    proxy.add(Fault("answer", status=403, body=b"<Error><Code>AccessDenied</Code></Error>"))
    with pytest.raises(AccessDenied) as caught:
        store.get("k")
    assert "AWS" not in caught.value.hint
    assert {"gs": "gcloud", "abs": "account-key"}[store.kind] in caught.value.hint


def test_the_time_noted_beside_an_object_is_read(store: Store, proxy: FaultProxy) -> None:
    name = {"gs": "x-goog-meta-litestream-timestamp", "abs": "x-ms-meta-litestreamtimestamp"}[store.kind]
    headers = {
        "ETag": '"x"',
        "Last-Modified": "Thu, 26 Mar 2026 10:30:00 GMT",
        "Content-Length": "4",
        name: "2026-03-26T10:29:59.125Z",
    }
    proxy.add(Fault("answer", method="HEAD", status=200, headers=headers))
    assert store.lists_written_times is False
    assert store.written_time("ltx/0/k") == datetime(2026, 3, 26, 10, 29, 59, 125_000, tzinfo=UTC)
    assert [request.method for request in proxy.requests] == ["HEAD"]


@pytest.mark.parametrize("key", ["a/../b", "a//b", "line\nbreak"])
def test_a_key_that_cannot_travel_is_an_error_before_any_request(
    store: Store, proxy: FaultProxy, key: str
) -> None:
    for act in (store.get, store.head, lambda key: store.put(key, b"")):
        with pytest.raises(StorageError) as caught:
            act(key)
        assert caught.value.object == key
    assert proxy.requests == []


@pytest.mark.parametrize(
    "account",
    [{}, {"account_name": "acme", "account_key": Secret(SECRET + "!")}],
    ids=["no account", "no base64"],
)
def test_a_wrong_account_is_an_access_problem(account: dict[str, Any]) -> None:
    store = open_store(ReplicaConfig("abs", "abs", bucket="b", **account))
    with pytest.raises(AccessDenied, match="no usable credentials") as caught:
        store.get("k")
    assert "account-key" in caught.value.hint
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert SECRET not in "".join(shown.format())


def test_the_configuration_reaches_the_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_SKIP_SIGNATURE", "true")
    azure = azure_client(
        ReplicaConfig(
            "abs",
            "abs",
            bucket="backups",
            account_name="acme",
            sas_token=Secret("sv=2023&sig=x"),
            skip_verify=True,
        ),
        PATIENT,
    )
    assert azure.config["container_name"] == "backups"
    assert azure.config["account_name"] == "acme"
    assert azure.client_options
    assert str(azure.client_options["allow_invalid_certificates"]).lower() == "true"
    google = google_client(ReplicaConfig("gs", "gs", bucket="backups"), PATIENT)
    assert google.config["bucket"] == "backups"
    assert google.client_options
    assert str(google.client_options["allow_http"]).lower() == "false"
