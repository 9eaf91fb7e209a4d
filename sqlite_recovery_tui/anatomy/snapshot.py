"""A snapshot of the v0.3 layout: the whole database, page by page, and who owns which page."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlite_recovery_tui.anatomy.census import Census, LocalPages, take_census
from sqlite_recovery_tui.anatomy.database import DatabaseFacts
from sqlite_recovery_tui.anatomy.fault import Fault, Proof
from sqlite_recovery_tui.anatomy.kinds import Kind, kind_of
from sqlite_recovery_tui.anatomy.unpack import Access, Unpacked, unpack
from sqlite_recovery_tui.domain import Snapshot
from sqlite_recovery_tui.errors import FormatError
from sqlite_recovery_tui.formats.header import SIZE as HEADER_BYTES
from sqlite_recovery_tui.words import plural, rfc3339

CENSUS_PAGES = 1 << 17
"""A walk over more pages would keep somebody waiting."""


@dataclass(frozen=True)
class SnapshotAnatomy:
    """What one snapshot is made of."""

    item: Snapshot
    unpacked: Unpacked
    facts: DatabaseFacts | None
    """None when its first page is none."""
    census: Census | None
    """None when it was not taken."""
    faults: tuple[Fault, ...]
    _pages: LocalPages = field(repr=False)

    @property
    def page_size(self) -> int:
        """Bytes of a page; 0 when nobody knows."""
        return self.facts.header.page_size if self.facts is not None else 0

    @property
    def pages(self) -> int:
        """How many whole pages are at hand."""
        return len(self._pages.data) // self.page_size if self.facts is not None else 0

    @property
    def size(self) -> int:
        """Bytes of the database."""
        return self.unpacked.size

    @property
    def proof(self) -> Proof:
        """Whether its content is what was written."""
        if self.faults and not self.unpacked.proof.fails:
            return Proof("does not hold", self.faults[0].message)
        return self.unpacked.proof

    def image(self, number: int) -> bytes | None:
        """Return page `number`; None when it is not at hand."""
        return self._pages.image(number) if self.facts is not None else None

    def kind(self, number: int) -> Kind:
        """Return what page `number` is used for, by the census or else by its first byte."""
        known = self.census.kind(number) if self.census is not None else None
        if known is not None:
            return known
        image = self.image(number)
        return kind_of(number, image) if image is not None else Kind.UNKNOWN

    def to_json(self) -> dict[str, Any]:
        """Return the summary as the command line prints it."""
        census = self.census
        return {
            "kind": "snapshot",
            "object": self.item.key,
            "position": self.item.position.to_json(),
            "stored_size": self.item.size,
            "size": self.size,
            "created": rfc3339(self.item.time, fraction=True),
            "header": self.facts.to_json() if self.facts is not None else None,
            "pages": self.pages,
            "kinds": None if census is None else {
                kind.word: count for kind in Kind if (count := census.count(kind))
            },
            "tables": None if census is None else [tree.label for tree in census.trees],
            "proof": self.proof.to_json(),
            "faults": [fault.to_json() for fault in self.faults],
        }  # fmt: skip


def read_snapshot(access: Access, item: Snapshot, *, most: int | None = None) -> SnapshotAnatomy:
    """Take a snapshot apart; with `most` only its first so many bytes, which prove nothing.

    Raises `StorageError` and `Cancelled` only.
    """
    unpacked = unpack(access, item, most=most)
    faults = list(unpacked.faults)
    try:
        facts = DatabaseFacts.parse(unpacked.data[:HEADER_BYTES])
    except FormatError as error:
        if unpacked.size or not faults:
            faults.append(Fault.of(error))
        return SnapshotAnatomy(item, unpacked, None, None, tuple(faults), LocalPages(unpacked.data, 512))
    pages = LocalPages(unpacked.data, facts.header.page_size)
    whole = most is None and not unpacked.faults
    faults += _sizes(unpacked.size, facts) if whole else []
    census = None
    if whole and unpacked.kept_whole and pages.pages <= CENSUS_PAGES:
        census = take_census(pages, facts, cancel=access.cancel, progress=access.progress)
        faults += [Fault(remark) for remark in census.remarks]
    return SnapshotAnatomy(item, unpacked, facts, census, tuple(faults), pages)


def _sizes(size: int, facts: DatabaseFacts) -> list[Fault]:
    """Compare how long the file is with what its header says."""
    header = facts.header
    faults = []
    if size % header.page_size:
        faults.append(Fault(f"its {size:,} bytes are not a whole number of pages of {header.page_size:,}"))
    trusted = header.change_counter == header.version_valid_for
    if trusted and header.page_count > size // header.page_size:
        there = plural(size // header.page_size, "page")
        faults.append(
            Fault(f"its header tells of {plural(header.page_count, 'page')}, and {there} are there")
        )
    return faults
