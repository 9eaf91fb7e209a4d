"""A b-tree page (SQLite file format, 1.6): its header, its cells, its free room, and what is wrong there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlite_recovery_tui.anatomy.cells import Cell, parse_cell
from sqlite_recovery_tui.anatomy.kinds import HEADER_BYTES, Kind
from sqlite_recovery_tui.anatomy.parts import Part, laid_out

_SHOWN = 5
"""How many of the culprits a fault names."""


@dataclass(frozen=True, slots=True)
class BTree:
    """The header of a b-tree page, and its cells."""

    cells: int
    """As the page says; see `Page.cells` for those that could be read."""
    content_start: int
    first_free: int
    fragmented: int
    right_child: int
    """0 on leaves."""
    free_blocks: int
    free_bytes: int
    """Unallocated, in free blocks and in fragments, as far as the page can be believed."""


@dataclass
class BTreeReader:
    """Read one page; everything it says is checked before it is believed."""

    image: bytes
    number: int
    kind: Kind
    usable: int
    pages: int
    """The size of the database, 0 when nobody knows."""
    faults: list[str] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)

    def read(self) -> tuple[BTree, tuple[Part, ...]]:
        """Return the page's header, and all of its bytes as parts."""
        start = HEADER_BYTES if self.number == 1 else 0
        if self.image[start] != self.kind:
            self.faults.append(
                f"its first byte is {self.image[start]:#04x}: that of no {self.kind.word} page"
            )
        pointers_at = start + (12 if self.kind.is_interior else 8)
        count, pointers_end = self._count(start, pointers_at)
        right = self._right_child(start)
        self._read_cells(pointers_at, count, pointers_end)
        content = self._number(start + 5, 2) or 65536
        gap = self._gap(pointers_end, content)
        first_free, fragmented = self._number(start + 1, 2), self.image[start + 7]
        blocks = self._free_blocks(first_free, content)
        fixed = [
            Part(0, start, "database header", "database header"),
            Part(start, pointers_at, "page header", "page header"),
            Part(pointers_at, pointers_end, "cell pointers", f"pointers to {count:,} cells"),
            Part(pointers_end, pointers_end + gap, "unallocated", f"{gap:,} bytes never used"),
        ]
        movable = [Part(cell.start, cell.end, "cell", title(cell)) for cell in self.cells]
        movable += [Part(at, at + size, "free block", f"free block of {size:,} bytes") for at, size in blocks]
        present = [part for part in fixed if part.end > part.start]
        parts, overlaps = laid_out(present, movable, self.usable, len(self.image))
        if overlaps:
            self.faults.append(f"{overlaps:,} of its cells and free blocks overlap")
        free = gap + fragmented + sum(size for _, size in blocks)
        return BTree(count, content, first_free, fragmented, right, len(blocks), free), parts

    def _count(self, start: int, pointers_at: int) -> tuple[int, int]:
        """Return how many cells there are, and where their pointers end."""
        count = self._number(start + 3, 2)
        if pointers_at + 2 * count <= self.usable:
            return count, pointers_at + 2 * count
        self.faults.append(f"it cannot hold {count:,} cells")
        return 0, pointers_at

    def _right_child(self, start: int) -> int:
        if not self.kind.is_interior:
            return 0
        right = self._number(start + 8, 4)
        if not right or (self.pages and right > self.pages):
            self.faults.append(f"its right-most child, page {right:,}, does not exist")
        return right

    def _read_cells(self, pointers_at: int, count: int, least: int) -> None:
        lost: list[str] = []
        for number in range(count):
            at = self._number(pointers_at + 2 * number, 2)
            inside = least <= at < self.usable
            cell = parse_cell(self.image, self.kind, number, at, self.usable) if inside else None
            if cell is None:
                lost.append(str(number))
            else:
                self.cells.append(cell)
        if lost:
            self.faults.append(f"{len(lost):,} of its cells lie outside of its content: {_some(lost)}")
        strangers = {page for cell in self.cells for page in (cell.child, cell.overflow) if page > self.pages}
        if self.pages and strangers:
            self.faults.append(f"cells lead to pages that do not exist: {_some(map(str, sorted(strangers)))}")

    def _gap(self, pointers_end: int, content: int) -> int:
        """Return how many bytes lie between the cell pointers and the content."""
        if pointers_end <= content <= self.usable:
            return content - pointers_end
        self.faults.append(f"its content cannot begin at byte {content:,}")
        return 0

    def _free_blocks(self, first: int, content: int) -> list[tuple[int, int]]:
        """Return where the free blocks lie and how long they are; they rise, and never touch."""
        blocks: list[tuple[int, int]] = []
        at, least = first, content
        while at:
            if at < least or at + 4 > self.usable:
                self.faults.append(f"its chain of free blocks leads to byte {at:,}, where none can be")
                break
            size = self._number(at + 2, 2)
            if size < 4 or at + size > self.usable:
                self.faults.append(f"the free block at byte {at:,} cannot be {size:,} bytes long")
                break
            blocks.append((at, size))
            at, least = self._number(at, 2), at + size + 4
        return blocks

    def _number(self, at: int, size: int) -> int:
        return int.from_bytes(self.image[at : at + size], "big")


def title(cell: Cell) -> str:
    """Return what a cell is called beside its bytes."""
    key = f", rowid {cell.rowid}" if cell.rowid is not None else ""
    child = f", leads to page {cell.child}" if cell.child else ""
    return f"cell {cell.number}{key}{child}"


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:_SHOWN]) + (" …" if len(listed) > _SHOWN else "")
