"""One page of a database, taken apart: what it is, what it holds and where, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlite_recovery_tui.anatomy.btree_page import BTree, BTreeReader
from sqlite_recovery_tui.anatomy.cells import Cell
from sqlite_recovery_tui.anatomy.kinds import Kind, kind_of
from sqlite_recovery_tui.anatomy.parts import Part, rest
from sqlite_recovery_tui.anatomy.record import summary

SMALLEST_USABLE = 480
"""Bytes of a page that SQLite needs for itself (SQLite file format, 1.3.4)."""
_POINTERS = {1: "root", 2: "free", 3: "first overflow", 4: "overflow", 5: "b-tree"}


@dataclass(frozen=True)
class Page:
    """What one page image holds."""

    number: int
    image: bytes
    kind: Kind
    kind_is_known: bool
    """False when only the page's first byte speaks for it."""
    usable: int
    """Bytes of it without those reserved at its end."""
    encoding: str
    btree: BTree | None
    cells: tuple[Cell, ...]
    parts: tuple[Part, ...]
    """All bytes, without overlap, in order."""
    faults: tuple[str, ...]

    @property
    def size(self) -> int:
        return len(self.image)

    @property
    def kind_word(self) -> str:
        """What it is called, and whether that is a guess."""
        if self.kind is Kind.UNKNOWN:
            return "overflow, freelist or pointer map" if not self.image[0] else "no b-tree page"
        return self.kind.word

    def values(self, cell: Cell) -> str:
        """Return the first values of a cell's record; empty where it has none."""
        if not cell.local:
            return ""
        return summary(self.image[cell.body : cell.body + cell.local], self.encoding)

    def to_json(self) -> dict[str, Any]:
        """Return the page as the command line prints it."""
        tree = self.btree
        return {
            "page": self.number,
            "size": self.size,
            "kind": self.kind_word,
            "kind_is_known": self.kind_is_known,
            "cells": tree.cells if tree else None,
            "free_bytes": tree.free_bytes if tree else None,
            "right_child": tree.right_child or None if tree else None,
            "faults": list(self.faults),
        }


def parse_page(
    image: bytes,
    number: int,
    *,
    kind: Kind | None = None,
    reserved: int = 0,
    encoding: str = "utf-8",
    pages: int = 0,
) -> Page:
    """Take a page apart. `kind` is what is known of it; without it the first byte has to do.

    `pages` is the size of the database, 0 when nobody knows. Never raises for what the page holds.
    """
    guessed = kind_of(number, image)
    usable = max(len(image) - reserved, SMALLEST_USABLE)
    if number == 1 or guessed is Kind.LOCK:
        kind = guessed
    known = bool(kind)
    found = kind or guessed
    if found.is_btree:
        reader = BTreeReader(image, number, found, usable, pages)
        tree, parts = reader.read()
        cells, faults = tuple(reader.cells), tuple(reader.faults)
        return Page(number, image, found, known, usable, encoding, tree, cells, parts, faults)
    plain, wrong = _plain_parts(image, found, usable, pages)
    return Page(number, image, found, known, usable, encoding, None, (), tuple(plain), tuple(wrong))


def _plain_parts(image: bytes, kind: Kind, usable: int, pages: int) -> tuple[list[Part], list[str]]:
    """Return the parts of a page that is no b-tree's, and what is wrong with it."""
    behind = list(rest(usable, usable, len(image)))
    if kind is Kind.POINTER_MAP:
        entries = [_pointer(image, at) for at in range(0, usable - 4, 5)]
        return [*entries, *rest(5 * len(entries), usable, len(image))], []
    if kind not in (Kind.OVERFLOW, Kind.TRUNK):
        return [Part(0, usable, "content", kind.word), *behind], []
    following = _number(image, 0)
    faults = [f"it leads to page {following:,}, which does not exist"] if following > pages > 0 else []
    link = Part(0, 4, "link", f"goes on on page {following:,}" if following else "the last of its chain")
    if kind is Kind.OVERFLOW:
        return [link, Part(4, usable, "content", "content of a long record"), *behind], faults
    named = _number(image, 4)
    if named > usable // 4 - 2:
        faults.append(f"it cannot name {named:,} free pages")
        named = 0
    end = 8 + 4 * named
    found = [
        link,
        Part(4, 8, "link", f"names {named:,} free pages"),
        Part(8, end, "entry", "numbers of free pages"),
        Part(end, usable, "content", "not used"),
    ]
    return [*(part for part in found if part.end > part.start), *behind], faults


def _pointer(image: bytes, at: int) -> Part:
    kind, parent = _POINTERS.get(image[at], "unknown"), _number(image, at + 1)
    return Part(at, at + 5, "entry", f"entry {at // 5}: {kind}, parent {parent:,}")


def _number(image: bytes, at: int) -> int:
    return int.from_bytes(image[at : at + 4], "big")
