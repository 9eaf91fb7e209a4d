"""Replicas in object storage: requests with retries, resumption and checks of what arrived."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from sqlite_recovery_tui.errors import ObjectNotFound, ShortBody
from sqlite_recovery_tui.storage.base import ObjectInfo
from sqlite_recovery_tui.storage.keys import is_plain, under
from sqlite_recovery_tui.storage.listing import list_objects
from sqlite_recovery_tui.storage.noted import noted_time
from sqlite_recovery_tui.storage.range_ways import RangeWays
from sqlite_recovery_tui.storage.raw import NoConditions, Raw, UnlistableKey, WholeAnswer
from sqlite_recovery_tui.storage.reading import Changed, Reading
from sqlite_recovery_tui.storage.retry import Attempts, Operation, Retry
from sqlite_recovery_tui.storage.sites import Site
from sqlite_recovery_tui.storage.translate import bad_key, changed, short_body, unlistable

T = TypeVar("T")


class ObjectStore:
    """A prefix of a bucket. Most keys travel through obstore, odd ones through the site's other way.

    A prefix may have a second, literal spelling, as Litestream 0.5 uses it: keys that begin with a slash
    are what follows that one.
    """

    is_local = False

    def __init__(self, site: Site, *, root: str, url: str, retry: Retry, literal: str | None = None) -> None:
        """Keep to the keys below `root` (no slash at its end; empty: the whole bucket) and `literal`."""
        self.kind = site.kind
        self.url = url
        self.lists_written_times = site.lists_written_times
        self._site = site
        self._root = root
        self._literal = None if literal is None or _is_below(literal, root) else literal
        self._retry = retry
        self._raw: Raw | None = None
        self._odd_raw: Raw | None = None
        self._range_ways = RangeWays(known=site.ranges is True)
        self._conditional_put: bool | None = None

    @property
    def supports_conditional_put(self) -> bool | None:
        """Whether the server refuses to put over an object when asked to; None before the first try."""
        return self._conditional_put

    def answers_ranges(self, key: str) -> bool:
        """Ask for one byte of `key` unless the answer is known."""
        _, usual = self._way_to("get", key)
        if not self._answers(usual):
            with suppress(ShortBody):  # an empty object teaches nothing
                self._ranged(key, 0, 1)
        return self._answers(usual)

    def list(self, prefix: str = "") -> Iterator[Sequence[ObjectInfo]]:
        """Yield pages of objects as the service sends them."""
        full, cut = self._full(prefix), len(under(self._root, ""))
        if self._literal is None:
            return self._list(prefix, full, cut)
        return self._list_both(prefix, full, cut, self._literal)

    def list_folders(self, prefix: str = "") -> Sequence[str]:
        """Return the folders directly below `prefix`."""
        operation = self._operation("list", prefix)
        full = self._full(prefix)
        cut = len(full) - len(prefix)
        raw = self._way(full.rstrip("/"), operation)
        try:
            found = self._call(raw, operation, lambda: raw.folders(full))
        except UnlistableKey as error:
            odd = self._odd_way()
            if odd is None:
                raise unlistable(str(error)).error(operation) from error
            found = self._call(odd, operation, lambda: odd.folders(full))
        return sorted(folder[cut:] for folder in found)

    def head(self, key: str) -> ObjectInfo:
        """Return one object's size, time and ETag."""
        full, raw = self._way_to("head", key)
        info = self._call(raw, self._operation("head", key), lambda: raw.head(full))
        return ObjectInfo(key, info.size, info.time, info.etag)

    def written_time(self, key: str) -> datetime | None:
        """Return the time noted beside an object, or a file's."""
        if self.lists_written_times:
            return self.head(key).time
        full, raw = self._way_to("head", key)
        return noted_time(self._call(raw, self._operation("head", key), lambda: raw.metadata(full)))

    def get(self, key: str) -> bytes:
        """Return a whole object."""
        full, raw = self._way_to("get", key)
        return self._call(raw, self._operation("get", key), lambda: raw.get(full))

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """Return exactly `length` bytes from `start`."""
        if length <= 0:
            return b""
        operation = self._operation("get", key)
        data = self._ranged(key, start, length)
        if data is None:
            data = _cut_out(self.stream(key, chunk_bytes=1 << 20), start, length)
        if len(data) != length:
            raise short_body(start + length, start + len(data)).error(operation)
        return data

    def stream(self, key: str, *, start: int = 0, chunk_bytes: int = 4 << 20) -> Iterator[bytes]:
        """Yield an object from `start` to its end, taken up again where it broke."""
        full, raw = self._way_to("get", key)
        operation = self._operation("get", key)
        reading = Reading(
            raw,
            full,
            start,
            chunk_bytes,
            range_way=lambda: self._range_way(raw),
            whole=self._range_ways.sends_whole,
            explain=lambda error: self._site.explain(error, "get"),
            attempts=Attempts(self._retry, operation),
        )
        try:
            yield from reading.pieces()
        except Changed as error:
            raise changed().error(operation) from error
        except ShortBody:
            if reading.position > start or not start or self.head(key).size > start:
                raise

    def put(self, key: str, data: bytes) -> ObjectInfo:
        """Store an object and read its size back."""
        full, raw = self._way_to("put", key)
        return self._put(raw, key, len(data), lambda: raw.put(full, data))

    def put_file(self, key: str, path: Path) -> ObjectInfo:
        """Store a file's bytes and read their size back."""
        full, raw = self._way_to("put", key)
        return self._put(raw, key, path.stat().st_size, lambda: raw.put_file(full, path))

    def put_if_absent(self, key: str, data: bytes) -> bool:
        """Store an object unless the key is taken.

        The first use finds out, by putting the same bytes again, whether the server refuses to put
        over an object. Where it does not, two writers at the same moment may both be told True.
        """
        if self._conditional_put is not True and self._exists(key):
            return False
        if self._conditional_put is False:
            self.put(key, data)
            return self.get(key) == data
        try:
            return self._create_and_learn(key, data)
        except NoConditions:
            self._conditional_put = False
            return self.put_if_absent(key, data)

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects, in bulk where the service can."""
        ways: dict[int, tuple[Raw, list[str]]] = {}
        for key in keys:
            full, raw = self._way_to("delete", key)
            ways.setdefault(id(raw), (raw, []))[1].append(full)
        for raw, fulls in ways.values():
            operation = self._operation("delete", keys[0] if len(keys) == 1 else "")
            self._call(raw, operation, lambda raw=raw, fulls=fulls: raw.delete(fulls))  # type: ignore[misc]

    def close(self) -> None:
        """Let go of the clients; their connections close when the last request is done."""
        self._raw = self._odd_raw = None
        self._site.close()

    def _put(self, raw: Raw, key: str, size: int, act: Callable[[], None]) -> ObjectInfo:
        operation = self._operation("put", key)
        self._call(raw, operation, act)
        info = self.head(key)
        if info.size != size:
            raise short_body(size, info.size).error(operation)
        return info

    def _operation(self, name: str, key: str) -> Operation:
        return Operation(name, key, self.url)

    def _full(self, key: str) -> str:
        if self._literal is not None and key.startswith("/"):
            return self._literal + key
        return under(self._root, key)

    def _list(self, prefix: str, full: str, cut: int) -> Iterator[Sequence[ObjectInfo]]:
        return list_objects(self._site, self._retry, self._operation("list", prefix), full, cut)

    def _list_both(self, prefix: str, full: str, cut: int, literal: str) -> Iterator[Sequence[ObjectInfo]]:
        if not prefix.startswith("/"):
            for page in self._list(prefix, full, cut):
                yield [info for info in page if not info.key.startswith("/")]
        if not prefix or prefix.startswith("/"):
            yield from self._list(prefix, literal + (prefix or "/"), len(literal))

    def _way_to(self, operation: str, key: str) -> tuple[str, Raw]:
        """Return the full key and the way for it."""
        full = self._full(key)
        return full, self._way(full, self._operation(operation, key))

    def _way(self, full: str, operation: Operation) -> Raw:
        if not is_plain(full):
            odd = self._odd_way()
            if odd is not None:
                return odd
            if full:
                raise bad_key("object").error(operation)
        if self._raw is None:
            self._raw = self._site.raw()
        return self._raw

    def _odd_way(self) -> Raw | None:
        if self._odd_raw is None:
            self._odd_raw = self._site.raw_for_odd_keys()
        return self._odd_raw

    def _call(self, raw: Raw, operation: Operation, act: Callable[[], T]) -> T:
        return self._retry.call(
            operation,
            act,
            lambda error: self._site.explain(error, operation.name),
            raw.failures,
        )

    def _ranged(self, key: str, start: int, length: int) -> bytes | None:
        """Return a range, None when the server does not answer ranges."""
        full, usual = self._way_to("get", key)
        while (raw := self._range_way(usual)) is not None:
            try:
                data = self._call(raw, self._operation("get", key), partial(raw.range, full, start, length))
            except WholeAnswer:
                self._range_ways.sends_whole(raw)
                continue
            self._range_ways.answers(raw)
            return data
        return None

    def _answers(self, usual: Raw) -> bool:
        raw = self._range_way(usual)
        return raw is not None and self._range_ways.answered(raw)

    def _range_way(self, usual: Raw) -> Raw | None:
        """Return the way by which ranges come of keys that travel by `usual`, None when by none.

        Some servers answer a range with the status of a whole object, which only the way of odd keys
        sees through.
        """
        if self._range_ways.may_answer(usual):
            return usual
        odd = self._odd_way()
        return odd if odd is not None and self._range_ways.may_answer(odd) else None

    def _exists(self, key: str) -> bool:
        try:
            self.head(key)
        except ObjectNotFound:
            return False
        return True

    def _create_and_learn(self, key: str, data: bytes) -> bool:
        if not self._create(key, data):
            return False
        if self._conditional_put is None:
            self._conditional_put = not self._create(key, data, mine=False)
        return True

    def _create(self, key: str, data: bytes, *, mine: bool = True) -> bool:
        """Put conditionally; an object that a lost answer to us left behind counts as ours if `mine`."""
        full, raw = self._way_to("put", key)
        tries = 0

        def act() -> bool:
            nonlocal tries
            tries += 1
            return raw.create(full, data)

        if self._call(raw, self._operation("put", key), act):
            return True
        return mine and tries > 1 and self.get(key) == data


def _is_below(literal: str, root: str) -> bool:
    return f"{literal}/".startswith(under(root, ""))


def _cut_out(pieces: Iterator[bytes], start: int, length: int) -> bytes:
    """Return `length` bytes from `start` of a stream, and end it there."""
    kept = bytearray()
    at = 0
    for piece in pieces:
        kept += piece[max(0, start - at) : max(0, start + length - at)]
        at += len(piece)
        if at >= start + length:
            break
    return bytes(kept)
