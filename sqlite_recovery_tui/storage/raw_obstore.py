"""Requests through obstore: fast, but it refuses some keys and servers that misanswer ranges."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlite_recovery_tui.storage.base import ObjectInfo
from sqlite_recovery_tui.storage.keys import folder_of
from sqlite_recovery_tui.storage.raw import (
    Body,
    NoAccount,
    NoConditions,
    TooShort,
    UnlistableKey,
    WholeAnswer,
    plain_etag,
)
from sqlite_recovery_tui.storage.symptoms import of_obstore

if TYPE_CHECKING:
    from obstore.store import ObjectStore as Client

_PAGE = 1000
_PART_BYTES = 8 << 20  # of at most 10,000 parts
_PARTS_AT_ONCE = 4
_NOT_IMPLEMENTED = 501
_MISSING_BUCKET = re.compile("NoSuchBucket|ContainerNotFound|bucket does not exist")


class ObstoreRaw:
    """Requests on the client that `client` returns, which may be another one each time."""

    def __init__(self, client: Callable[[], Client]) -> None:
        """Ask `client` for the client of every request."""
        import obstore
        from obstore.exceptions import AlreadyExistsError, BaseError, GenericError, InvalidPathError

        self.failures: tuple[type[Exception], ...] = (BaseError, OSError, ValueError, TooShort, NoAccount)
        self._obstore = obstore
        self._client = client
        self._generic = GenericError
        self._taken = AlreadyExistsError
        self._bad_key = InvalidPathError

    def pages(self, prefix: str, *, after: str, cut: int) -> Iterator[Sequence[ObjectInfo]]:
        """Yield pages of the folder of `prefix`, filtered."""
        folder = folder_of(prefix).rstrip("/")
        stream = self._obstore.list(self._client(), folder or None, offset=after or None, chunk_size=_PAGE)
        try:
            for page in stream:
                yield [_info(meta, cut) for meta in page if meta["path"].startswith(prefix)]
        except self._bad_key as error:
            raise UnlistableKey(str(error).partition("\n")[0]) from error

    def folders(self, prefix: str) -> Sequence[str]:
        """Return the folders below `prefix`."""
        folder = prefix.rstrip("/")
        try:
            found = self._obstore.list_with_delimiter(self._client(), folder or None)
        except self._bad_key as error:
            raise UnlistableKey(str(error).partition("\n")[0]) from error
        return [f"{path}/" for path in found["common_prefixes"]]

    def head(self, key: str) -> ObjectInfo:
        """Return what is known of one object."""
        return _info(self._obstore.head(self._client(), key), 0)

    def metadata(self, key: str) -> Mapping[str, str]:
        """Return what the writer noted beside the object, and what the service notes there itself."""
        return self._obstore.get(self._client(), key, options={"head": True}).attributes

    def get(self, key: str) -> bytes:
        """Return a whole object."""
        answer = self._obstore.get(self._client(), key)
        data = answer.bytes().to_bytes()
        if len(data) != answer.meta["size"]:
            raise TooShort(answer.meta["size"], len(data))
        return data

    def range(self, key: str, start: int, length: int) -> bytes:
        """Return a range."""
        try:
            return self._obstore.get_range(self._client(), key, start=start, length=length).to_bytes()
        except self._generic as error:
            if "NotPartial" in str(error):
                raise WholeAnswer from error
            raise

    def body(self, key: str, start: int, chunk_bytes: int) -> Body:
        """Begin to read an object."""
        options = {"range": {"offset": start}} if start else None
        try:
            answer = self._obstore.get(self._client(), key, options=options)  # type: ignore[arg-type]
        except self._generic as error:
            if "NotPartial" in str(error):
                raise WholeAnswer from error
            raise
        pieces = answer.stream(min_chunk_size=chunk_bytes)
        return Body(answer.meta["size"], plain_etag(answer.meta["e_tag"]), iter(pieces))

    def put(self, key: str, data: bytes) -> None:
        """Store an object, in parts where it is large."""
        self._obstore.put(self._client(), key, data)

    def put_file(self, key: str, path: Path) -> None:
        """Store a file's bytes, a few parts at a time."""
        self._obstore.put(self._client(), key, path, chunk_size=_PART_BYTES, max_concurrency=_PARTS_AT_ONCE)

    def create(self, key: str, data: bytes) -> bool:
        """Store an object unless the server finds another."""
        try:
            self._obstore.put(self._client(), key, data, mode="create", use_multipart=False)
        except self._taken:
            return False
        except self._generic as error:
            if of_obstore(error).status == _NOT_IMPLEMENTED:
                raise NoConditions from error
            raise
        return True

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects in bulk, or one by one where a missing one is an error."""
        try:
            self._obstore.delete(self._client(), list(keys))
        except FileNotFoundError as error:
            if _MISSING_BUCKET.search(str(error)):
                raise
            for key in keys:
                with suppress(FileNotFoundError):
                    self._obstore.delete(self._client(), key)


def _info(meta: Any, cut: int) -> ObjectInfo:
    return ObjectInfo(meta["path"][cut:], meta["size"], meta["last_modified"], plain_etag(meta["e_tag"]))
