"""Find every replica below a prefix of a store, named by a configuration or not, of either format.

A page of a listing that shows several replicas is worth its request, and so is every page of a replica whose
reach is asked for. As soon as a page shows neither, the folders are asked instead, side by side. Replicas of
one database each below a common folder cost about one request per thousand objects, and few more.
"""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sqlite_recovery_tui.errors import AccessDenied, Cancelled, RecoverError
from sqlite_recovery_tui.formats import generations
from sqlite_recovery_tui.formats.ltx import names as ltx_names
from sqlite_recovery_tui.progress import CancelToken, Progress, ProgressFn, ignore_progress
from sqlite_recovery_tui.replica.timeline import Timeline, TimelineBuilder
from sqlite_recovery_tui.storage.base import ObjectInfo, Store

AT_ONCE = 8
MAX_DEPTH = 24
"""Folders deeper than that below the prefix are not looked into."""
MAX_REPLICAS = 10_000
FULL_PAGE = 1000
"""How many objects a page of a listing has that others follow."""
WAKE_SECONDS = 0.2

_OWN = re.compile(r"(?:generations|ltx|000[0-9])/")
"""Folders that a replica's layout has directly below the replica."""
_BEGINS = re.compile(
    r"(?:^|(?<=/))(?:generations/[0-9a-f]{16}/(?:snapshots|wal)/|ltx/[0-9]/[0-9a-f]{16}-|000[0-9]/[0-9a-f]{16}-)"
)
"""Where in a key the part begins that a replica's layout gives it."""


@dataclass(frozen=True)
class Found:
    """A replica that was found; its folder is relative to the store, "" for the top, else with a "/"."""

    folder: str
    timeline: Timeline
    complete: bool
    """False while more of it may be listed."""


@dataclass(frozen=True)
class Discovery:
    """Everything that was found, in the order of the folders."""

    found: tuple[Found, ...]
    objects: int
    """How many objects were listed on the way, those that belong to no replica included."""
    errors: tuple[RecoverError, ...] = ()
    """Folders that could not be looked into."""
    cut_short: bool = False
    """Whether there was more than is looked through."""


def discover(
    store: Store,
    *,
    prefix: str = "",
    on_found: Callable[[Found], None] | None = None,
    progress: ProgressFn = ignore_progress,
    cancel: CancelToken | None = None,
) -> Discovery:
    """Return every replica below `prefix` (empty, or with a "/" at its end).

    `on_found` is called from one thread, first when a replica is seen and again when all of it is listed.
    A failure below the prefix is kept and the search goes on; one at the prefix is raised. Raises
    `StorageError`, `Cancelled`.
    """
    return _Search(store, on_found or _ignore, progress, cancel or CancelToken()).run(prefix)


def replica_folder(key: str) -> tuple[str, str] | None:
    """Return the folder of the replica that an object belongs to, and its key in there; None for others."""
    begins = _BEGINS.search(key)
    if begins is None:
        return None
    folder, rest = key[: begins.start()], key[begins.start() :]
    known = generations.parse_key(rest) or ltx_names.parse_key(rest)
    return (folder, rest) if known is not None else None


@dataclass
class _Visit:
    """What one folder's listing has shown so far."""

    folder: str
    builders: dict[str, TimelineBuilder] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)
    """Folders directly below that the listing has been in, and has left."""
    inside: str = ""
    """The one that it is in."""
    contiguous: bool = True
    """Whether it came back to none."""
    to_the_end: bool = False

    def add(self, page: Sequence[ObjectInfo]) -> set[str]:
        """Take a page and return the folders of the replicas it shows."""
        seen = set()
        for item in page:
            self._follow(item.key)
            if (belongs := replica_folder(item.key)) is None:
                continue
            folder, rest = belongs
            seen.add(folder)
            builder = self.builders.setdefault(folder, TimelineBuilder())
            builder.add(rest, item.size, item.time, item.etag)
        return seen

    def is_whole(self, below: str) -> bool:
        """Tell whether all that lies in a folder directly below has been listed."""
        return self.to_the_end or (self.contiguous and below in self.left)

    def _follow(self, key: str) -> None:
        end = key.find("/", len(self.folder)) + 1
        inside = key[:end]
        if inside != self.inside:
            self.left.add(self.inside)
            self.contiguous = self.contiguous and inside not in self.left
            self.inside = inside


class _Search:
    """One search: folders that wait, the threads that list them, and what came of it."""

    def __init__(
        self, store: Store, on_found: Callable[[Found], None], progress: ProgressFn, cancel: CancelToken
    ) -> None:
        self._store = store
        self._on_found = on_found
        self._progress = progress
        self._cancel = cancel
        self._stop = threading.Event()
        self._folders: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._news: queue.SimpleQueue[_News] = queue.SimpleQueue()
        self._waiting = 0
        self._hired = 0
        self._objects = 0
        self._found: dict[str, Found] = {}
        self._errors: list[RecoverError] = []
        self._cut_short = False

    def run(self, prefix: str) -> Discovery:
        self._put(prefix)
        self._hire(1)
        try:
            while self._waiting:
                self._take(self._next(), prefix)
        finally:
            self._stop.set()
            for _ in range(AT_ONCE):
                self._folders.put(None)
        found = tuple(self._found[folder] for folder in sorted(self._found))
        return Discovery(found, self._objects, tuple(self._errors), self._cut_short)

    def _next(self) -> _News:
        while True:
            self._cancel.check()
            try:
                # A token that is cancelled during an endless wait would only be seen after it.
                return self._news.get(timeout=WAKE_SECONDS)
            except queue.Empty:
                continue

    def _take(self, news: _News, prefix: str) -> None:
        """Take what a thread has to tell; everything that is shared is changed here alone."""
        self._objects += news.objects
        self._progress(Progress("looking", self._objects, None, "objects", news.folder))
        for found in news.found:
            known = self._found.get(found.folder)
            if known is None or (found.complete and not known.complete):
                self._found[found.folder] = found
                self._on_found(found)
        for folder in news.below:
            self._put(folder)
        if news.below:
            self._hire(AT_ONCE)
        if news.error is not None:
            if news.folder == prefix or isinstance(news.error, Cancelled):
                raise news.error
            self._errors.append(news.error)
        self._waiting -= news.ended
        if len(self._found) >= MAX_REPLICAS:
            self._cut_short, self._waiting = True, 0

    def _put(self, folder: str) -> None:
        if folder.count("/") > MAX_DEPTH:
            self._cut_short = True
            return
        self._waiting += 1
        self._folders.put(folder)

    def _hire(self, count: int) -> None:
        """See that so many threads work; daemons, so that one which hangs holds nobody up."""
        while self._hired < count:
            threading.Thread(target=self._work, name="discover", daemon=True).start()
            self._hired += 1

    # in threads

    def _work(self) -> None:
        while (folder := self._folders.get()) is not None and not self._stop.is_set():
            try:
                self._visit(folder)
            except RecoverError as error:
                self._news.put(_News(folder, error=error, ended=True))
            except BaseException as fault:
                self._news.put(
                    _News(folder, error=RecoverError(f"looking into {folder}: {fault}"), ended=True)
                )

    def _visit(self, folder: str) -> None:
        """List a folder for as long as its pages are worth it; leave the rest to its folders."""
        visit = _Visit(folder)
        try:
            visit.to_the_end = self._list(visit, folder)
        except AccessDenied:
            below = list(self._store.list_folders(folder))  # perhaps only one of them is denied
            if not below:
                raise
        else:
            below = [] if visit.to_the_end else list(self._store.list_folders(folder))
        left = [each for each in below if not visit.is_whole(each)]
        own = [each for each in left if _OWN.fullmatch(each[len(folder) :])]
        others = [each for each in left if each not in own]
        foreign = [each for each in own if not self._list(visit, each, only=folder)]
        whole = [
            Found(each, builder.timeline(), complete=True)
            for each, builder in visit.builders.items()
            if not any(each.startswith(other) for other in (*others, *foreign))
        ]
        self._news.put(_News(folder, found=whole, below=(*others, *foreign), ended=True))

    def _list(self, visit: _Visit, prefix: str, *, only: str | None = None) -> bool:
        """List `prefix` while its pages show the replica that the folder is, or several others.

        Return False where it was left before the end. `only`: while they show this replica.
        """
        for page in self._store.list(prefix):
            if self._stop.is_set() or self._cancel.cancelled:
                raise Cancelled("cancelled")
            known = set(visit.builders)
            seen = visit.add(page)
            new = [Found(each, visit.builders[each].timeline(), complete=False) for each in seen - known]
            self._news.put(_News(visit.folder, found=new, objects=len(page)))
            worth = (only or visit.folder) in seen or (only is None and len(seen) > 1)
            if not worth and len(page) >= FULL_PAGE:  # a shorter one is the last, which costs no more
                return False
        return True


@dataclass(frozen=True)
class _News:
    """What a thread has to tell of a folder."""

    folder: str
    found: Sequence[Found] = ()
    below: Sequence[str] = ()
    """Folders that must be looked into as well."""
    objects: int = 0
    error: RecoverError | None = None
    ended: bool = False
    """Whether that was the last of it."""


def _ignore(_: Found) -> None:
    """Tell nobody."""
