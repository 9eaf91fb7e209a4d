"""Replica URLs of every scheme, as Litestream takes them, and back again."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlite_recovery_tui.config import ReplicaConfig, Secret, is_url, replica_from_url
from sqlite_recovery_tui.errors import UsageError
from tests.config.conftest import calm
from tests.support.litestream import litestream
from tests.support.process import output


def at(url: str, **environ: str) -> ReplicaConfig:
    return replica_from_url(url, environ=environ)


@pytest.mark.parametrize(
    ("url", "bucket", "path", "region", "endpoint"),
    [
        ("s3://bucket", "bucket", "", None, None),
        ("s3://bucket/", "bucket", "", None, None),
        ("S3://Bucket/a//b/./c/../d/", "Bucket", "a/b/d", None, None),
        ("s3://bucket/a%20b/%C3%BC+", "bucket", "a b/ü+", None, None),
        ("s3://my.dotted.bucket/x", "my.dotted.bucket", "x", None, None),
        ("s3://b.localhost/x", "b", "x", "us-east-1", "http://localhost"),
        ("s3://b.localhost:9000/x", "b", "x", "us-east-1", "http://localhost:9000"),
        ("s3://b.s3.us-west-002.backblazeb2.com/x", "b", "x", "us-west-002", "https://s3.us-west-002.backblazeb2.com"),
        ("s3://b.s3.filebase.com/x", "b", "x", None, "https://s3.filebase.com"),
        ("s3://a.b.nyc3.digitaloceanspaces.com/x", "a.b", "x", "nyc3", "https://nyc3.digitaloceanspaces.com"),
        ("s3://b.s3.fr-par.scw.cloud/x", "b", "x", "fr-par", "https://s3.fr-par.scw.cloud"),
        ("s3://b.us-east-1.linodeobjects.com/x", "b", "x", "us-east-1", "https://us-east-1.linodeobjects.com"),
        ("s3://b/x?endpoint=localhost:9000", "b", "x", None, "http://localhost:9000"),
        ("s3://b/x?endpoint=10.1.2.3:9000", "b", "x", None, "http://10.1.2.3:9000"),
        ("s3://b/x?endpoint=minio.example.com", "b", "x", None, "https://minio.example.com"),
        ("s3://b/x?endpoint=https%3A%2F%2Fh:1/&region=r-1", "b", "x", "r-1", "https://h:1"),
    ],
)  # fmt: skip
def test_s3(url: str, bucket: str, path: str, region: str | None, endpoint: str | None) -> None:
    found = at(url)
    assert (found.type, found.name, found.bucket, found.path) == ("s3", "s3", bucket, path)
    assert (found.region, found.endpoint) == (region, endpoint)
    assert found.force_path_style is (True if endpoint else None)


def test_s3_options() -> None:
    found = at(
        "s3://b/x?endpoint=http://h&forcePathStyle=false&skipVerify=true&sign-payload=false&part-size=5MB"
    )
    assert (found.force_path_style, found.skip_verify, found.sign_payload) == (False, True, False)
    assert at("s3://b?sseCustomerAlgorithm=AES256&sseCustomerKey=k").sse_customer_key == Secret("k")


def test_s3_access_point() -> None:
    found = at("s3://arn:aws:s3:eu-west-1:1234:accesspoint/name/some/path?region=")
    assert found.bucket == "arn:aws:s3:eu-west-1:1234:accesspoint/name"
    assert (found.path, found.region) == ("some/path", "eu-west-1")


def test_s3_credentials_of_litestream() -> None:
    found = at("s3://b", LITESTREAM_ACCESS_KEY_ID="id", LITESTREAM_SECRET_ACCESS_KEY="key")
    assert (found.access_key_id, found.secret_access_key) == (Secret("id"), Secret("key"))


def test_google_and_azure() -> None:
    for scheme in ("gs", "gcs"):
        found = at(f"{scheme}://bucket/a/b")
        assert (found.type, found.name, found.bucket, found.path) == ("gs", scheme, "bucket", "a/b")
    found = at("abs://account@container/a/b", LITESTREAM_AZURE_ACCOUNT_KEY="key")
    assert (found.type, found.account_name, found.bucket, found.path) == (
        "abs",
        "account",
        "container",
        "a/b",
    )
    assert found.account_key == Secret("key")
    assert at("abs://container").account_name is None


def test_sftp() -> None:
    found = at("sftp://me:p%40ss%3A%2F@host:2022/srv/replica")
    assert (found.type, found.user, found.host, found.port) == ("sftp", "me", "host", 2022)
    assert (found.path, found.password) == ("/srv/replica", Secret("p@ss:/"))
    assert found.url == "sftp://me@host:2022/srv/replica"
    assert at("sftp://[::1]/x").host == "::1"
    assert at("sftp://host/~/x").path == "x"
    assert at("sftp://me@host/x").password is None


@pytest.fixture
def place(tmp_path: Path) -> Callable[[str], Path]:
    """Make a directory below a directory of its own."""

    def make(name: str) -> Path:
        (tmp_path / name).mkdir(parents=True)
        return tmp_path / name

    return make


def test_file_url_means_the_decoded_directory_or_the_one_litestream_wrote(
    tmp_path: Path, place: Callable[[str], Path]
) -> None:
    url = f"file://{tmp_path}/sp ace"
    assert at(url).path == f"{tmp_path}/sp ace"
    encoded = place("sp%20ace")
    assert at(url).path == at(f"file://{tmp_path}/sp%20ace").path == str(encoded)
    decoded = place("sp ace")
    assert at(url).path == str(decoded)
    (encoded / "generations").mkdir()
    assert at(url).path == str(encoded)
    (decoded / "ltx").mkdir()
    assert at(url).path == str(decoded)


@pytest.mark.parametrize(
    ("written", "directory"),
    [
        ("a b(1)é", "a%20b%281%29%C3%A9"),
        ("b(1)+%2Cx%41", "b(1)+%2Cx%41"),
        ("ü'", "%C3%BC%27"),
        ("x?y=1", "x?y=1"),
        ("x#y", "x#y"),
        ("100%", "100%"),
    ],
)
def test_finds_what_litestream_writes(
    tmp_path: Path, place: Callable[[str], Path], written: str, directory: str
) -> None:
    expected = place(directory)
    assert at(f"file://{tmp_path}/{written}").path == str(expected)


def test_litestream_reads_the_encoded_directory(tmp_path: Path, place: Callable[[str], Path]) -> None:
    snapshots = place("a%20b%281%29%C3%A9/generations/0123456789abcdef/snapshots")
    (snapshots / "00000000.snapshot.lz4").touch()
    url = f"file://{tmp_path}/a b(1)é"
    code, answer = output([litestream("0.3.13"), "generations", url])
    assert code == 0
    assert "0123456789abcdef" in answer
    assert (Path(at(url).path) / "generations").is_dir()


def test_file_url_without_the_third_slash_is_absolute_too() -> None:
    assert at("file://backups/app").path == "/backups/app"
    assert at("FILE:///backups//app/").path == "/backups/app"


def test_bare_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rep").mkdir()
    assert at(str(tmp_path)).path == str(tmp_path)
    assert (at("rep").type, at("./rep/").path) == ("file", str(tmp_path / "rep"))
    with pytest.raises(UsageError, match='"nowhere" is neither a replica URL nor a directory'):
        at("nowhere")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://host/x", "replicas at http:// cannot be read"),
        ("nats://host/x", "known are s3://, gs://, gcs://, abs://, sftp://, file://"),
        ("s3://", "the s3:// URL names no bucket"),
        ("s3://localhost/x", "the s3:// URL names no bucket"),
        ("s3://b/a#b", "has a #"),
        ("s3://b/%zz", "broken percent escape"),
        ("s3://b/%ff", "broken percent escape"),
        ("s3://b?regoin=x", "unknown option regoin after the question mark; did you mean region?"),
        ("s3://b?a%20b=x", "unknown option after the question mark; known are endpoint"),
        ("s3://b?skipVerify=perhaps", "skipVerify in the s3:// URL is neither true nor false"),
        ("s3://b?endpoint=a%20b", "an endpoint is http:// or https://"),
        ("s3://b?endpoint=ftp://x", "an endpoint is http:// or https://"),
        ("s3://b/\nx", "not a replica URL"),
        ("gs://", "the gs:// URL names no bucket"),
        ("gs://b/x?y=1", "takes no options"),
        ("abs://a@", "names no container"),
        ("sftp:///x", "names no host"),
        ("sftp://h:0/x", "HOST or HOST:PORT"),
        ("sftp://h:70000/x", "HOST or HOST:PORT"),
        ("file://", "names no directory"),
        ("file:///", "names no directory"),
    ],
)  # fmt: skip
def test_wrong_urls(url: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        at(url)
    assert message in caught.value.message
    assert caught.value.code == 2


@pytest.mark.parametrize(
    "url",
    [
        "s3://key:CANARY@bucket/x",
        "s3://b?endpoint=https://key:CANARY@host",
        "gs://x:CANARY@b/p",
        "abs://account:CANARY@c/p",
        "sftp://me:CANARY@host:port/x",
        "sftp://me:CANARY/more@host/x",
        "sftp://me:%zzCANARY@host/x",
        "http://me:CANARY@host/x",
        "me:CANARY@host:/x",
    ],
)
def test_errors_do_not_repeat_passwords(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        at(url)
    assert "CANARY" not in repr((caught.value, caught.value.to_json()))


def test_url_stays_readable() -> None:
    one = ReplicaConfig("file", "file", path="/ba ckups/ü/a%b?c#d")
    assert one.url == "file:///ba ckups/ü/a%25b%3Fc%23d"
    assert ReplicaConfig("file", "file", path=os.fsdecode(b"/a\xff")).url == "file:///a%FF"
    assert at("file:///a%FF").path == os.fsdecode(b"/a\xff")
    assert ReplicaConfig("s3", "s3", bucket="b", path="p").url == "s3://b/p"


def test_what_is_a_url() -> None:
    assert is_url("s3://b")
    assert is_url("file:///x")
    assert is_url("http://x")
    for path in ("/var/app.db", "app.db", "sqlite:///var/app.db", "sqlite3://x", "s3:/b", "C:\\x", ""):
        assert not is_url(path)


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=20)
PREFIXES = st.lists(NAMES.filter(lambda name: "/" not in name and name not in (".", "..")), max_size=3).map(
    "/".join
)
SCHEMES = st.sampled_from(["s3", "gs", "abs", "sftp", "file", "x"])
BUCKETS = st.from_regex(r"[a-z0-9][a-z0-9_-]{1,20}", fullmatch=True)


def same_place(one: ReplicaConfig) -> ReplicaConfig:
    return replica_from_url(one.url, environ={})


@calm
@given(
    BUCKETS,
    PREFIXES,
    st.none() | st.sampled_from(["https://h", "http://localhost:9000", "http://[::1]:9"]),
    st.booleans(),
)
def test_url_of_s3_leads_back(bucket: str, path: str, endpoint: str | None, flag: bool) -> None:
    extra: dict[str, Any] = {
        "endpoint": endpoint,
        "region": "r",
        "skip_verify": flag,
        "force_path_style": flag,
    }
    one = ReplicaConfig("s3", "s3", bucket=bucket, path=path, **(extra if endpoint else {}))
    assert same_place(one) == one


@calm
@given(BUCKETS, PREFIXES)
def test_url_of_the_others_leads_back(bucket: str, path: str) -> None:
    for one in (
        ReplicaConfig("gs", "gs", bucket=bucket, path=path),
        ReplicaConfig("abs", "abs", bucket=bucket, path=path, account_name="acc"),
        ReplicaConfig("sftp", "sftp", host="h", port=2022, user="a@b:c", path="/" + path),
        ReplicaConfig("sftp", "sftp", host="::1", path=path),
        ReplicaConfig("file", "file", path=f"/nowhere/{path}".rstrip("/")),
    ):
        assert same_place(one) == one


@calm
@given(st.text(max_size=40) | st.tuples(SCHEMES, st.text(max_size=30)).map("://".join))
def test_any_text_is_a_replica_or_a_usage_error(text: str) -> None:
    with contextlib.suppress(UsageError):
        assert replica_from_url(text, environ={}).url
