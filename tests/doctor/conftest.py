"""Storage servers of the doctor's own, shared by its tests."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.config import Config

from sqlite_recovery_tui.config import ReplicaConfig, Secret
from tests.support.fault_proxy import FaultProxy, fault_proxy
from tests.support.servers import S3Server, moto_s3

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="package")
def moto() -> Iterator[S3Server]:
    with moto_s3() as server:
        yield server


@pytest.fixture
def proxy(moto: S3Server) -> Iterator[FaultProxy]:
    with fault_proxy(moto.endpoint) as running:
        yield running


@pytest.fixture
def bucket(moto: S3Server) -> str:
    """A bucket that is set up as it should be: versions, encryption."""
    name = moto.make_bucket(f"doctor{next(_NUMBERS)}")
    s3_client(moto).put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    encrypt(moto, name, "AES256")
    return name


def encrypt(moto: S3Server, bucket: str, algorithm: str) -> None:
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": algorithm}}
    s3_client(moto).put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})


@cache
def s3_client(server: S3Server) -> Any:
    """Return boto3's client for a server."""
    return boto3.session.Session().client(
        "s3",
        endpoint_url=server.endpoint,
        region_name="us-east-1",
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        config=Config(s3={"addressing_style": "path"}),
    )


def s3_replica(server: S3Server, bucket: str, *, endpoint: str = "", **more: Any) -> ReplicaConfig:
    return ReplicaConfig(
        "s3",
        "s3",
        bucket=bucket,
        path="app",
        endpoint=endpoint or server.endpoint,
        access_key_id=Secret(server.access_key),
        secret_access_key=Secret(server.secret_key),
        **more,
    )
