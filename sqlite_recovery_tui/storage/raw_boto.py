"""Requests through boto3: slow, but it carries every key that S3 allows, `..`, `//` and controls too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC
from typing import Any

from sqlite_recovery_tui.storage.base import ObjectInfo
from sqlite_recovery_tui.storage.raw import Body, NoAccount, TooShort, WholeAnswer, plain_etag


class BotoRaw:
    """Requests to one bucket on the client that `client` returns."""

    def __init__(self, client: Callable[[], Any], bucket: str) -> None:
        """Ask `client` for the client of every request."""
        from botocore.exceptions import BotoCoreError, ClientError
        from urllib3.exceptions import HTTPError

        self.failures: tuple[type[Exception], ...] = (
            BotoCoreError,
            ClientError,
            HTTPError,
            OSError,
            TooShort,
            NoAccount,
        )
        self._answered = ClientError
        self._client = client
        self._bucket = bucket

    def pages(self, prefix: str, *, after: str, cut: int) -> Iterator[Sequence[ObjectInfo]]:
        """Yield pages of 1,000 objects."""
        options = {"StartAfter": after} if after else {}
        pages = self._client().get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self._bucket, Prefix=prefix, **options):
            yield [_info(item["Key"][cut:], item, item["Size"]) for item in page.get("Contents", [])]

    def folders(self, prefix: str) -> Sequence[str]:
        """Return the folders below `prefix`."""
        pages = self._client().get_paginator("list_objects_v2")
        found = pages.paginate(Bucket=self._bucket, Prefix=prefix, Delimiter="/")
        return [item["Prefix"] for page in found for item in page.get("CommonPrefixes", [])]

    def head(self, key: str) -> ObjectInfo:
        """Return what is known of one object."""
        answer = self._client().head_object(Bucket=self._bucket, Key=key)
        return _info(key, answer, answer["ContentLength"])

    def get(self, key: str) -> bytes:
        """Return a whole object."""
        answer = self._client().get_object(Bucket=self._bucket, Key=key)
        data: bytes = answer["Body"].read()
        if len(data) != answer["ContentLength"]:
            raise TooShort(answer["ContentLength"], len(data))
        return data

    def range(self, key: str, start: int, length: int) -> bytes:
        """Return a range."""
        answer = self._ranged(key, f"bytes={start}-{start + length - 1}")
        data: bytes = answer["Body"].read()
        return data

    def body(self, key: str, start: int, chunk_bytes: int) -> Body:
        """Begin to read an object."""
        if start:
            answer = self._ranged(key, f"bytes={start}-")
            size = int(answer["ContentRange"].rpartition("/")[2])
        else:
            answer = self._client().get_object(Bucket=self._bucket, Key=key)
            size = answer["ContentLength"]
        return Body(size, plain_etag(answer.get("ETag")), answer["Body"].iter_chunks(chunk_bytes))

    def put(self, key: str, data: bytes) -> None:
        """Store an object."""
        self._client().put_object(Bucket=self._bucket, Key=key, Body=data)

    def create(self, key: str, data: bytes) -> bool:
        """Store an object unless the server finds another."""
        try:
            self._client().put_object(Bucket=self._bucket, Key=key, Body=data, IfNoneMatch="*")
        except self._answered as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 412:
                return False
            raise
        return True

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects one by one: bulk deletes spell keys in XML, which has no controls."""
        for key in keys:
            self._client().delete_object(Bucket=self._bucket, Key=key)

    def _ranged(self, key: str, wanted: str) -> Any:
        answer = self._client().get_object(Bucket=self._bucket, Key=key, Range=wanted)
        if "ContentRange" not in answer:
            answer["Body"].close()
            raise WholeAnswer
        return answer


def _info(key: str, item: Any, size: int) -> ObjectInfo:
    return ObjectInfo(key, size, item["LastModified"].astimezone(UTC), plain_etag(item.get("ETag")))
