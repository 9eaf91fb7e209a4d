"""One attempt to build the database file of an LTX route inside a work directory.

First all changes are verified and their newest images put aside, then the base is streamed once, in
order, with those images in place of its own: every page of the database is written once.
"""

from __future__ import annotations

import os
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass

from sqlite_recovery_tui.errors import DamagedError, FormatError, ObjectNotFound
from sqlite_recovery_tui.formats.ltx.header import HEADER_SIZE, Header, check_name
from sqlite_recovery_tui.formats.ltx.names import LtxName
from sqlite_recovery_tui.formats.ltx.pages import room_pages
from sqlite_recovery_tui.formats.ltx.stream import Mark
from sqlite_recovery_tui.progress import Progress, ProgressFn
from sqlite_recovery_tui.replica.ltx import LtxRoute
from sqlite_recovery_tui.restore import ltx_faults, page_map
from sqlite_recovery_tui.restore.blocks import BlockWriter
from sqlite_recovery_tui.restore.built import Built
from sqlite_recovery_tui.restore.fetch import Fetcher
from sqlite_recovery_tui.restore.ltx_base import BaseWriter
from sqlite_recovery_tui.restore.ltx_changes import ChangeReader
from sqlite_recovery_tui.restore.ltx_journal import LtxJournal
from sqlite_recovery_tui.restore.ltx_merge import Merge
from sqlite_recovery_tui.restore.place import NoSpaceError, check_space
from sqlite_recovery_tui.restore.work import WorkDir
from sqlite_recovery_tui.restore.workers import decoders

_SLACK_BYTES = 1 << 20


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
        journal = LtxJournal(self.work, self.url, self.route)
        resume = journal.load()
        with ThreadPoolExecutor(decoders(), thread_name_prefix="decode") as pool:
            begun = pool.submit(self._begin_merge, pool)  # while the first changes are fetched
            try:
                ChangeReader(self.route, self.fetcher, begun, pool, self.progress).read()
                merge = begun.result()
                self._write(merge, journal, resume, pool)
            finally:
                if begun.exception() is None:
                    begun.result().close()
        unproven = merge.unproven()
        return Built(
            position=self.route.reached,
            time=self.route.point.time,
            pages=merge.pages,
            page_size=merge.base.page_size,
            continuity="consistent" if unproven else "proven",
            unproven=unproven,
            lost=(),
        )

    def _begin_merge(self, pool: Executor) -> Merge:
        return Merge(self.route, self._look_at_base(), self.work.path, pool)

    def _look_at_base(self) -> Header:
        """Return the base's header, which says how large pages are."""
        base = self.route.base
        try:
            header = Header.parse(self.fetcher.head(base, HEADER_SIZE))
            check_name(LtxName(base.level, base.min_txid, base.max_txid), header)
        except FormatError as error:
            raise ltx_faults.damaged(self.route, {base: error}) from None
        except ObjectNotFound as error:
            raise ltx_faults.gone(error, base.key) from None
        return header

    def _check_space(self, size: int) -> None:
        """Check that there is room for `size` bytes; a base that claims more than it holds is damaged."""
        try:
            check_space(self.work.path, size)
        except NoSpaceError:
            base = self.route.base
            try:
                page_map.load(self.fetcher.store, [base], cancel=self.fetcher.cancel)
            except DamagedError as error:
                fault = FormatError(error.message.removeprefix(f"{base.key}: "))
                raise ltx_faults.damaged(self.route, {base: fault}) from None
            raise

    def _write(self, merge: Merge, journal: LtxJournal, resume: Mark | None, pool: Executor) -> None:
        """Write the database: the base, and what the changes replace of it."""
        base = merge.base
        size = merge.pages * base.page_size
        blocks = BlockWriter(self.work.database, room_pages(base.page_size) * base.page_size + base.page_size)
        try:
            self._check_space(size - os.fstat(blocks.fd).st_blocks * 512 + _SLACK_BYTES)
            writer = BaseWriter(
                self.route, self.fetcher, merge, blocks, base.page_size, journal, self.progress
            )
            writer.write(base, pool, resume)
            self.progress(Progress("writing to disk", 0, None, "bytes"))
            os.ftruncate(blocks.fd, size)
            os.fsync(blocks.fd)
        finally:
            blocks.close()
