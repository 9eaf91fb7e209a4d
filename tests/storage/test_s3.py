"""How an S3 bucket is found and who asks for it: credentials, regions, endpoints, TLS; no secret shows."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import stat
import subprocess
import sys
import traceback
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from sqlite_recovery_tui.clock import FixedClock
from sqlite_recovery_tui.config import ReplicaConfig, Secret
from sqlite_recovery_tui.errors import AccessDenied, ObjectNotFound, StorageError, Unreachable, WrongRegion
from sqlite_recovery_tui.storage.address import address_of
from sqlite_recovery_tui.storage.objects import ObjectStore
from sqlite_recovery_tui.storage.raw_signed import SignedRaw
from sqlite_recovery_tui.storage.retry import Retry
from sqlite_recovery_tui.storage.s3 import S3Site
from tests.storage.conftest import s3_config
from tests.support.certificates import self_signed
from tests.support.fault_proxy import ALWAYS, Fault, FaultProxy, fault_proxy, s3_error
from tests.support.servers import S3Server

KEYS = {"AWS_ACCESS_KEY_ID": "env-key", "AWS_SECRET_ACCESS_KEY": "env-secret"}
CANARY = "canary-5up3r-s3cr3t"
CANARY_KEY = base64.b64encode(CANARY.encode().ljust(32)).decode()


@pytest.fixture(autouse=True)
def no_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep boto3 from what this machine may have."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))


@pytest.fixture(scope="module")
def bucket(moto: S3Server) -> str:
    name = moto.make_bucket("accounts")
    moto.put(name, "app/k", b"data")
    return name


def bare(bucket: str, endpoint: str | None, **changes: Any) -> ReplicaConfig:
    return ReplicaConfig("s3", "s3", bucket=bucket, path="app", endpoint=endpoint, **changes)


def opened(config: ReplicaConfig, environ: Mapping[str, str]) -> ObjectStore:
    clock = FixedClock(datetime.now(UTC))
    site = S3Site(config, clock=clock, environ=environ)
    return ObjectStore(site, root=config.path, url=config.url, retry=Retry(clock))


def scope(proxy: FaultProxy, number: int = -1) -> tuple[str, str]:
    """Return the key id and region that a request was signed with."""
    headers = {name.lower(): value for name, value in proxy.requests[number].headers.items()}
    found = re.search(r"Credential=([^/]+)/\d+/([^/]+)/s3/", headers["authorization"])
    assert found
    return found[1], found[2]


def test_the_configurations_keys_come_first(proxy: FaultProxy, bucket: str) -> None:
    config = bare(
        bucket, proxy.endpoint, access_key_id=Secret("own-key"), secret_access_key=Secret("own-secret")
    )
    store = opened(config, {**KEYS, "AWS_SESSION_TOKEN": "of another account"})
    assert store.get("k") == b"data"
    assert scope(proxy) == ("own-key", "us-east-1")
    assert "x-amz-security-token" not in {name.lower() for name in proxy.requests[-1].headers}


def test_the_environments_keys_come_second(proxy: FaultProxy, bucket: str) -> None:
    store = opened(bare(bucket, proxy.endpoint), {**KEYS, "AWS_SESSION_TOKEN": "token"})
    assert store.get("k") == b"data"
    assert scope(proxy)[0] == "env-key"
    headers = {name.lower(): value for name, value in proxy.requests[-1].headers.items()}
    assert headers["x-amz-security-token"] == "token"


def test_a_profile_is_found_by_boto3(
    proxy: FaultProxy, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "credentials").write_text(
        "[backup]\naws_access_key_id = profile-key\naws_secret_access_key = profile-secret\n"
    )
    monkeypatch.setenv("AWS_PROFILE", "backup")
    assert opened(bare(bucket, proxy.endpoint), {}).get("k") == b"data"
    assert scope(proxy)[0] == "profile-key"


def test_no_credentials_are_an_access_problem_with_a_hint(proxy: FaultProxy, bucket: str) -> None:
    store = opened(bare(bucket, proxy.endpoint), {})
    for act in (lambda: store.get("k"), lambda: list(store.list()), lambda: store.get("odd//key")):
        with pytest.raises(AccessDenied, match="there are no usable credentials") as caught:
            act()
        assert "AWS_PROFILE" in caught.value.hint
        assert "AWS_SKIP_SIGNATURE" in caught.value.hint
    assert proxy.requests == []


def test_a_profile_that_is_not_there_is_named(
    proxy: FaultProxy, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(AccessDenied, match="nobody"):
        opened(bare(bucket, proxy.endpoint), {}).get("k")


@pytest.mark.parametrize("key", ["k", "odd//key"])
def test_a_role_that_may_not_be_taken_is_an_access_problem(
    proxy: FaultProxy, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    (tmp_path / "credentials").write_text(
        "[base]\naws_access_key_id = base-key\naws_secret_access_key = base-secret\n"
    )
    (tmp_path / "config").write_text(
        "[profile backup]\nrole_arn = arn:aws:iam::123456789012:role/restore\nsource_profile = base\n"
        "region = us-east-1\n"
    )
    monkeypatch.setenv("AWS_PROFILE", "backup")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", proxy.endpoint)
    proxy.add(s3_error("AccessDenied", status=403, method="POST", times=ALWAYS))
    with pytest.raises(AccessDenied, match="AssumeRole"):
        opened(bare(bucket, proxy.endpoint), {}).get(key)


def test_half_a_pair_of_keys_is_named(proxy: FaultProxy, bucket: str) -> None:
    config = bare(bucket, proxy.endpoint, access_key_id=Secret("own-key"))
    with pytest.raises(AccessDenied, match="no secret-access-key"):
        opened(config, KEYS).get("k")


def test_public_buckets_are_read_without_a_signature(proxy: FaultProxy, bucket: str) -> None:
    proxy.add(Fault("answer", status=200, body=b"public"))
    store = opened(bare(bucket, proxy.endpoint), {"AWS_SKIP_SIGNATURE": "true"})
    assert store.get("k") == b"public"
    assert "authorization" not in {name.lower() for name in proxy.requests[-1].headers}


def test_credentials_that_ended_are_asked_for_again_once(
    proxy: FaultProxy, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that gives new keys each time stands for a session that was renewed meanwhile."""
    program = tmp_path / "login"
    count = tmp_path / "count"
    program.write_text(
        f"#!/bin/sh\necho x >> {count}\n"
        f'printf \'{{"Version": 1, "AccessKeyId": "login-%s", "SecretAccessKey": "s"}}\' $(wc -l < {count})\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "config").write_text(f"[default]\ncredential_process = {program}\n")
    store = opened(bare(bucket, proxy.endpoint), {})
    assert store.get("k") == b"data"
    first = scope(proxy)[0]
    proxy.add(s3_error("ExpiredToken", status=400))
    assert store.get("k") == b"data"
    assert scope(proxy)[0] != first
    proxy.add(s3_error("ExpiredToken", status=400, times=ALWAYS))
    with pytest.raises(AccessDenied, match="ExpiredToken") as caught:
        store.get("k")
    assert "sign in again" in caught.value.hint


def test_boto3_is_not_imported_when_keys_are_known(moto: S3Server, bucket: str) -> None:
    program = f"""
import sys
from sqlite_recovery_tui.config import ReplicaConfig, Secret
from sqlite_recovery_tui.storage.open import open_store
keys = dict(access_key_id=Secret("k"), secret_access_key=Secret("s"))
place = dict(bucket={bucket!r}, path="app", endpoint={moto.endpoint!r})
store = open_store(ReplicaConfig("s3", "s3", **place, **keys))
assert store.get("k") == b"data"
assert [info.key for page in store.list() for info in page] == ["k"]
print([name for name in ("boto3", "botocore", "paramiko") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def on_aws(proxy: FaultProxy, bucket: str, **environ: str) -> ObjectStore:
    """Return a store as on AWS itself, where nobody said which region."""
    return opened(bare(bucket, None), {**KEYS, "AWS_ENDPOINT_URL": proxy.endpoint, **environ})


def test_a_guessed_region_is_corrected_by_what_s3_says(proxy: FaultProxy, bucket: str) -> None:
    malformed = s3_error("AuthorizationHeaderMalformed", status=400, extra="<Region>eu-west-1</Region>")
    proxy.add(malformed)
    store = on_aws(proxy, bucket, AWS_REGION="ap-south-1")
    assert store.get("k") == b"data"
    assert [scope(proxy, number)[1] for number in (0, 1)] == ["ap-south-1", "eu-west-1"]


def test_a_guessed_region_is_corrected_by_the_header_of_a_redirect(proxy: FaultProxy, bucket: str) -> None:
    proxy.add(
        Fault("answer", status=301, method="GET"),
        Fault("answer", status=301, method="HEAD", headers={"x-amz-bucket-region": "eu-north-1"}),
    )
    store = on_aws(proxy, bucket)
    assert [info.key for page in store.list() for info in page] == ["k"]
    assert scope(proxy)[1] == "eu-north-1"


def test_the_way_of_odd_keys_learns_the_region_from_the_refusal(proxy: FaultProxy, bucket: str) -> None:
    proxy.add(Fault("answer", status=301, headers={"x-amz-bucket-region": "eu-north-1"}))
    with pytest.raises(ObjectNotFound):
        on_aws(proxy, bucket).get("odd//key")
    assert [request.method for request in proxy.requests] == ["GET", "GET"]
    assert scope(proxy)[1] == "eu-north-1"


def test_denied_in_the_wrong_region_is_a_wrong_region(proxy: FaultProxy, bucket: str) -> None:
    proxy.add(
        s3_error("AccessDenied", status=403, method="GET"),
        Fault("answer", status=403, method="HEAD", headers={"x-amz-bucket-region": "eu-north-1"}),
    )
    assert on_aws(proxy, bucket).get("k") == b"data"
    assert scope(proxy)[1] == "eu-north-1"


def test_a_region_is_corrected_once_not_for_ever(proxy: FaultProxy, bucket: str) -> None:
    for region in ("eu-west-1", "eu-west-2", "eu-west-3"):
        proxy.add(s3_error("AuthorizationHeaderMalformed", status=400, extra=f"<Region>{region}</Region>"))
    with pytest.raises(WrongRegion, match="eu-west-2"):
        on_aws(proxy, bucket).get("k")


def test_a_configured_region_is_kept_and_the_right_one_named(proxy: FaultProxy, bucket: str) -> None:
    proxy.add(s3_error("AuthorizationHeaderMalformed", status=400, extra="<Region>eu-west-1</Region>"))
    config = bare(bucket, None, region="us-west-2")
    with pytest.raises(WrongRegion, match="the bucket is in region eu-west-1") as caught:
        opened(config, {**KEYS, "AWS_ENDPOINT_URL": proxy.endpoint}).get("k")
    assert caught.value.hint == "set region: eu-west-1"
    assert scope(proxy)[1] == "us-west-2"


def test_the_configured_endpoint_wins_over_the_environment(
    proxy: FaultProxy, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert opened(bare(bucket, proxy.endpoint), KEYS).get("k") == b"data"
    assert len(proxy.requests) == 1


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {"virtual_hosted_style_request": True, "region": "us-east-1"}),
        ({"bucket": "with.dots"}, {"virtual_hosted_style_request": False}),
        ({"force_path_style": True}, {"virtual_hosted_style_request": False}),
        ({"region": "eu-west-1"}, {"region": "eu-west-1"}),
        ({"region": "cn-north-1"}, {"endpoint": "https://cn-bucket.s3.cn-north-1.amazonaws.com.cn"}),
        ({"endpoint": "https://minio:9000"}, {"endpoint": "https://minio:9000"}),
        ({"endpoint": "https://minio:9000", "force_path_style": False}, {"endpoint": "https://b.minio:9000"}),
        ({"sign_payload": False}, {"unsigned_payload": True}),
        ({"sse_customer_key": Secret("a2V5")}, {"sse_customer_key_base64": "a2V5"}),
    ],
)
def test_settings_become_the_clients(changes: dict[str, Any], expected: dict[str, Any]) -> None:
    bucket = "cn-bucket" if changes.get("region") == "cn-north-1" else "b"
    config = ReplicaConfig("s3", "s3", **{"bucket": bucket, **changes})
    client = S3Site(config, environ=KEYS).client()
    got = {name.removeprefix("aws_"): value for name, value in client.config.items()}
    for name, value in expected.items():
        if isinstance(value, bool):
            assert str(got.get(name, False)).lower() == str(value).lower()
        else:
            assert got[name] == value


ACCESS_POINT = "arn:aws:s3:eu-west-1:123456789012:accesspoint/mine"


def presigned(bucket: str, region: str, endpoint: str | None, *, path_style: bool) -> str:
    """Return the URL that AWS's own client makes for a key, without its signature."""
    client = boto3.session.Session().client(
        "s3",
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id="k",
        aws_secret_access_key="s",
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path" if path_style else "virtual"},
        ),
    )
    url: str = client.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "a b/0000/k"})
    client.close()
    return url


@pytest.mark.parametrize(
    ("bucket", "region", "endpoint", "path_style"),
    [
        ("backups", "eu-west-1", None, False),
        ("with.dots", "eu-west-1", None, True),
        ("backups", "cn-north-1", None, False),
        ("backups", "us-east-1", "http://127.0.0.1:9000", True),
        ("backups", "us-east-1", "https://minio:9000/s3", True),
        ("backups", "us-east-1", "https://minio:9000", False),
        (ACCESS_POINT, "eu-west-1", None, False),
        (ACCESS_POINT, "us-east-1", None, False),
        (
            ACCESS_POINT.replace(":eu-west-1:", ":cn-north-1:").replace("aws", "aws-cn"),
            "cn-north-1",
            None,
            False,
        ),
        (ACCESS_POINT.replace(":s3:", ":s3-object-lambda:"), "eu-west-1", None, False),
    ],
)
def test_addresses_are_those_of_the_services_own_client(
    bucket: str, region: str, endpoint: str | None, path_style: bool
) -> None:
    address = address_of(bucket, region, endpoint, path_style=path_style)
    url = presigned(bucket, region, endpoint, path_style=path_style)
    assert f"{address.url}/a%20b/0000/k" == url.partition("?")[0]
    scope = re.search(r"%2F([a-z0-9-]+)%2F([a-z0-9-]+)%2Faws4_request", url)
    assert scope
    assert (address.region, address.service) == scope.groups()


def test_an_access_point_travels_by_the_way_of_odd_keys(proxy: FaultProxy) -> None:
    site = S3Site(ReplicaConfig("s3", "s3", bucket=ACCESS_POINT), environ=KEYS)
    assert type(site.raw()) is SignedRaw
    site.close()
    for arn in (
        "arn:aws:s3::123456789012:accesspoint/m.mrap",
        "arn:aws:s3-outposts:eu-west-1:123456789012:outpost/op-1/accesspoint/mine",
        "arn:nonsense",
    ):
        with pytest.raises(AccessDenied, match="access point"):
            opened(bare(arn, proxy.endpoint), KEYS).get("k")
    assert proxy.requests == []


CUSTOMER_KEY = base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()


@pytest.mark.parametrize("key", ["app/customers", "/0000/customers"])
@pytest.mark.parametrize("in_file", [False, True])
def test_a_customers_key_goes_with_every_request_about_an_object(
    proxy: FaultProxy, bucket: str, tmp_path: Path, key: str, in_file: bool
) -> None:
    own: dict[str, Any] = {"sse_customer_key": Secret(CUSTOMER_KEY)}
    if in_file:
        (tmp_path / "key").write_bytes(base64.b64decode(CUSTOMER_KEY))
        own = {"sse_customer_key_path": str(tmp_path / "key")}
    store = opened(replace(bare(bucket, proxy.endpoint, **own), path=""), KEYS)
    store.put(key, b"data")
    assert store.get(key) == b"data"
    assert store.get_range(key, 1, 2) == b"at"
    assert store.written_time(key) is None
    for request in proxy.requests:
        headers = {name.lower(): value for name, value in request.headers.items()}
        prefix = "x-amz-server-side-encryption-customer-"
        assert headers[f"{prefix}algorithm"] == "AES256"
        assert headers[f"{prefix}key"] == CUSTOMER_KEY
        digest = hashlib.md5(base64.b64decode(CUSTOMER_KEY)).digest()
        assert headers[f"{prefix}key-md5"] == base64.b64encode(digest).decode()
    assert {request.method for request in proxy.requests} == {"PUT", "HEAD", "GET"}
    proxy.clear()
    assert key in [info.key for page in store.list() for info in page]
    assert not any("customer" in name.lower() for request in proxy.requests for name in request.headers)
    store.delete([key])
    store.close()


def test_what_is_put_need_not_be_signed(proxy: FaultProxy, bucket: str) -> None:
    for sign, covered in ((None, True), (False, False)):
        store = opened(bare(bucket, proxy.endpoint, sign_payload=sign), KEYS)
        for key in ("unsigned", "odd//unsigned"):
            proxy.clear()
            store.put(key, b"data")
            headers = {name.lower(): value for name, value in proxy.requests[0].headers.items()}
            assert (headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD") is not covered
        store.delete(["unsigned", "odd//unsigned"])
        store.close()


def test_an_untrusted_certificate_is_refused_until_told_otherwise(
    moto: S3Server, bucket: str, tmp_path: Path
) -> None:
    with fault_proxy(moto.endpoint, tls=self_signed(tmp_path)) as proxy:
        config = s3_config(moto, bucket, endpoint=proxy.endpoint, path="app")
        for key in ("k", "odd//key"):
            with pytest.raises(Unreachable, match="no trusted TLS connection") as caught:
                opened(config, {}).get(key)
            assert "skip-verify" in caught.value.hint
            assert "attempts" not in caught.value.message
        assert opened(replace(config, skip_verify=True), {}).get("k") == b"data"
        odd = opened(replace(config, skip_verify=True), {})
        odd.put("odd//key", b"1")
        assert odd.get("odd//key") == b"1"
        odd.delete(["odd//key"])
        odd.close()


def test_a_certificate_of_the_systems_store_is_trusted_by_either_way(
    moto: S3Server, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fault_proxy(moto.endpoint, tls=self_signed(tmp_path)) as proxy:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "server.pem"))
        config = s3_config(moto, bucket, endpoint=proxy.endpoint, path="")
        store = opened(config, {})
        assert store.get("app/k") == b"data"
        assert [info.key for page in store.list() for info in page] == ["app/k"]
        store.close()


@pytest.mark.parametrize("key", ["k", "odd//key"])
def test_no_secret_is_shown_by_any_failure(
    rclone: S3Server, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    rclone.make_bucket("secrets")
    config = replace(
        s3_config(rclone, "secrets"), secret_access_key=Secret(CANARY), session_token=Secret(CANARY)
    )
    store = opened(config, {})
    with pytest.raises(StorageError) as caught:
        store.get(key)
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    told = "".join(shown.format()) + json.dumps(caught.value.to_json()) + repr(store) + repr(vars(store))
    assert CANARY not in told
    assert CANARY not in caplog.text
    store.close()


@pytest.mark.parametrize("key", ["k", "odd//key"])
def test_no_secret_is_shown_when_nobody_answers(
    key: str, proxy: FaultProxy, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    proxy.add(Fault("reset-before", times=ALWAYS))
    config = bare(
        "secrets",
        proxy.endpoint,
        access_key_id=Secret("k"),
        secret_access_key=Secret(CANARY),
        session_token=Secret(CANARY),
        sse_customer_key=Secret(CANARY_KEY),
    )
    store = opened(config, {})
    with pytest.raises(StorageError, match="the connection broke") as caught:
        store.get(key)
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    told = "".join(shown.format()) + json.dumps(caught.value.to_json()) + repr(store) + repr(vars(store))
    for secret in (CANARY, CANARY_KEY):
        assert secret not in told
        assert secret not in caplog.text
    store.close()
