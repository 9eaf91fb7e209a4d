"""Requests to S3 by keys exactly as they are: leading slashes, `.`, `..`, `//` and controls too."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import unquote_plus

from sqlite_recovery_tui.storage.base import ObjectInfo
from sqlite_recovery_tui.storage.raw import Body, NoAccount, NoConditions, TooShort, WholeAnswer, plain_etag
from sqlite_recovery_tui.storage.signed import Answer, Refused, SignedClient
from sqlite_recovery_tui.storage.symptoms import Symptom

_METADATA = "x-amz-meta-"
_TAKEN, _NOT_IMPLEMENTED = 412, 501


class SignedRaw:
    """Requests to one bucket on the client that `client` returns, which may be another one each time."""

    def __init__(self, client: Callable[[], SignedClient]) -> None:
        """Ask `client` for the client of every request."""
        from botocore.exceptions import BotoCoreError
        from urllib3.exceptions import HTTPError

        self.failures: tuple[type[Exception], ...] = (
            Refused,
            BotoCoreError,
            HTTPError,
            OSError,
            TooShort,
            NoAccount,
        )
        self._client = client

    def pages(self, prefix: str, *, after: str, cut: int) -> Iterator[Sequence[ObjectInfo]]:
        """Yield pages of as many objects as the server likes, 1,000 as a rule."""
        options = {"start-after": after} if after else {}
        for page in self._listing(prefix, options):
            yield page.objects(cut)

    def folders(self, prefix: str) -> Sequence[str]:
        """Return the folders below `prefix`."""
        return [folder for page in self._listing(prefix, {"delimiter": "/"}) for folder in page.folders()]

    def head(self, key: str) -> ObjectInfo:
        """Return what is known of one object."""
        answer = self._client().ask("HEAD", key)
        time = parsedate_to_datetime(answer.headers["last-modified"]).astimezone(UTC)
        return ObjectInfo(key, answer.size, time, plain_etag(answer.headers.get("etag")))

    def metadata(self, key: str) -> Mapping[str, str]:
        """Return what the writer noted beside the object."""
        headers = self._client().ask("HEAD", key).headers
        return {
            name[len(_METADATA) :]: value for name, value in headers.items() if name.startswith(_METADATA)
        }

    def get(self, key: str) -> bytes:
        """Return a whole object."""
        answer = self._client().ask("GET", key)
        size = answer.size
        data: bytes = answer.body.read()
        if len(data) != size:
            raise TooShort(size, len(data))
        return data

    def range(self, key: str, start: int, length: int) -> bytes:
        """Return a range."""
        data: bytes = self._ranged(key, f"bytes={start}-{start + length - 1}").body.read()
        return data

    def body(self, key: str, start: int, chunk_bytes: int) -> Body:
        """Begin to read an object."""
        if start:
            answer = self._ranged(key, f"bytes={start}-")
            size = int(answer.headers["content-range"].rpartition("/")[2])
        else:
            answer = self._client().ask("GET", key)
            size = answer.size
        return Body(size, plain_etag(answer.headers.get("etag")), answer.body.iter_chunks(chunk_bytes))

    def put(self, key: str, data: bytes) -> None:
        """Store an object."""
        self._client().ask("PUT", key, body=data).body.read()

    def put_file(self, key: str, path: Path) -> None:
        """Store a file's bytes, all of them at once: odd keys are rare, and never those of large objects."""
        self.put(key, path.read_bytes())

    def create(self, key: str, data: bytes) -> bool:
        """Store an object unless the server finds another."""
        try:
            self._client().ask("PUT", key, headers={"If-None-Match": "*"}, body=data).body.read()
        except Refused as error:
            if error.symptom.status == _TAKEN:
                return False
            if error.symptom.status == _NOT_IMPLEMENTED:
                raise NoConditions from error
            raise
        return True

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects one by one: bulk deletes spell keys in XML, which has no controls."""
        for key in keys:
            self._client().ask("DELETE", key).body.read()

    def _ranged(self, key: str, wanted: str) -> Answer:
        answer = self._client().ask("GET", key, headers={"Range": wanted})
        if "content-range" not in answer.headers:
            answer.body.close()
            raise WholeAnswer
        return answer

    def _listing(self, prefix: str, options: Mapping[str, str]) -> Iterator[_Page]:
        query = {"list-type": "2", "encoding-type": "url", "prefix": prefix, **options}
        while True:
            page = _Page(self._client().ask("GET", query=query).body.read())
            yield page
            if not page.next:
                return
            query["continuation-token"] = page.next


class _Page:
    """One page of a listing; raise Refused for what is none."""

    def __init__(self, text: bytes) -> None:
        try:
            root = ET.fromstring(text)  # noqa: S314  (expat bounds what entities may grow to)
        except ET.ParseError as error:
            raise Refused(Symptom(broke="no-s3")) from error
        self._space, _, name = root.tag.rpartition("}")
        if name != "ListBucketResult":
            raise Refused(Symptom(broke="no-s3"))
        self._root = root
        self._encoded = self._text(root, "EncodingType") == "url"
        self.next = self._text(root, "NextContinuationToken")

    def objects(self, cut: int) -> list[ObjectInfo]:
        return [
            ObjectInfo(
                self._key(item, "Key")[cut:],
                int(self._text(item, "Size")),
                datetime.fromisoformat(self._text(item, "LastModified")).astimezone(UTC),
                plain_etag(self._text(item, "ETag")),
            )
            for item in self._root.iterfind(self._name("Contents"))
        ]

    def folders(self) -> list[str]:
        return [self._key(item, "Prefix") for item in self._root.iterfind(self._name("CommonPrefixes"))]

    def _key(self, item: ET.Element, name: str) -> str:
        text = self._text(item, name)
        return unquote_plus(text) if self._encoded else text

    def _text(self, item: ET.Element, name: str) -> str:
        return item.findtext(self._name(name)) or ""

    def _name(self, name: str) -> str:
        return f"{self._space}}}{name}" if self._space else name
