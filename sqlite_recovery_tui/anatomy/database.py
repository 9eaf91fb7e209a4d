"""What the first page of a database tells of the whole: header, freelist, and the roots of all b-trees."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlite_recovery_tui.anatomy.cells import Cell
from sqlite_recovery_tui.anatomy.kinds import Kind
from sqlite_recovery_tui.anatomy.page import SMALLEST_USABLE, Page, parse_page
from sqlite_recovery_tui.anatomy.record import fields
from sqlite_recovery_tui.formats import header as headers
from sqlite_recovery_tui.formats.header import DatabaseHeader

SCHEMA_TABLE = "sqlite_schema"
_CODECS = {"UTF-16le": "utf-16-le", "UTF-16be": "utf-16-be"}
_MOST_TREES = 20_000
_MOST_SCHEMA_PAGES = 4_000
_NAMES_BYTES = 2_000
"""The names in a schema record are seldom longer; its SQL behind them is not looked at."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A b-tree of the schema: a table or an index, and the page that it begins with."""

    kind: str
    name: str
    table: str
    """The table that an index is of; for a table its own name."""
    root: int

    @property
    def label(self) -> str:
        """What it is called: `table people`, `index by_name of people`."""
        return f"{self.kind} {self.name}" + (f" of {self.table}" if self.kind == "index" else "")


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """The header of a database file, with what only its anatomy looks at (SQLite file format, 1.3)."""

    header: DatabaseHeader
    reserved: int
    """Bytes at the end of each page that SQLite leaves alone."""
    free_pages: int
    first_trunk: int
    largest_root: int
    """Not 0 where pages are kept track of by pointer maps (auto-vacuum)."""

    @classmethod
    def parse(cls, data: bytes | memoryview) -> DatabaseFacts:
        """Read them from the first 100 bytes; raise `FormatError`."""
        header = headers.parse(data)
        first_trunk, free_pages = struct.unpack_from(">II", data, 32)
        (largest_root,) = struct.unpack_from(">I", data, 52)
        return cls(header, data[20], free_pages, first_trunk, largest_root)

    @property
    def usable(self) -> int:
        """Bytes of a page that SQLite uses."""
        return max(self.header.page_size - self.reserved, SMALLEST_USABLE)

    @property
    def codec(self) -> str:
        """Python's name of the text encoding."""
        return _CODECS.get(self.header.text_encoding, "utf-8")

    @property
    def journal(self) -> str:
        """Which journal the file says it is used with."""
        versions = self.header.write_version, self.header.read_version
        known = {(1, 1): "rollback journal", (2, 2): "write-ahead log"}
        return known.get(versions, f"write version {versions[0]}, read version {versions[1]}")

    @property
    def writer(self) -> str:
        """The version of SQLite that wrote it last."""
        number = self.header.sqlite_version
        return f"{number // 1_000_000}.{number // 1000 % 1000}.{number % 1000}" if number else "not known"

    def to_json(self) -> dict[str, Any]:
        """Return the header as the command line prints it."""
        header = self.header
        return {
            "page_size": header.page_size,
            "page_count": header.page_count,
            "encoding": header.text_encoding,
            "write_version": header.write_version,
            "read_version": header.read_version,
            "change_counter": header.change_counter,
            "schema_cookie": header.schema_cookie,
            "sqlite_version": self.writer,
            "free_pages": self.free_pages,
            "reserved_bytes": self.reserved,
            "auto_vacuum": bool(self.largest_root),
            "user_version": header.user_version,
            "application_id": header.application_id,
        }


def read_schema(page: Callable[[int], bytes | None], facts: DatabaseFacts, pages: int) -> tuple[Tree, ...]:
    """Return every b-tree that the schema names, the schema's own first; `page` gives an image or None.

    What cannot be read is left out.
    """
    trees = [Tree("table", SCHEMA_TABLE, SCHEMA_TABLE, 1)]
    waiting, seen = [1], {1}
    while waiting and len(seen) < _MOST_SCHEMA_PAGES and len(trees) < _MOST_TREES:
        number = waiting.pop()
        image = page(number)
        if image is None:
            continue
        found = parse_page(image, number, reserved=facts.reserved, encoding=facts.codec, pages=pages)
        if found.kind is Kind.TABLE_INTERIOR and found.btree is not None:
            children = [cell.child for cell in found.cells] + [found.btree.right_child]
            following = [child for child in children if 1 < child <= pages and child not in seen]
            seen.update(following)
            waiting += following
        elif found.kind is Kind.TABLE_LEAF:
            trees += _trees(found, page, facts)
    return tuple(trees[:_MOST_TREES])


def _trees(leaf: Page, page: Callable[[int], bytes | None], facts: DatabaseFacts) -> Iterator[Tree]:
    """Yield the b-trees that a leaf of the schema names; views and triggers have none."""
    for cell in leaf.cells:
        record = _beginning(leaf, cell, page, facts)
        match [field.value for field in fields(record, facts.codec, most=4)]:
            case [("table" | "index") as kind, str(name), str(table), int(root)] if root > 1:
                yield Tree(kind, name, table, root)


def _beginning(leaf: Page, cell: Cell, page: Callable[[int], bytes | None], facts: DatabaseFacts) -> bytes:
    """Return as much of a schema record as its names take, with SQL that is too long for its page."""
    record = leaf.image[cell.body : cell.body + cell.local]
    following = cell.overflow
    while following and len(record) < _NAMES_BYTES:
        image = page(following)
        if image is None:
            break
        record += image[4 : facts.usable]
        following = int.from_bytes(image[:4], "big")
    return record
