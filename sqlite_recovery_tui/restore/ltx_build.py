"""One attempt to build the database file of an LTX route inside a work directory.

First all changes are verified and their newest images put aside, then the base is streamed once, in
order, with those images in place of its own: every page of the database is written once.
"""

from __future__ import annotations

import os
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass

from sqlite_recovery_tui.formats.ltx.header import Header
from sqlite_recovery_tui.progress import Progress, ProgressFn
from sqlite_recovery_tui.replica.ltx import LtxRoute
from sqlite_recovery_tui.restore.built import Built
from sqlite_recovery_tui.restore.fetch import Fetcher
from sqlite_recovery_tui.restore.ltx_base import BaseWriter
from sqlite_recovery_tui.restore.ltx_changes import Changes
from sqlite_recovery_tui.restore.ltx_stream import WORKERS
from sqlite_recovery_tui.restore.work import WorkDir
from sqlite_recovery_tui.words import plural


@dataclass
class LtxBuild:
    """Everything one attempt needs."""

    url: str
    route: LtxRoute
    fetcher: Fetcher
    work: WorkDir
    progress: ProgressFn

    def run(self) -> Built:
        """Build the file; raise `Detour`, `StorageError`, `Cancelled`."""
        self.work.begin_anew()
        with ThreadPoolExecutor(WORKERS, thread_name_prefix="decode") as pool:
            changes = Changes(self.route, self.fetcher, self.work.path, pool, self.progress)
            try:
                changes.collect()
                header = self._write(changes, pool)
            finally:
                changes.close()
        unproven = _unproven(changes)
        return Built(
            position=self.route.reached,
            time=self.route.point.time,
            pages=header.commit,
            page_size=header.page_size,
            continuity="consistent" if unproven else "proven",
            unproven=unproven,
            lost=(),
        )

    def _write(self, changes: Changes, pool: Executor) -> Header:
        """Write the base with the changes in it; return the header that gives the database's size."""
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(self.work.database, flags, 0o600)
        try:
            header = BaseWriter(self.route, self.fetcher, self.work, changes, fd, self.progress).write(pool)
            self.progress(Progress("writing to disk", 0, None, "bytes"))
            os.ftruncate(fd, header.commit * header.page_size)
            os.fsync(fd)
        finally:
            os.close(fd)
        return header


def _unproven(changes: Changes) -> tuple[str, ...]:
    """List what no checksum vouches for."""
    told = []
    returned = changes.returned
    if returned is not None:
        pages = plural(returned.count, "page")
        by = f"by {returned.by.key} " if returned.by else ""
        told.append(
            f"{pages} from page {returned.first} on were cut off {by}and came back without content: "
            "they hold what they held before, as Litestream restores them"
        )
    if changes.unchecked:
        files = plural(changes.unchecked, "file")
        told.append(f"the checksums of the whole database in {files} were not compared")
    return tuple(told)
