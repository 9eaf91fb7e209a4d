"""Look into a restore point without restoring it: the pages that are looked at are fetched, and no others.

The database is not copied anywhere: an inspector asks for pages, and keeps them in a file without a name.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlite_recovery_tui.errors import DamagedError, ObjectNotFound, RefusedError
from sqlite_recovery_tui.progress import CancelToken, ProgressFn, ignore_progress
from sqlite_recovery_tui.replica.ltx import LtxRoute
from sqlite_recovery_tui.restore import page_map
from sqlite_recovery_tui.restore.plan import Plan
from sqlite_recovery_tui.restore.remote_pages import RemotePages
from sqlite_recovery_tui.sqlite.inspector import Inspector
from sqlite_recovery_tui.storage.base import Store


@dataclass
class Preview:
    """One restore point, open to be looked at; close it to let go of what was fetched."""

    plan: Plan
    """The way that was taken, which may differ from the one asked for where a file did not hold."""
    inspector: Inspector
    pages: RemotePages

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def size(self) -> int:
        """Bytes of the whole database."""
        return self.pages.pages * self.pages.page_size

    @property
    def bytes_fetched(self) -> int:
        """Bytes that came from the storage so far: page indexes and pages, as stored."""
        return self.pages.map.bytes_read + self.pages.bytes_fetched

    def close(self) -> None:
        """End the inspection; the store stays open."""
        self.inspector.close()


def can_preview(plan: Plan) -> bool:
    """Tell whether single pages of the plan's restore point can be fetched."""
    return isinstance(plan.route, LtxRoute)


def open_preview(
    store: Store,
    plan: Plan,
    folder: Path,
    *,
    concurrency: int = 16,
    progress: ProgressFn = ignore_progress,
    cancel: CancelToken | None = None,
) -> Preview:
    """Read the page indexes of the plan's files, and return the restore point to look into.

    What is fetched is kept in `folder`, in a file without a name, until the preview is closed. Files
    whose index does not hold are avoided where others lead to the same state. Raises `RefusedError` where
    the format keeps no page index, `DamagedError`, `StorageError`, `Cancelled`.
    """
    if not isinstance(plan.route, LtxRoute):
        raise RefusedError(
            f"a {plan.format} replica can only be looked into after a restore: it keeps no index of pages",
            hint="restore the point to a scratch file, and look into that",
        )
    known, plan = _page_map(store, plan, concurrency, progress, cancel)
    # Not the token: each request brings its own, and the pages outlive this one.
    pages = RemotePages(store, known, concurrency)
    name = Path(plan.database or plan.url).name or "database"
    return Preview(plan, Inspector(folder / name, pages=pages), pages)


def _page_map(
    store: Store, plan: Plan, concurrency: int, progress: ProgressFn, cancel: CancelToken | None
) -> tuple[page_map.PageMap, Plan]:
    """Return the map of the plan's pages, or of another way to the same state."""
    first: DamagedError | ObjectNotFound | None = None
    while True:
        assert isinstance(plan.route, LtxRoute)
        files = plan.route.files
        try:
            known = page_map.load(store, files, concurrency=concurrency, progress=progress, cancel=cancel)
        except (DamagedError, ObjectNotFound) as error:
            first = first or error
            other = plan.around({error.object: f"{error.object} was avoided: {error.message}"})
            if other is None:
                raise first from None
            plan = other
        else:
            return known, plan
