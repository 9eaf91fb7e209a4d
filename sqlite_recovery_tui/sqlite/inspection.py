"""The life of an inspection: a child with limits, started when first needed and replaced when it died."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from sqlite_recovery_tui import words
from sqlite_recovery_tui.errors import (
    Cancelled,
    InspectorDied,
    InspectorError,
    NotFoundError,
    RefusedError,
    UsageError,
)
from sqlite_recovery_tui.progress import CancelToken, ProgressFn, ignore_progress
from sqlite_recovery_tui.sqlite.inspector_exchange import StaleError
from sqlite_recovery_tui.sqlite.inspector_process import InspectorProcess
from sqlite_recovery_tui.sqlite.lazy.source import FetchLimits, PageSource
from sqlite_recovery_tui.sqlite.lazy.supply import Supply
from sqlite_recovery_tui.sqlite.messages import (
    Limits,
)

_Result = TypeVar("_Result")
_MOST_SQL = 1 << 20
_MOST_OFFSET = 1 << 62


class Inspection:
    """One database file and the child process that looks at it, which is started when first needed.

    Safe to use from several threads: requests wait for one another, `close` and a cancel token act at
    once. A child that died, hung or was cancelled away is replaced at the next request.

    With `pages` the database is elsewhere, and no file is at `path`: what a request needs is fetched, within
    the limits of `fetch`, and kept beside `path` in a file without a name until `close`. Then every request
    also raises what the source raises, and `RefusedError` beyond a limit; time limits count no waiting.
    """

    def __init__(
        self,
        path: Path,
        *,
        limits: Limits = Limits(),  # noqa: B008  # it is frozen
        pages: PageSource | None = None,
        fetch: FetchLimits = FetchLimits(),  # noqa: B008
    ) -> None:
        """Look at the database at `path`, or at the one that consists of `pages`; nothing is opened yet."""
        self._path = path
        self._limits = limits
        self._pages = pages
        self._fetch = fetch
        self._supply: Supply | None = None
        self._lock = threading.Lock()
        self._child: InspectorProcess | None = None
        self._copy: Path | None = None
        self._closed = False
        self._name = os.fsencode(path).decode("utf-8", "replace")
        self._notice = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def path(self) -> Path:
        """The database file, or where it would be."""
        return self._path

    @property
    def fetched_pages(self) -> int:
        """Pages that were fetched so far, those read ahead included; 0 for a file that is here."""
        return self._supply.fetched_pages if self._supply else 0

    @property
    def fetched_bytes(self) -> int:
        """Bytes of the database that were fetched so far; fewer may have been transferred."""
        return self._supply.fetched_bytes if self._supply else 0

    @property
    def pid(self) -> int | None:
        """The child's process id; None while there is none."""
        child = self._child
        return child.pid if child and child.alive else None

    def close(self) -> None:
        """End the child and remove what was copied; a request that is waiting ends with `Cancelled`."""
        self._closed = True
        if child := self._child:
            child.kill()
        if supply := self._supply:
            supply.stop()
        with self._lock:
            self._drop()
            if self._supply:
                self._supply.close()

    def _ask(
        self,
        operation: str,
        arguments: dict[str, Any],
        decode: Callable[[Any], _Result],
        *,
        seconds: float | None,
        progress: ProgressFn = ignore_progress,
        cancel: CancelToken | None = None,
        whole: bool = False,
        take: Callable[[bytes], None] | None = None,
    ) -> _Result:
        """Ask the child; `whole` needs every page of the database, `take` gets bytes ahead of the answer."""
        call = partial(
            self._call, operation, arguments, seconds=seconds, progress=progress, cancel=cancel, take=take
        )
        with self._lock:
            self._prepare(progress, cancel, whole=whole)
            try:
                raw = call()
            except StaleError:
                self._drop()
                raw = call()
            except InspectorError as error:
                if self._closed:
                    raise Cancelled("the inspector was closed") from error
                raise
            return self._decoded(decode, raw)

    def _decoded(self, decode: Callable[[Any], _Result], raw: Any) -> _Result:
        try:
            return decode(raw)
        except (AttributeError, KeyError, TypeError, ValueError):
            self._drop()
            raise InspectorDied(
                f"the process that looked into {self._name} sent what is no answer", object=self._name
            ) from None

    def _prepare(self, progress: ProgressFn, cancel: CancelToken | None, *, whole: bool) -> None:
        """Begin a request; with `whole` it needs every page of the database."""
        if self._closed:
            raise Cancelled("the inspector was closed")
        if cancel:
            cancel.check()
        if self._pages is None:
            return
        if whole and not self._fetch.checks:
            size = words.size(self._pages.pages * self._pages.page_size)
            raise RefusedError(
                f"{self._name}: a check would fetch all of it, {size}",
                object=self._name,
                hint="Restore it, and check what was restored.",
            )
        if self._supply is None:
            self._supply = Supply(self._pages, self._path.parent, self._name, self._fetch)
        self._supply.begin()
        if whole:
            self._supply.fill(progress, cancel)

    def _call(
        self,
        operation: str,
        arguments: dict[str, Any],
        *,
        seconds: float | None,
        progress: ProgressFn,
        cancel: CancelToken | None,
        take: Callable[[bytes], None] | None,
    ) -> Any:
        if self._child is None or not self._child.alive:
            self._drop()
            self._start(progress, cancel)
        assert self._child
        return self._child.call(
            operation, arguments, seconds=seconds, progress=progress, cancel=cancel, take=take
        )

    def _start(self, progress: ProgressFn, cancel: CancelToken | None) -> None:
        arguments: dict[str, Any] = {"path": "", "copy": "", "limits": asdict(self._limits)}
        if self._supply:
            size = {"page_size": self._supply.page_size, "pages": self._supply.pages}
            arguments["pages"] = {"descriptor": self._supply.descriptor, **size}
        else:
            real = Path(os.path.realpath(self._path))
            _check_file(real, self._name)
            self._copy = Path(tempfile.mkdtemp(prefix="sqlrecover-")) if _lies_beside(real) else None
            arguments["path"] = os.fsencode(real).hex()
            arguments["copy"] = os.fsencode(self._copy or "").hex()
        self._child = InspectorProcess(self._name, self._limits, self._supply)
        try:
            # A copy takes as long as it takes; silence still ends it.
            notice = self._child.call("open", arguments, seconds=None, progress=progress, cancel=cancel)
        except BaseException:
            self._drop()
            raise
        self._notice = str(notice)

    def _drop(self) -> None:
        if self._child:
            self._child.stop()
        if self._copy:
            shutil.rmtree(self._copy, ignore_errors=True)
        self._child = self._copy = None


def _check_file(path: Path, name: str) -> None:
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise NotFoundError(f"there is no file {name}", object=name) from None
    except PermissionError:
        raise RefusedError(f"{name}: permission denied", object=name) from None
    except (OSError, ValueError) as error:
        raise NotFoundError(f"{name}: {error}", object=name) from None
    if stat.S_ISDIR(mode):
        raise UsageError(f"{name} is a directory, not a database file", object=name)
    if not stat.S_ISREG(mode):
        raise UsageError(f"{name} is not a regular file", object=name)


def _lies_beside(path: Path) -> bool:
    for suffix in ("-wal", "-journal"):
        with suppress(OSError):
            if path.with_name(path.name + suffix).stat().st_size:
                return True
    return False
