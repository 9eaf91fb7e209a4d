"""The servers that other tests lean on keep times, buckets and keys as they promise."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.support.servers import S3Server, moto_s3, rclone_s3, rclone_sftp, upload_tree

WHEN = 1_700_000_000.125


@pytest.fixture(scope="module", params=["moto", "rclone"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with ExitStack() as stack:
        if request.param == "moto":
            yield stack.enter_context(moto_s3())
        else:
            yield stack.enter_context(rclone_s3(tmp_path_factory.mktemp("rclone")))


def client(server: S3Server) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=server.endpoint,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        region_name=server.region,
    )


def times(server: S3Server, bucket: str) -> dict[str, float]:
    listed = client(server).list_objects_v2(Bucket=bucket).get("Contents", [])
    return {item["Key"]: item["LastModified"].timestamp() for item in listed}


def test_an_uploaded_tree_keeps_its_times(server: S3Server, tmp_path: Path) -> None:
    (tmp_path / "sub dir").mkdir()
    (tmp_path / "sub dir" / "ä%20+b").write_bytes(b"data")
    os.utime(tmp_path / "sub dir" / "ä%20+b", (WHEN, WHEN))
    server.make_bucket("trees")
    upload_tree(server, "trees", "at/", tmp_path)
    assert times(server, "trees") == {"at/sub dir/ä%20+b": WHEN}


def test_a_single_object_has_the_time_it_was_given(server: S3Server) -> None:
    server.make_bucket("single")
    server.put("single", "k", b"1", mtime=WHEN)
    assert times(server, "single") == {"k": WHEN}
    server.set_time("single", "k", WHEN + 60)
    assert times(server, "single") == {"k": WHEN + 60}
    assert client(server).get_object(Bucket="single", Key="k")["Body"].read() == b"1"


def test_moto_can_list_whole_seconds_as_aws_does() -> None:
    with moto_s3(whole_seconds=True) as server:
        server.make_bucket("seconds")
        server.put("seconds", "k", b"1", mtime=WHEN)
        assert times(server, "seconds") == {"k": 1_700_000_000.0}


def test_sftp_server_serves_its_directory(tmp_path: Path) -> None:
    import paramiko

    root = tmp_path / "root"
    root.mkdir()
    (root / "file").write_bytes(b"1")
    with (
        rclone_sftp(root, keys=tmp_path) as server,
        paramiko.Transport((server.host, server.port)) as transport,
    ):
        transport.connect(username=server.user, password=server.password)
        sftp = paramiko.SFTPClient.from_transport(transport)
        assert sftp is not None
        assert sftp.listdir(".") == ["file"]
        sftp.close()
