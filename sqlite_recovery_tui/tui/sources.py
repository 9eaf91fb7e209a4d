"""Where a workbench looks: into a file that was restored, or into a restore point that never was."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from sqlite_recovery_tui.clock import Clock
from sqlite_recovery_tui.errors import Cancelled
from sqlite_recovery_tui.tui import work
from sqlite_recovery_tui.tui.engine import Queue, Report

if TYPE_CHECKING:
    from sqlite_recovery_tui.restore.plan import Plan
    from sqlite_recovery_tui.sqlite.inspector import Inspector
    from sqlite_recovery_tui.tui.state import Place
    from sqlite_recovery_tui.tui.work import OpenPreview


@dataclass(frozen=True, slots=True)
class Fetched:
    """How much of a database that is elsewhere has come, in bytes."""

    transferred: int
    """As stored, page indexes included."""
    whole: int
    """Size of the database."""


class Source(Protocol):
    """Gives inspectors to requests; every method may be called from any thread."""

    def inspector(self, queue: Queue, report: Report) -> Inspector:
        """Return the inspector for requests of `queue`; raises `Cancelled` once closed."""
        ...

    @property
    def fetched(self) -> Fetched | None:
        """What has been fetched so far; None where the database is here."""
        ...

    def again(self) -> Source:
        """Return another source of the same database, for work that outlives the screen."""
        ...

    def close(self) -> None:
        """End every process and let go of what was fetched."""
        ...


class FileSource:
    """A database file: an inspector for each queue, so that looking never waits for checks."""

    fetched: Fetched | None = None

    def __init__(self, path: Path) -> None:
        """Look into `path`; nothing is opened yet."""
        self._path = path
        self._inspectors: dict[Queue, Inspector] = {}
        self._lock = threading.Lock()
        self._closed = False

    def inspector(self, queue: Queue, report: Report) -> Inspector:  # noqa: ARG002
        from sqlite_recovery_tui.sqlite.inspector import Inspector

        with self._lock:
            if self._closed:
                raise Cancelled("the workbench was left")
            if queue not in self._inspectors:
                self._inspectors[queue] = Inspector(self._path)
            return self._inspectors[queue]

    def again(self) -> Source:
        return FileSource(self._path)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            inspectors = list(self._inspectors.values())
        for inspector in inspectors:
            inspector.close()


class PreviewSource:
    """A restore point in its replica: one inspector for all, and pages that come as they are looked at."""

    def __init__(self, place: Place, plan: Plan, folder: Path, clock: Clock) -> None:
        """Look into what `plan` leads to; what is fetched is kept in `folder` until `close`."""
        self._place = place
        self._plan = plan
        self._folder = folder
        self._clock = clock
        self._opened: OpenPreview | None = None
        self._lock = threading.Lock()
        self._closed = False

    def inspector(self, queue: Queue, report: Report) -> Inspector:  # noqa: ARG002
        with self._lock:
            if self._closed:
                raise Cancelled("the preview was left")
            if self._opened is None:
                self._opened = work.open_preview(self._place, self._plan, self._folder, self._clock, report)
            return self._opened.preview.inspector

    @property
    def fetched(self) -> Fetched | None:
        opened = self._opened
        if opened is None:
            return None
        return Fetched(opened.preview.bytes_fetched, opened.preview.size)

    def again(self) -> Source:
        return PreviewSource(self._place, self._plan, self._folder, self._clock)

    def close(self) -> None:
        self._closed = True
        with self._lock:
            opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()
