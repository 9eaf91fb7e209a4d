"""How the files of an LTX route lie over one another: taken newest first, the first image of a page counts.

Litestream merges the same way: the last file gives the size of the database, and a page that a file in
between cut off has its older image when it comes back without content.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sqlite_recovery_tui.domain import LtxFile
from sqlite_recovery_tui.errors import FormatError
from sqlite_recovery_tui.formats.ltx.header import Header, check_name
from sqlite_recovery_tui.formats.ltx.names import LtxName
from sqlite_recovery_tui.replica.ltx import LtxRoute
from sqlite_recovery_tui.restore import ltx_faults
from sqlite_recovery_tui.restore.overlay import U8, U32, Overlay
from sqlite_recovery_tui.words import plural

_NO_LIMIT = 1 << 32


@dataclass
class _Returned:
    """Pages that were cut off and came back without content: by which file, the first one, how many."""

    by: LtxFile | None
    first: int
    count: int


class Merge:
    """Take the changes of a route, newest first, into an overlay for its base."""

    def __init__(self, route: LtxRoute, base: Header, folder: Path, pool: Executor) -> None:
        """Go by the header of the route's base; keep images in `folder`."""
        self._pool = pool
        self._route = route
        self._folder = folder
        self._faults: dict[LtxFile, FormatError] = {}
        self._odd: dict[LtxFile, int] = {}  # files whose pages are not as large as the base's
        self._commits: list[tuple[LtxFile, int]] = []
        self._low = _NO_LIMIT
        self._lowest: LtxFile | None = None
        self._returned: _Returned | None = None
        self._unchecked = 0
        self.base = base
        self.overlay: Overlay | None = None
        """None without changes."""
        self.pages = base.commit
        """The size of the database in the end."""

    def close(self) -> None:
        """Let go of the images."""
        if self.overlay is not None:
            self.overlay.close()

    def refuse(self, file: LtxFile, fault: FormatError) -> None:
        """Take note of a file that does not hold: the others are only verified from here on."""
        self._faults[file] = fault

    def check(self, file: LtxFile, header: Header) -> None:
        """Hold the next older file's header against its name; raise `FormatError`."""
        check_name(LtxName(file.level, file.min_txid, file.max_txid), header)
        if header.page_size != self.base.page_size:
            self._odd[file] = header.page_size
        elif self.overlay is None and not self._faults and not self._odd:
            self.pages = header.commit
            self.overlay = Overlay(self._folder, header.page_size, header.commit, self._pool)

    def take_files(self, files: Sequence[tuple[LtxFile, Header, U32, U8]]) -> None:
        """Take whole files that were checked, newest first: page numbers, and images (n by page size)."""
        lows = []
        for file, header, _, _ in files:
            lows.append(self._low)
            self.passed(file, header)
        if files:
            parts = [(numbers, images) for _, _, numbers, images in files]
            self._keep(parts, lows, lasting=True)

    def take_part(self, numbers: U32, images: U8) -> None:
        """Take some pages of a file that was checked; call `passed` behind the last of them."""
        self._keep([(numbers, images)], [self._low], lasting=False)

    def passed(self, file: LtxFile, header: Header) -> None:
        """Note what a whole file means for those that are older."""
        self._unchecked += header.has_database_checksum
        self._commits.append((file, header.commit))
        if header.commit < self._low:
            self._low, self._lowest = header.commit, file

    def finish(self) -> None:
        """Make the overlay ready; raise `Detour` when a file did not hold or leaves pages out."""
        self._judge_page_sizes()
        if self._faults:
            raise ltx_faults.damaged(self._route, self._faults)
        if self.overlay is not None:
            self.overlay.seal()
            self._check_growth(self.overlay)

    def unproven(self) -> tuple[str, ...]:
        """List what no checksum vouches for."""
        told = []
        if self._returned is not None:
            pages, first = plural(self._returned.count, "page"), self._returned.first
            by = f"by {self._returned.by.key} " if self._returned.by else ""
            told.append(
                f"{pages} from page {first} on were cut off {by}and came back without content: "
                "they hold what they held before, as Litestream restores them"
            )
        if self._unchecked:
            files = plural(self._unchecked, "file")
            told.append(f"the checksums of the whole database in {files} were not compared")
        return tuple(told)

    def _keep(self, parts: Sequence[tuple[U32, U8]], lows: Sequence[int], *, lasting: bool) -> None:
        """Keep what is new; `lows` are the smallest sizes that the database had since each part."""
        if self._faults or self._odd or self.overlay is None:
            return
        kept, part_of = self.overlay.add(parts, lasting=lasting)
        came_back = kept[kept > np.array(lows)[part_of]]
        if len(came_back):
            self._note_return(int(came_back.min()), len(came_back))

    def _note_return(self, first: int, count: int) -> None:
        """Note pages that were cut off and came back without content: an older image has to do."""
        if self._returned is None:
            self._returned = _Returned(self._lowest, first, count)
        else:
            self._returned.first = min(first, self._returned.first)
            self._returned.count += count

    def _judge_page_sizes(self) -> None:
        """Blame files whose pages are of another size than the base's, or the base if it stands alone."""
        sizes = set(self._odd.values())
        if len(sizes) == 1 and len(self._odd) == len(self._route.changes) > 1:
            wrong, right = self.base.page_size, sizes.pop()
            why = f"its pages have {wrong} bytes, those of all files behind it {right}"
            raise ltx_faults.damaged(self._route, {self._route.base: FormatError(why, offset=8)})
        for file, size in self._odd.items():
            self._faults[file] = FormatError(
                f"its pages have {size} bytes, those of the database {self.base.page_size}", offset=8
            )

    def _check_growth(self, overlay: Overlay) -> None:
        """Check that every page behind the base's end is there, and note pages that came back.

        Raises `Detour` for the file that grew the database without saying what the new pages hold.
        """
        lock = self.base.lock_page
        for first, last in _around_page(self.base.commit + 1, self.pages, lock):
            page = overlay.first_unknown(first, last)
            if page is not None:
                file, fault = self._grown_without(page)
                raise ltx_faults.damaged(self._route, {file: fault})
        for first, last in _around_page(self._low + 1, min(self.base.commit, self.pages), lock):
            page = overlay.first_unknown(first, last)
            if page is not None:
                self._note_return(page, last + 1 - first - overlay.known(first, last))

    def _grown_without(self, page: int) -> tuple[LtxFile, FormatError]:
        """Return the last file that brought the database up to `page`, and what is wrong with it."""
        before = self.base.commit
        found = self._commits[0]
        for file, commit in reversed(self._commits):
            if before < page <= commit:
                found = file, commit
            before = commit
        file, commit = found
        return file, FormatError(
            f"it grows the database to {commit} pages, and neither it nor a later file holds page {page}"
        )


def _around_page(first: int, last: int, page: int) -> Iterator[tuple[int, int]]:
    """Yield what is left of the range `first` to `last` without `page`."""
    for start, end in ((first, min(last, page - 1)), (max(first, page + 1), last)):
        if start <= end:
            yield start, end
