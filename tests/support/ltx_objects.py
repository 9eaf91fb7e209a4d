"""LTX files as objects: a file replica stored in a bucket the way Litestream's S3 client does it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import boto3
from botocore.config import Config

from tests.support import ltx_oracle as oracle
from tests.support.servers import S3Server


def put_replica(
    server: S3Server, bucket: str, path: str, folder: Path, *, listed_as_now: bool = False
) -> None:
    """Store the file replica below `folder` as objects below `path`, with the times in their metadata.

    `listed_as_now` has them listed as written now, as after a copy from bucket to bucket, else with the
    time of their content.
    """
    client = boto3.client(
        "s3",
        endpoint_url=server.endpoint,
        region_name=server.region,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        config=Config(s3={"addressing_style": "path"}),
    )
    try:
        for each in oracle.stored(folder):
            metadata = {"litestream-timestamp": _text(each.time)}
            if not listed_as_now:
                metadata["mtime"] = repr(each.time.timestamp())
            client.put_object(
                Bucket=bucket,
                Key=object_key(path, each),
                Body=each.path.read_bytes(),
                Metadata=metadata,
            )
    finally:
        client.close()
    server.refresh()


def object_key(path: str, file: oracle.Stored) -> str:
    """Return the key of an LTX file below `path`."""
    return f"{path}/{file.level:04x}/{file.name}"


def _text(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
