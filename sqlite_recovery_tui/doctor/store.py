"""Does a replica's storage do what is needed: each verb tried by itself, on objects that are removed again.

Deleting is tried first, on a key that nobody has: where it is not allowed, nothing is written, since it could
not be taken away again.
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from sqlite_recovery_tui.clock import Clock
from sqlite_recovery_tui.config import ReplicaConfig
from sqlite_recovery_tui.doctor.bucket import Bucket
from sqlite_recovery_tui.doctor.skew import judge_skew, server_time
from sqlite_recovery_tui.errors import BucketNotFound, Cancelled, RecoverError, Unreachable
from sqlite_recovery_tui.replica.health import Check
from sqlite_recovery_tui.storage.base import ObjectInfo, Store
from sqlite_recovery_tui.words import plural, size, span

PREFIX = "sqlrecover-doctor-"
"""Begins the names of probes; a random part follows. They lie in no folder, since folders would stay."""
_SMALL = 4096
_LARGE = 9 << 20
"""Bytes; more than a part of an upload in parts."""
_SLOW = 1.0
T = TypeVar("T")


@dataclass(frozen=True)
class Seen:
    """The checks of a store and, where a verb failed, why."""

    checks: tuple[Check, ...]
    error: RecoverError | None = None


def examine(replica: ReplicaConfig, store: Store, *, clock: Clock, write: bool = True) -> Seen:
    """Try every verb on `store`, which is `replica`'s, and look at its bucket; without `write` only read.

    Raises `Cancelled`. What could not be removed again is named in the check `left behind`.
    """
    trial = _Trial(store, clock)
    trial.listed()
    if isinstance(trial.error, BucketNotFound | Unreachable):
        return Seen(tuple(trial.checks), trial.error)
    bucket = Bucket(replica) if replica.type == "s3" else None
    about = list(bucket.examine()) if bucket else []
    if write:
        try:
            trial.written(bucket.locked_days if bucket else 0)
        finally:
            trial.cleaned(bucket)
    else:
        trial.read_only()
    trial.timed()
    if store.kind != "file":  # whose times are this machine's own
        about.insert(0, judge_skew(trial.skew if trial.skew is not None else _asked(replica, clock)))
    return Seen((*trial.checks, *about), trial.error)


def _asked(replica: ReplicaConfig, clock: Clock) -> timedelta | None:
    """Return how far this clock is from the server's, by the date of an answer; None where it tells none."""
    theirs = server_time(replica)
    return clock.now() - theirs if theirs else None


@dataclass
class _Trial:
    """One round of requests to a store and what came of them."""

    store: Store
    clock: Clock
    checks: list[Check] = field(default_factory=list)
    error: RecoverError | None = None
    skew: timedelta | None = None
    _seconds: dict[str, float] = field(default_factory=dict)
    _prefix: str = field(default_factory=lambda: f"{PREFIX}{secrets.token_hex(8)}-")
    _keys: list[str] = field(default_factory=list)
    """What may have been written and has to go again."""
    _sample: ObjectInfo | None = None

    def listed(self) -> None:
        """List the replica, as far as its first page."""
        with self._verb("list") as say:
            page = _first_page(self.store)
            self._sample = next((info for info in page if info.size), None)
            say("ok", "allowed")

    def read_only(self) -> None:
        """Read from what the replica holds."""
        if self._sample is None:
            for name in ("get", "ranged get"):
                self._not_tried(name, "there is no object to read")
            return
        self._read(self._sample.key, self._sample.size, None)

    def written(self, locked_days: int) -> None:
        """Write, read and write again; nothing where it could not be removed."""
        why_not = ""
        if locked_days:
            why_not = f"the bucket would keep what is written for {plural(locked_days, 'day')}"
        elif not self._may_delete():
            why_not = "what is written could not be deleted again"
        if why_not:
            for name in ("put", "conditional put", "multipart put"):
                self._not_tried(name, why_not)
            self.read_only()
            return
        data = secrets.token_bytes(_SMALL)
        key = self._key("small")
        if self._put(key, data):
            self._read(key, _SMALL, data)
        else:
            self.read_only()
        self._conditional()
        self._multipart()

    def cleaned(self, bucket: Bucket | None) -> None:
        """Remove what was written, and look whether it is gone."""
        if not self._keys:
            return
        with self._verb("delete") as say:
            self._timed("delete", lambda: self.store.delete(self._keys))
            say("ok", "allowed")
        left = self._left()
        if left:
            with suppress(RecoverError):  # once more, for what was only a hiccup
                self.store.delete(self._keys)
            left = self._left()
        versions = bucket.forget(self._prefix) if bucket else ""
        if left or versions:
            told = ", ".join([*left, *([versions] if versions else [])])
            hint = f"delete what begins with {self._prefix} by hand"
            self.checks.append(Check("left behind", "fail", f"could not be removed: {told}", hint))

    def timed(self) -> None:
        """Say how long the requests for small objects took."""
        if not self._seconds:
            return
        shown = ", ".join(f"{name} {span(seconds)}" for name, seconds in self._seconds.items())
        worst = max(self._seconds, key=lambda name: self._seconds[name])
        if self._seconds[worst] <= _SLOW:
            self.checks.append(Check("latency", "ok", shown))
            return
        hint = "each sync waits so long: choose a place nearer by, or a longer sync-interval"
        self.checks.append(Check("latency", "warn", f"slow: {shown}", hint))

    def _may_delete(self) -> bool:
        """Delete what is not there, which is no error but for who may not delete."""
        with self._verb("delete"):
            self.store.delete([f"{self._prefix}none"])
        return not self._failed("delete")

    def _put(self, key: str, data: bytes) -> bool:
        with self._verb("put") as say:
            began = self.clock.now()
            info = self._timed("put", lambda: self.store.put(key, data))
            ended = self.clock.now()
            self.skew = _distance(info.time, began, ended)
            say("ok", "allowed, and read back in its full size")
        return not self._failed("put")

    def _read(self, key: str, length: int, expected: bytes | None) -> None:
        if expected is not None or length <= _LARGE:
            with self._verb("get") as say:
                data = self._timed("get", lambda: self.store.get(key))
                if expected is not None and data != expected:
                    self._fail("get", "other bytes came back than were written", _CHANGED)
                else:
                    say("ok", "allowed" if expected is None else "the same bytes come back")
        with self._verb("ranged get") as say:
            start, count = length // 3, max(1, length // 3)
            part = self._timed("ranged get", lambda: self.store.get_range(key, start, count))
            if expected is not None and part != expected[start : start + count]:
                self._fail("ranged get", "other bytes came back than were asked for", _CHANGED)
            elif self.store.answers_ranges(key):
                say("ok", "only the range is sent")
            else:
                say("warn", "the server sends whole objects: looking into large ones is slow", _WHOLE)

    def _conditional(self) -> None:
        key = self._key("once")
        with self._verb("conditional put") as say:
            first = self.store.put_if_absent(key, b"first")
            second = self.store.put_if_absent(key, b"second")
            if not first or second or self.store.get(key) != b"first":
                self._fail("conditional put", "an object was put over another one", _NO_CONDITION)
            elif getattr(self.store, "supports_conditional_put", None) is False:
                say("warn", "the server puts over an object although asked not to", _NO_CONDITION)
            else:
                say("ok", "a second writer is kept out")

    def _multipart(self) -> None:
        key = self._key("large")
        with self._verb("multipart put") as say, tempfile.TemporaryDirectory(prefix="sqlrecover-") as folder:
            file = Path(folder) / "large"
            data = secrets.token_bytes(1 << 20) * (_LARGE >> 20)
            file.write_bytes(data)
            self.store.put_file(key, file)
            if self.store.get_range(key, _LARGE - 64, 64) != data[-64:]:
                self._fail("multipart put", "other bytes came back than were written", _CHANGED)
            else:
                say("ok", f"{size(_LARGE)} in parts")

    def _key(self, name: str) -> str:
        key = f"{self._prefix}{name}"
        self._keys.append(key)
        return key

    def _left(self) -> list[str]:
        """Return the probes that are still there: where nobody may look, those that were not deleted."""
        with suppress(RecoverError):
            return [info.key for page in self.store.list(self._prefix) for info in page]
        return self._keys if self._failed("delete") else []

    def _timed(self, name: str, act: Callable[[], T]) -> T:
        start = self.clock.monotonic()
        result = act()
        self._seconds.setdefault(name, self.clock.monotonic() - start)
        return result

    @contextmanager
    def _verb(self, name: str) -> Iterator[Callable[..., None]]:
        """Judge one verb: by what the block says, or by the error that ends it."""

        def say(status: str, message: str, hint: str = "") -> None:
            self.checks.append(Check(name, "warn" if status == "warn" else "ok", message, hint))

        try:
            yield say
        except Cancelled:
            raise
        except RecoverError as error:
            self.error = self.error or error
            self._fail(name, str(error), error.hint)

    def _failed(self, name: str) -> bool:
        return any(check.name == name and check.status == "fail" for check in self.checks)

    def _fail(self, name: str, message: str, hint: str) -> None:
        self.checks.append(Check(name, "fail", message, hint))

    def _not_tried(self, name: str, why: str) -> None:
        self.checks.append(Check(name, "warn", f"not tried: {why}"))


_CHANGED = "something on the way changes objects: a proxy, a gateway, or the provider; do not rely on it"
_WHOLE = "restores are not slower by it; preview and show fetch more than they need"
_NO_CONDITION = "two writers to this path cannot keep each other out here: see that there is only one"


def _first_page(store: Store) -> list[ObjectInfo]:
    pages = store.list("")
    try:
        return list(next(iter(pages), ()))
    finally:
        close = getattr(pages, "close", None)
        if close is not None:
            close()


def _distance(theirs: datetime, began: datetime, ended: datetime) -> timedelta:
    """Return how far ahead this machine's clock is, zero while the server's time may be between both.

    Object times may be cut to the second.
    """
    if theirs > ended:
        return ended - theirs
    return began - theirs if theirs < began - timedelta(seconds=1) else timedelta()
