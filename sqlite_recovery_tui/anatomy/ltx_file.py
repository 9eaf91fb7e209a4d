"""An LTX file page by page: header, page index, trailer, and whether its checksums hold.

Its end is enough to list its pages. Only reading all of it proves anything: the checksum covers the pages as
they are decoded. Where the index is damaged, the pages are listed as they are met, up to the damage.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from sqlite_recovery_tui.anatomy.fault import Fault, Proof, ProofWord
from sqlite_recovery_tui.anatomy.kinds import U8, Kind, kinds_of
from sqlite_recovery_tui.anatomy.unpack import Access
from sqlite_recovery_tui.domain import LtxFile
from sqlite_recovery_tui.errors import DamagedError, FormatError, ShortBody
from sqlite_recovery_tui.formats.ltx import index as indexes
from sqlite_recovery_tui.formats.ltx.header import HEADER_SIZE, Header, check_name
from sqlite_recovery_tui.formats.ltx.index import PageIndex
from sqlite_recovery_tui.formats.ltx.names import LtxName
from sqlite_recovery_tui.formats.ltx.page import decode_page
from sqlite_recovery_tui.formats.ltx.stream import LtxReader, PageChunk
from sqlite_recovery_tui.formats.ltx.trailer import Trailer
from sqlite_recovery_tui.progress import Progress
from sqlite_recovery_tui.restore.source import ByteSource, pieces
from sqlite_recovery_tui.words import rfc3339

MOST_INDEX_BYTES = 32 << 20
"""A longer index than this is not read: it would be that of some four million pages."""


@dataclass(frozen=True)
class LtxAnatomy:
    """What one LTX file is made of."""

    item: LtxFile
    header: Header | None
    """None when there is none that could be read."""
    index: PageIndex
    """Every page with its place, by the file's index, or as the pages were met."""
    by_index: bool
    """Whether the list comes from the file's own index."""
    kinds: U8
    """What each page looks like; empty when the pages were not read."""
    trailer: Trailer | None
    """None when it was not read, or is none."""
    proof: Proof
    faults: tuple[Fault, ...]

    @property
    def page_size(self) -> int:
        """Bytes of a page; 0 when nobody knows."""
        return self.header.page_size if self.header is not None else 0

    @property
    def pages(self) -> int:
        return len(self.index)

    @property
    def size(self) -> int:
        """Bytes that its pages take when they are decoded."""
        return self.pages * self.page_size

    @property
    def database_proof(self) -> str:
        """What is known of the checksum of the whole database."""
        if self.header is None or not self.header.has_database_checksum:
            return "not kept"
        if self.header.is_base and self.proof.holds:
            return "proven"
        return "kept, and only a base can prove it" if not self.header.is_base else "not proven"

    def kind(self, place: int) -> Kind | None:
        """Return what the page at `place` of the list looks like; None when it was not read."""
        return Kind(int(self.kinds[place])) if place < len(self.kinds) else None

    def place_of(self, number: int) -> int | None:
        """Return where page `number` stands in the list."""
        place = int(np.searchsorted(self.index.pgno, number))
        return place if place < self.pages and int(self.index.pgno[place]) == number else None

    def to_json(self) -> dict[str, Any]:
        """Return the summary as the command line prints it."""
        header = self.header
        return {
            "kind": "ltx",
            "object": self.item.key,
            "level": self.item.level,
            "min_txid": self.item.label.partition("-")[0],
            "max_txid": self.item.label.partition("-")[2],
            "stored_size": self.item.size,
            "size": self.size,
            "created": rfc3339(self.item.time, fraction=True),
            "header": None if header is None else {
                "page_size": header.page_size,
                "commit": header.commit,
                "timestamp": rfc3339(header.time, fraction=True),
                "flags": header.flags,
                "wal_offset": header.wal_offset,
                "wal_size": header.wal_size,
                "salt1": f"{header.salt1:08x}",
                "salt2": f"{header.salt2:08x}",
                "node_id": header.node_id,
                "pre_apply_checksum": f"{header.pre_apply:016x}",
            },
            "post_apply_checksum": f"{self.trailer.post_apply:016x}" if self.trailer else None,
            "file_checksum": f"{self.trailer.checksum:016x}" if self.trailer else None,
            "database_checksum": self.database_proof,
            "pages": self.pages,
            "listed_by": "page index" if self.by_index else "pages met",
            "proof": self.proof.to_json(),
            "faults": [fault.to_json() for fault in self.faults],
        }  # fmt: skip


def read_ltx(access: Access, item: LtxFile, *, whole: bool = True) -> LtxAnatomy:
    """Take an LTX file apart; without `whole` only its header and its end are read, which prove nothing.

    Raises `StorageError` and `Cancelled` only.
    """
    faults: list[Fault] = []
    header = _header(access, item, faults)
    index, trailer = _end(access, item, header, faults)
    if header is None or not whole:
        return LtxAnatomy(
            item,
            header,
            index or PageIndex.empty(),
            index is not None,
            np.empty(0, np.uint8),
            trailer,
            _proof(faults, "not proven", "only its header and its page index were read"),
            tuple(faults),
        )
    read = _Whole(access, item, keep_index=index is None)
    fault = read.run()
    if fault is not None and fault.message not in {each.message for each in faults}:
        faults.append(fault)
    met = PageIndex.join(read.indexes) if read.indexes else PageIndex.empty()
    return LtxAnatomy(
        item,
        header,
        index or met,
        index is not None,
        np.concatenate(read.kinds) if read.kinds else np.empty(0, np.uint8),
        trailer,
        _proof(faults, "proven", "the checksum of the file holds, over every page and the page index"),
        tuple(faults),
    )


def _proof(faults: list[Fault], word: ProofWord, how: str) -> Proof:
    return Proof("does not hold", faults[0].message) if faults else Proof(word, how)


def _header(access: Access, item: LtxFile, faults: list[Fault]) -> Header | None:
    try:
        start = access.store.get_range(item.key, 0, min(HEADER_SIZE, item.size)) if item.size else b""
        header = Header.parse(start)
    except ShortBody as error:
        faults.append(Fault(error.message))
        return None
    except FormatError as error:
        faults.append(Fault.of(error))
        return None
    try:
        check_name(LtxName(item.level, item.min_txid, item.max_txid), header)
    except FormatError as error:
        faults.append(Fault.of(error))
    return header


def _end(
    access: Access, item: LtxFile, header: Header | None, faults: list[Fault]
) -> tuple[PageIndex | None, Trailer | None]:
    """Read the page index and the trailer from the file's end."""
    try:
        tail = _tail(access, item, min(item.size, indexes.TAIL_BYTES))
        length = indexes.tail_length(tail, item.size)
        if length > MOST_INDEX_BYTES:
            raise FormatError(f"its page index is {length:,} bytes long, more than is read here")
        if length > len(tail):
            tail = _tail(access, item, length)
        index = indexes.from_tail(tail, item.size)
    except FormatError as error:
        faults.append(Fault.of(error))
        return None, None
    except ShortBody as error:
        faults.append(Fault(error.message))
        return None, None
    try:
        at = item.size - indexes.TRAILER_SIZE
        return index, Trailer.parse(tail[-indexes.TRAILER_SIZE :], header, at=at) if header else None
    except FormatError as error:
        faults.append(Fault.of(error))
        return index, None


def _tail(access: Access, item: LtxFile, length: int) -> bytes:
    access.cancel.check()
    return access.store.get_range(item.key, item.size - length, length) if length else b""


class _Whole:
    """All pages of a file, verified; of each only what it looks like is kept."""

    def __init__(self, access: Access, item: LtxFile, *, keep_index: bool) -> None:
        self._access, self._item, self._keep_index = access, item, keep_index
        self.indexes: list[PageIndex] = []
        self.kinds: list[U8] = []

    def run(self) -> Fault | None:
        """Read everything; return what is wrong, if anything is."""
        source = ByteSource(self._pieces())
        try:
            for chunk in LtxReader(source).chunks():
                self._take(chunk)
        except FormatError as error:
            return Fault.of(error)
        except ShortBody as error:
            return Fault(error.message)
        return None

    def _take(self, chunk: PageChunk) -> None:
        if self._keep_index:
            self.indexes.append(chunk.rows.index)
        self.kinds.append(kinds_of(chunk.pgno, chunk.pages))

    def _pieces(self) -> Iterator[bytes]:
        done, access = 0, self._access
        for piece in pieces(access.store, self._item.key, self._item.size, cancel=access.cancel):
            access.cancel.check()
            done += len(piece)
            access.progress(Progress("reading", done, self._item.size))
            yield piece


def read_ltx_page(access: Access, anatomy: LtxAnatomy, place: int) -> bytes:
    """Return the page at `place` of the list; raise `DamagedError` when it cannot be decoded."""
    index = anatomy.index
    number, key = int(index.pgno[place]), anatomy.item.key
    frame = access.store.get_range(key, int(index.offset[place]), int(index.length[place]))
    try:
        return decode_page(frame, number, anatomy.page_size)
    except FormatError as error:
        raise DamagedError(
            f"{key}: {error.message}",
            object=key,
            hint="look at another page, or at another file that holds it",
        ) from None
