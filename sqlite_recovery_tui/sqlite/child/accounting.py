"""Every page of a file belongs to one tree or to the freelist (SQLite file format, section 1.1).

A check of one table cannot see that. This walk is for files whose tables are sound: it trusts their trees.
"""

from __future__ import annotations

import struct

from sqlite_recovery_tui.sqlite.child.session import Session

_LOCK_BYTE = 1 << 30
_FREELIST_FIELDS = 32


class Ledger:
    """Which pages have been met, and what is wrong with that; at most `most` complaints."""

    def __init__(self, pages: int, most: int) -> None:
        self._met = bytearray(pages + 1)
        self._most = most
        self.complaints: list[str] = []

    @property
    def full(self) -> bool:
        return len(self.complaints) >= self._most

    def meet(self, page: int, where: str) -> None:
        """Note that `where` uses a page."""
        if not 0 < page < len(self._met):
            self.complain(f"{where}: invalid page number {page}")
        elif self._met[page]:
            self.complain(f"{where}: 2nd reference to page {page}")
        else:
            self._met[page] = 1

    def close(self, lock_page: int) -> None:
        """Complain of pages that nobody uses."""
        self._met[0] = 1
        if lock_page < len(self._met):
            self._met[lock_page] = 1
        page = self._met.find(0)
        while page >= 0 and not self.full:
            self.complain(f"Page {page}: never used")
            page = self._met.find(0, page + 1)

    def complain(self, text: str) -> None:
        if not self.full:
            self.complaints.append(text)


def page_faults(session: Session, most: int) -> list[str]:
    """Return what is wrong with the use of pages in a file without auto-vacuum, `most` sentences at most."""
    pages = int(str(session.strict.execute("PRAGMA page_count").fetchall()[0][0]))
    session.watch.phase("accounting for pages", total=pages, unit="pages")
    ledger = Ledger(pages, most)
    rows = session.strict.execute("SELECT pageno, name FROM dbstat")
    for done, (page, name) in enumerate(rows):
        if done % 1000 == 0:
            session.watch.step(done)
        ledger.meet(int(str(page)), f"Tree {name}")
        if ledger.full:
            return ledger.complaints
    _freelist(session, ledger, pages)
    ledger.close(_LOCK_BYTE // session.header.page_size + 1)
    return ledger.complaints


def _freelist(session: Session, ledger: Ledger, pages: int) -> None:
    size = session.header.page_size
    trunk, expected = struct.unpack(">II", session.file.read(_FREELIST_FIELDS, 8))
    found = 0
    while trunk and found <= pages and not ledger.full:
        session.watch.check()
        ledger.meet(trunk, "Freelist")
        data = session.file.read((trunk - 1) * size, size).ljust(size, b"\0")
        following, count = struct.unpack_from(">II", data)
        count = min(count, size // 4 - 2)
        for leaf in struct.unpack_from(f">{count}I", data, 8):
            ledger.meet(leaf, "Freelist")
        found, trunk = found + 1 + count, following
    if found != expected:
        ledger.complain(f"Freelist: {found} pages where the header says {expected}")
