"""What every page of a database is used for, and by which table or index: a walk from the roots down.

Pages come level by level, so that a database that is elsewhere is asked for many at once. There only the
interior pages are fetched: what they lead to is known by its number. A database at hand is read in full, and
chains of overflow pages are followed as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from sqlite_recovery_tui.anatomy.database import DatabaseFacts, Tree, read_schema
from sqlite_recovery_tui.anatomy.kinds import U8, Kind, kind_of, pointer_maps
from sqlite_recovery_tui.formats.journal import lock_page
from sqlite_recovery_tui.progress import CancelToken, Progress, ProgressFn, ignore_progress
from sqlite_recovery_tui.sqlite.lazy.btree import links

_BATCH = 256
_DEEPEST = 40
"""No b-tree of SQLite is so high."""


class PageSource(Protocol):
    """The pages of one state of a database."""

    @property
    def page_size(self) -> int:
        """Bytes of a page."""
        ...

    @property
    def pages(self) -> int:
        """The size of the database in pages."""
        ...

    def fetch(self, numbers: Sequence[int]) -> Mapping[int, bytes]:
        """Return the pages with these rising numbers; raise when one cannot be had."""
        ...


@dataclass(frozen=True)
class Census:
    """What is known of every page of one state of a database."""

    facts: DatabaseFacts
    trees: tuple[Tree, ...]
    kinds: U8
    """By page number, page 1 first."""
    owners: npt.NDArray[np.int32]
    """Which of `trees` each page belongs to; -1: none, or nobody knows."""
    whole: bool
    """Whether overflow pages are told apart, and no page was left out."""
    remarks: tuple[str, ...]

    @property
    def pages(self) -> int:
        return len(self.kinds)

    def kind(self, number: int) -> Kind | None:
        """Return what page `number` is used for; None when nobody knows."""
        found = Kind(int(self.kinds[number - 1])) if 1 <= number <= self.pages else Kind.UNKNOWN
        return found or None

    def owner(self, number: int) -> Tree | None:
        """Return the table or index that page `number` belongs to; None when it is none, or nobody knows."""
        place = int(self.owners[number - 1]) if 1 <= number <= self.pages else -1
        return self.trees[place] if place >= 0 else None

    def count(self, kind: Kind) -> int:
        """Return how many pages there are of a kind."""
        return int(np.count_nonzero(self.kinds == kind))


@dataclass
class LocalPages:
    """A database that is at hand, as far as it is."""

    data: memoryview
    page_size: int
    total: int = 0
    """The size of the database in pages, where not all of it is at hand."""

    @property
    def pages(self) -> int:
        return self.total or len(self.data) // self.page_size

    def image(self, number: int) -> bytes | None:
        """Return a page; None where there is none."""
        end = number * self.page_size
        return bytes(self.data[end - self.page_size : end]) if 0 < end <= len(self.data) else None

    def fetch(self, numbers: Sequence[int]) -> Mapping[int, bytes]:
        """Return those of the pages that are there."""
        return {number: image for number in numbers if (image := self.image(number)) is not None}


def take_census(
    source: PageSource,
    facts: DatabaseFacts,
    *,
    remote: bool = False,
    most: int = 1 << 20,
    cancel: CancelToken | None = None,
    progress: ProgressFn = ignore_progress,
) -> Census:
    """Walk over the b-trees of `source`, whose first page said `facts`.

    At most `most` pages are read. `remote` pages are fetched only where they lead on. Raises what the
    source does, and `Cancelled`.
    """
    walk = _Walk(source, facts, remote, most, cancel or CancelToken(), progress)
    walk.run()
    remarks = tuple(walk.remarks)
    return Census(facts, walk.trees, walk.kinds, walk.owners, walk.whole and not remote, remarks)


@dataclass
class _Walk:
    source: PageSource
    facts: DatabaseFacts
    remote: bool
    most: int
    cancel: CancelToken
    progress: ProgressFn
    remarks: list[str] = field(default_factory=list)
    whole: bool = True
    trees: tuple[Tree, ...] = ()
    _read: int = 0

    def __post_init__(self) -> None:
        self.kinds: U8 = np.zeros(self.source.pages, dtype=np.uint8)
        self.owners = np.full(self.source.pages, -1, dtype=np.int32)

    def run(self) -> None:
        """Go down from all roots together, then through the freelist."""
        self.trees = read_schema(self._one, self.facts, self.source.pages)
        self._fixed_pages()
        level = [(tree.root, number) for number, tree in enumerate(self.trees)]
        for _ in range(_DEEPEST):
            level = self._below(self._new(level))
            if not level:
                break
        self._freelist()

    def _one(self, number: int) -> bytes | None:
        return self._fetch([number]).get(number)

    def _fetch(self, numbers: Sequence[int]) -> Mapping[int, bytes]:
        self.cancel.check()
        if self._read + len(numbers) > self.most:
            if self.whole:
                self.remarks.append(f"only {self._read:,} pages were read to find out what they belong to")
            self.whole = False
            return {}
        self._read += len(numbers)
        self.progress(Progress("reading pages", self._read, None, "pages"))
        found = self.source.fetch(numbers)
        self.whole = self.whole and len(found) == len(numbers)
        return found

    def _fixed_pages(self) -> None:
        """Mark the pages whose number alone says what they are."""
        size = self.source.page_size
        if self.facts.largest_root:
            self.kinds[pointer_maps(self.source.pages, size, self.facts.usable) - 1] = Kind.POINTER_MAP
        lock = lock_page(size)
        if lock <= self.source.pages:
            self.kinds[lock - 1] = Kind.LOCK

    def _new(self, level: Sequence[tuple[int, int]]) -> dict[int, int]:
        """Return the pages of a level with their trees: those that exist and were not met before."""
        found: dict[int, int] = {}
        strangers = 0
        for number, owner in level:
            if not 1 <= number <= self.source.pages or self.owners[number - 1] >= 0 or self.kinds[number - 1]:
                strangers += 1
                continue
            found[number] = owner
            self.owners[number - 1] = owner
        if strangers:
            self.remarks.append(f"{strangers:,} links of b-trees lead outside of them")
        return found

    def _below(self, level: dict[int, int]) -> list[tuple[int, int]]:
        """Read a level and return the one below it."""
        following: list[tuple[int, int]] = []
        numbers = sorted(self._leading_on(level) if self.remote else level)
        for start in range(0, len(numbers), _BATCH):
            images = self._fetch(numbers[start : start + _BATCH])
            for number, image in images.items():
                following += self._take(number, image, level[number])
        return following

    def _leading_on(self, level: dict[int, int]) -> list[int]:
        """Return the pages of a level that are worth fetching: a tree's leaves are all on one level."""
        samples: dict[int, int] = {}
        for number in sorted(level):
            samples.setdefault(level[number], number)
        images = self._fetch(sorted(samples.values()))
        leaf_kinds = {
            owner: kind
            for owner, number in samples.items()
            if number in images and not (kind := kind_of(number, images[number])).is_interior
        }
        for number, owner in level.items():
            if owner in leaf_kinds:
                self.kinds[number - 1] = leaf_kinds[owner]
        return [number for number, owner in level.items() if owner not in leaf_kinds]

    def _take(self, number: int, image: bytes, owner: int) -> list[tuple[int, int]]:
        """Note what a page is, and return the pages that it leads to."""
        kind = kind_of(number, image)
        self.kinds[number - 1] = kind
        if not kind.is_btree:
            self.remarks.append(f"page {number:,} of {self.trees[owner].label} is no b-tree page")
            return []
        found = links(image, number, self.facts.usable)
        if not self.remote:
            for head in found.heads:
                self._chain(head, owner)
        return [(child, owner) for child in found.children]

    def _chain(self, number: int, owner: int) -> None:
        """Follow the overflow pages of one record."""
        while 1 <= number <= self.source.pages and not self.kinds[number - 1]:
            self.kinds[number - 1] = Kind.OVERFLOW
            self.owners[number - 1] = owner
            image = self._fetch([number]).get(number)
            number = int.from_bytes(image[:4], "big") if image is not None else 0

    def _freelist(self) -> None:
        number = self.facts.first_trunk
        while 1 <= number <= self.source.pages and not self.kinds[number - 1]:
            image = self._fetch([number]).get(number)
            if image is None:
                return
            self.kinds[number - 1] = Kind.TRUNK
            count = min(int.from_bytes(image[4:8], "big"), self.facts.usable // 4 - 2)
            leaves = np.frombuffer(image, dtype=">u4", count=count, offset=8).astype(np.int64)
            inside = leaves[(leaves >= 1) & (leaves <= self.source.pages)] - 1
            self.kinds[inside[self.owners[inside] < 0]] = Kind.FREE
            number = int.from_bytes(image[:4], "big")
