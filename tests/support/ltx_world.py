"""Databases that never were: histories of page sets as LTX files, with the truth about every TXID."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import numpy as np

from sqlite_recovery_tui.formats.ltx import names
from sqlite_recovery_tui.formats.ltx.frames import FRAMED, SIZED
from sqlite_recovery_tui.formats.ltx.header import Header, lock_page
from sqlite_recovery_tui.formats.ltx.write import encode_file
from tests.support.shelf import Shelf, at

Pages = dict[int, bytes]


def image(page_size: int, seed: int) -> bytes:
    """Return a page that no other seed gives, half of it random."""
    half = random.Random(seed).randbytes(page_size // 2)
    return half + bytes([seed % 251]) * (page_size - len(half))


@dataclass
class World:
    """A database's history: what each sync changed, and the files that tell of it."""

    page_size: int = 512
    framed: bool = False
    """Written as Litestream before v0.5.16 did."""
    shelf: Shelf = field(default_factory=Shelf)
    changes: list[tuple[int, Pages]] = field(default_factory=list)
    """For each TXID, from 1: the database's size in pages, and the pages that it changed."""
    states: list[Pages] = field(default_factory=list)

    @property
    def txid(self) -> int:
        return len(self.changes)

    def commit(self, size: int, changed: set[int] | None = None, *, sync: bool = True) -> int:
        """Let the database have `size` pages, `changed` ones and those that are new with other content."""
        before = self.states[-1] if self.states else {}
        lock = lock_page(self.page_size)
        grown = {page for page in range(1, size + 1) if page not in before}
        wanted = {page for page in (changed or set()) | grown if page <= size and page != lock}
        txid = self.txid + 1
        pages = {page: image(self.page_size, txid * 10_000_019 + page) for page in sorted(wanted)}
        self.changes.append((size, pages))
        self.states.append({page: data for page, data in {**before, **pages}.items() if page <= size})
        if sync:
            self.store(0, txid, txid)
        return txid

    def store(self, level: int, low: int, high: int, *, late: float = 0.0) -> str:
        """Store a file of the syncs `low` to `high` and return its key."""
        size = self.changes[high - 1][0]
        merged: Pages = {}
        for _, pages in self.changes[low - 1 : high]:
            merged.update(pages)
        if low == 1:
            merged = self.states[high - 1]
        return self.put(level, low, high, size, {page: merged[page] for page in merged if page <= size}, late)

    def put(self, level: int, low: int, high: int, size: int, pages: Pages, late: float = 0.0) -> str:
        """Store a file with just these pages."""
        key = names.file_key(level, low, high)
        self.shelf.take(key, [self.encoded(low, high, size, pages)], at(high + late))
        return key

    def encoded(self, low: int, high: int, size: int, pages: Pages) -> bytes:
        """Return the bytes of a file."""
        header = Header(self.page_size, size, low, high, 1_774_519_200_000 + 1000 * high)
        numbers = np.array(sorted(pages), dtype=np.uint32)
        data = b"".join(pages[page] for page in sorted(pages))
        images = np.frombuffer(data, dtype=np.uint8).reshape(len(pages), self.page_size)
        return encode_file(header, numbers, images, spelling=FRAMED if self.framed else SIZED)

    def content(self, txid: int) -> bytes:
        """Return the database file as it was after a sync."""
        size, state = self.changes[txid - 1][0], self.states[txid - 1]
        lock = lock_page(self.page_size)
        return b"".join(bytes(self.page_size) if page == lock else state[page] for page in range(1, size + 1))
