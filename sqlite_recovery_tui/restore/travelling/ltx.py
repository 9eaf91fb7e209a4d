"""The history of an LTX replica, file by file: which image each page has at which TXID.

Whole files are read and verified, and their pages kept in a file without a name. What only a base has is
taken from the scratch before it is overwritten, or from the base, which then is read once.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sqlite_recovery_tui.domain import LtxFile, Place, Txid
from sqlite_recovery_tui.errors import FormatError, ObjectNotFound
from sqlite_recovery_tui.formats.ltx.header import HEADER_SIZE, Header, check_name, lock_page
from sqlite_recovery_tui.formats.ltx.names import LtxName
from sqlite_recovery_tui.formats.ltx.read import decode_many
from sqlite_recovery_tui.formats.ltx.stream import LtxReader
from sqlite_recovery_tui.replica.ltx import LtxLineage, LtxRoute
from sqlite_recovery_tui.restore.fetch import Fetcher
from sqlite_recovery_tui.restore.ltx_stream import chunks
from sqlite_recovery_tui.restore.travelling.move import Move, NoWay, whole_pages
from sqlite_recovery_tui.restore.travelling.spool import I64, U8, U32, BasePages, Spool
from sqlite_recovery_tui.restore.workers import decoders

_SMALL_BYTES = 256 << 10
_BATCH_FILES = 64
_BASE, _ZERO = -1, -2
"""What holds a page's image where no change does: the base, or nothing."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """A file whose pages are in the spool, in order, from row `first` on."""

    pgno: U32
    first: int
    commit: int


class LtxPast:
    """Works out moves between TXIDs of one lineage."""

    def __init__(self, lineage: LtxLineage, fetcher: Fetcher, folder: Path) -> None:
        """Know nothing yet; keep images in `folder`."""
        self.lineage = lineage
        self._fetcher = fetcher
        self._folder = folder
        self._page_size = 0
        self._files: dict[str, _Kept] = {}
        self._spool: Spool | None = None
        self._bases: dict[str, BasePages] = {}
        self._base_sizes: dict[str, int] = {}
        self._route: LtxRoute | None = None
        """The way to where the last move led."""

    def close(self) -> None:
        """Let go of what was kept."""
        for kept in (self._spool, *self._bases.values()):
            if kept is not None:
                kept.close()

    def use(self, fetcher: Fetcher) -> None:
        """Fetch through `fetcher` from here on."""
        self._fetcher = fetcher

    def cost(self, held: Place, route: LtxRoute) -> int:
        """Return how many bytes a move would fetch, as stored, without those of the base."""
        try:
            files = {*self._between(_txid(held), _txid(route.reached)), *route.changes}
        except NoWay:
            return 0
        return sum(file.size for file in files if file.key not in self._files)

    def move(self, held: Place, held_bytes: int, route: LtxRoute) -> Move:
        """Return the move from `held`, where the file has `held_bytes`, to where `route` leads.

        Raises `NoWay`, `StorageError`, `Cancelled`.
        """
        origin = self._way_to(_txid(held))
        between = self._between(_txid(held), _txid(route.reached))
        try:
            self._load([*between, *route.changes, *origin.changes])
            size = self._files[route.changes[-1].key].commit if route.changes else self._size_of(route.base)
        except ObjectNotFound as gone:
            raise NoWay(f"{gone.object} is gone") from None
        held_pages = whole_pages(held_bytes, self._page_size)
        candidates = self._candidates(between, held_pages, size)
        old, new = self._sources(candidates, origin), self._sources(candidates, route)
        # Rows of one base are one only where both routes begin with it.
        same = (old == new) & ((old != _BASE) | (origin.base.key == route.base.key))
        wanted = (candidates <= size) & (~same | (candidates > held_pages))
        lost = (candidates <= held_pages) & (old == _BASE)
        own, other = self._base_pages(origin.base), self._base_pages(route.base)
        kept = own.lacks(candidates[lost])
        needed = other.lacks(candidates[wanted & (new == _BASE)])
        if len(np.setdiff1d(needed, kept if own is other else [])):
            self._read_base(route.base, np.union1d(candidates, self._pages).astype(np.uint32))
            kept = own.lacks(candidates[lost])
        self._route = route
        images = _Images(self._spool, own, other, candidates[wanted], new[wanted])
        return Move(route.reached, self._page_size, size, candidates[wanted], kept, images)

    # What is stored

    def _way_to(self, txid: int) -> LtxRoute:
        if self._route is not None and _txid(self._route.reached) == txid:
            return self._route
        found = self.lineage.route_to(txid)
        if found is None:
            raise NoWay("no file leads to where the scratch stands any more")
        return found

    def _between(self, one: int, other: int) -> list[LtxFile]:
        """Return files that together have every page that changed between two TXIDs."""
        low, high = sorted((one, other))
        files = self.lineage.files
        start = bisect_right(files, low, key=lambda file: file.max_txid)
        end = bisect_right(files, high, key=lambda file: file.max_txid)
        inside = sorted(
            (file for file in files[start:end] if not file.is_base or file.max_txid == 1),
            key=lambda file: file.min_txid,
        )
        chain: list[LtxFile] = []
        reached, number = low, 0
        while reached < high:
            best: LtxFile | None = None
            while number < len(inside) and inside[number].min_txid <= reached + 1:
                if best is None or inside[number].max_txid > best.max_txid:
                    best = inside[number]
                number += 1
            if best is None or best.max_txid <= reached:
                raise NoWay("no changes are stored between the two")
            chain.append(best)
            reached = best.max_txid
        return chain

    def _load(self, files: Sequence[LtxFile]) -> None:
        """Read and verify whole files."""
        missing = [file for file in dict.fromkeys(files) if file.key not in self._files]
        small = [file for file in missing if file.size <= _SMALL_BYTES]
        for start in range(0, len(small), _BATCH_FILES):
            batch = list(self._fetcher.changes(small[start : start + _BATCH_FILES]))
            decoded = decode_many([data for _, data in batch])
            for (file, _), result in zip(batch, decoded, strict=True):
                if isinstance(result, FormatError):
                    raise NoWay(f"{file.key}: {result.message}")
                self._keep(file, result.header, [(result.pgno, result.pages)])
        for file in missing:
            if file.size > _SMALL_BYTES:
                self._load_large(file)

    def _load_large(self, file: LtxFile) -> None:
        try:
            reader = LtxReader(self._fetcher.stored(file))
            with ThreadPoolExecutor(decoders(), thread_name_prefix="decode") as pool:
                parts = (
                    (chunk.pgno.copy(), chunk.pages) for chunk in chunks(reader, pool, self._fetcher.cancel)
                )
                self._keep(file, reader.header, parts)
        except FormatError as fault:
            raise NoWay(f"{file.key}: {fault.message}") from None

    def _keep(
        self, file: LtxFile, header: Header, parts: Iterator[tuple[U32, U8]] | Sequence[tuple[U32, U8]]
    ) -> None:
        self._check(file, header)
        if self._spool is None:
            self._spool = Spool(self._folder, header.page_size)
        first = self._spool.count
        numbers = [np.empty(0, dtype=np.uint32)]
        for pgno, pages in parts:
            numbers.append(pgno)
            self._spool.add(pages)
        self._files[file.key] = _Kept(np.concatenate(numbers), first, header.commit)

    def _check(self, file: LtxFile, header: Header) -> None:
        try:
            check_name(LtxName(file.level, file.min_txid, file.max_txid), header)
        except FormatError as fault:
            raise NoWay(f"{file.key}: {fault.message}") from None
        if self._page_size not in (0, header.page_size):
            raise NoWay("the page size changed in between")
        self._page_size = header.page_size

    @property
    def _pages(self) -> U32:
        """All pages that any file has."""
        return np.unique(
            np.concatenate([file.pgno for file in self._files.values()] or [np.empty(0, np.uint32)])
        )

    def _size_of(self, base: LtxFile) -> int:
        if base.key not in self._base_sizes:
            try:
                header = Header.parse(self._fetcher.head(base, HEADER_SIZE))
            except FormatError as fault:
                raise NoWay(f"{base.key}: {fault.message}") from None
            self._check(base, header)
            self._base_sizes[base.key] = header.commit
        return self._base_sizes[base.key]

    def _base_pages(self, base: LtxFile) -> BasePages:
        if base.key not in self._bases:
            self._bases[base.key] = BasePages(self._folder, self._page_size)
        return self._bases[base.key]

    def _read_base(self, base: LtxFile, wanted: U32) -> None:
        """Find the pages `wanted` in a base, as far as it has them."""
        pages = self._base_pages(base)
        wanted = pages.lacks(wanted)
        try:
            reader = LtxReader(self._fetcher.stored(base))
            self._check(base, reader.header)
            with ThreadPoolExecutor(decoders(), thread_name_prefix="decode") as pool:
                for chunk in chunks(reader, pool, self._fetcher.cancel):
                    rows = np.flatnonzero(np.isin(chunk.pgno, wanted, assume_unique=True))
                    pages.add(chunk.pgno[rows], chunk.pages[rows])
        except FormatError as fault:
            raise NoWay(f"{base.key}: {fault.message}") from None
        except ObjectNotFound as gone:
            raise NoWay(f"{gone.object} is gone") from None

    # Which pages differ, and what holds them

    def _candidates(self, between: Sequence[LtxFile], held_pages: int, size: int) -> U32:
        """Return the pages that may differ: those of the files between, and those that were cut off."""
        kept = [self._files[file.key] for file in between]
        lowest = min(held_pages, size, *(file.commit for file in kept)) if kept else min(held_pages, size)
        cut_off = np.arange(lowest + 1, max(held_pages, size) + 1, dtype=np.uint32)
        return np.unique(np.concatenate([cut_off, *(file.pgno for file in kept)]))

    def _sources(self, pages: U32, route: LtxRoute) -> I64:
        """Return the row that holds each page at the end of `route`, `_BASE` or `_ZERO`."""
        rows: I64 = np.full(len(pages), _BASE, dtype=np.int64)
        for change in reversed(route.changes):
            open_ = np.flatnonzero(rows == _BASE)
            if not len(open_):
                break
            file = self._files[change.key]
            if not len(file.pgno):
                continue
            at = np.minimum(np.searchsorted(file.pgno, pages[open_]), len(file.pgno) - 1)
            found = file.pgno[at] == pages[open_]
            rows[open_[found]] = file.first + at[found]
        beyond = (pages > self._size_of(route.base)) | (pages == lock_page(self._page_size))
        rows[(rows == _BASE) & beyond] = _ZERO
        return rows


@dataclass(frozen=True)
class _Images:
    """The images of some pages: rows of the spool, pages of the base, or zeros."""

    spool: Spool | None
    own: BasePages
    """Of the state that is left."""
    other: BasePages
    numbers: U32
    sources: I64

    def read(self, numbers: U32, into: U8) -> None:
        into[:] = 0
        sources = self.sources[np.searchsorted(self.numbers, numbers)]
        rows = np.flatnonzero(sources >= 0)
        if self.spool is not None:
            self.spool.read(sources[rows], into, rows)
        rows = np.flatnonzero(sources == _BASE)
        self.other.read(numbers[rows], into, rows)

    def keep(self, numbers: U32, images: U8) -> None:
        self.own.add(numbers, images)


def _txid(place: Place) -> int:
    assert isinstance(place, Txid)
    return place.value
