"""Brings the pages an inspection asks for, with those it will ask for next, within limits.

The storage is asked from a thread of its own, so that waiting for it can be cancelled and reported.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path

from sqlite_recovery_tui import words
from sqlite_recovery_tui.errors import Cancelled, DamagedError, ObjectNotFound, RefusedError
from sqlite_recovery_tui.progress import CancelToken, Progress, ProgressFn
from sqlite_recovery_tui.sqlite.lazy.ahead import ReadAhead
from sqlite_recovery_tui.sqlite.lazy.source import FetchLimits, PageSource
from sqlite_recovery_tui.sqlite.lazy.sparse import SparseFile

_POLL_SECONDS = 0.05
_MOST_PAGES = 1 << 29
_HINT = "Restore it to look at all of it. What was fetched is kept: asking again goes on from there."


class Supply:
    """The pages of one source that are here already, and the way to the others."""

    def __init__(self, source: PageSource, directory: Path, name: str, limits: FetchLimits) -> None:
        """Keep pages in an unnamed file in `directory`; `name` is the database as messages call it."""
        if source.pages > _MOST_PAGES:
            raise RefusedError(f"{name}: {source.pages:,} pages are too many to look at without a restore")
        self.page_size, self.pages = source.page_size, source.pages
        self.fetched_pages = 0
        self._source = source
        self._name = name
        self._limits = limits
        self._file = SparseFile(directory, source.page_size, source.pages)
        self._ahead = ReadAhead(source.page_size, source.pages, limits.window_bytes)
        self._suspects: set[int] = set()
        self._before_call = 0
        self._stopped = threading.Event()

    @property
    def descriptor(self) -> int:
        """A descriptor of the file that only reads."""
        return self._file.reader

    @property
    def fetched_bytes(self) -> int:
        """Bytes of the database that were brought."""
        return self.fetched_pages * self.page_size

    @property
    def is_costly(self) -> bool:
        """Whether the request at hand has used half of what it may."""
        return 2 * self._spent > self._limits.call_bytes

    def begin(self) -> None:
        """Begin a request, with a fresh allowance."""
        self._before_call = self.fetched_pages

    def bring(self, first: int, count: int, progress: ProgressFn, cancel: CancelToken | None) -> None:
        """See to it that `count` pages from page `first` on are there.

        Raises `RefusedError` beyond a limit, `Cancelled`, and what the source raises.
        """
        needed = [page for page in range(first, first + count) if self._absent(page)]
        if not needed:
            return
        most = self._affordable(len(needed))
        wanted = dict.fromkeys(needed)
        for page in self._ahead.suggest(needed[-1], self._is_worth_fetching, most):
            wanted[page] = None
        self._fetch(sorted(islice(wanted, most)), needed, progress, cancel)

    def fill(self, progress: ProgressFn, cancel: CancelToken | None) -> None:
        """Bring every page that is not there yet, whatever the limits say."""
        window = max(1, self._limits.window_bytes // self.page_size)
        absent = (page for page in range(1, self.pages + 1) if self._absent(page))
        while pages := list(islice(absent, window)):
            self._fetch(pages, pages, progress, cancel, total=self.pages * self.page_size)

    def stop(self) -> None:
        """End the wait for a page; safe from any thread."""
        self._stopped.set()

    def close(self) -> None:
        """Give the space of the pages back."""
        self._file.close()

    @property
    def _spent(self) -> int:
        return (self.fetched_pages - self._before_call) * self.page_size

    def _affordable(self, needed: int) -> int:
        """Return how many pages may be fetched now; raise `RefusedError` when `needed` are too many."""
        limits = self._limits
        in_call = (limits.call_bytes - self._spent) // self.page_size
        in_all = limits.total_bytes // self.page_size - self.fetched_pages
        if needed > in_call:
            limit = f"{words.size(limits.call_bytes)}, the most that one request may fetch"
            raise RefusedError(f"{self._name}: this needs more than {limit}", object=self._name, hint=_HINT)
        if needed > in_all:
            limit = f"{words.size(limits.total_bytes)}, the most that is fetched without a restore"
            raise RefusedError(
                f"{self._name}: this needs more than {limit}", object=self._name, hint="Restore it instead."
            )
        return min(in_call, in_all, max(needed, limits.window_bytes // self.page_size))

    def _fetch(
        self,
        pages: Sequence[int],
        needed: Sequence[int],
        progress: ProgressFn,
        cancel: CancelToken | None,
        *,
        total: int | None = None,
    ) -> None:
        def wait(errand: _Errand) -> Mapping[int, bytes]:
            report = Progress("fetching pages", self.fetched_bytes if total else self._spent, total)
            progress(report)
            while not errand.done.wait(_POLL_SECONDS):
                progress(report)
                if self._stopped.is_set():
                    raise Cancelled("the inspector was closed")
                if cancel:
                    cancel.check()
            return errand.result()

        try:
            found = wait(_Errand(self._source, pages))
        except (DamagedError, ObjectNotFound):
            if len(pages) == len(needed):
                raise
            # Perhaps it is one that nobody asked for: those are left alone until somebody does.
            self._suspects.update(set(pages).difference(needed))
            found = wait(_Errand(self._source, needed))
        if missing := next((page for page in needed if page not in found), None):
            raise ValueError(f"the source left out page {missing}")
        self._keep(found)

    def _keep(self, found: Mapping[int, bytes]) -> None:
        fresh = sorted(page for page in found if self._absent(page))
        for run in _runs(fresh):
            images = [found[page] for page in run]
            if any(len(image) != self.page_size for image in images):
                raise ValueError("the source sent a page of the wrong size")
            self._file.write(run[0], b"".join(images))
            self.fetched_pages += len(run)
        self._suspects.difference_update(fresh)
        for page in fresh:
            self._ahead.learn(page, found[page])

    def _absent(self, page: int) -> bool:
        return 0 < page <= self.pages and not self._file.has(page)

    def _is_worth_fetching(self, page: int) -> bool:
        return self._absent(page) and page not in self._suspects


class _Errand:
    """One call to the source, under way in a thread of its own."""

    def __init__(self, source: PageSource, pages: Sequence[int]) -> None:
        self.done = threading.Event()
        self._source = source
        self._pages = pages
        self._found: Mapping[int, bytes] = {}
        self._error: BaseException | None = None
        threading.Thread(target=self._run, name="fetch-pages", daemon=True).start()

    def result(self) -> Mapping[int, bytes]:
        """Return what was found, or raise what went wrong."""
        if self._error is not None:
            raise self._error
        return self._found

    def _run(self) -> None:
        try:
            self._found = self._source.fetch(self._pages)
        except BaseException as error:  # raised again where somebody waits for it
            self._error = error
        finally:
            self.done.set()


def _runs(pages: Iterable[int]) -> list[list[int]]:
    """Return rising numbers as stretches without holes."""
    runs: list[list[int]] = []
    for page in pages:
        if runs and runs[-1][-1] + 1 == page:
            runs[-1].append(page)
        else:
            runs.append([page])
    return runs
