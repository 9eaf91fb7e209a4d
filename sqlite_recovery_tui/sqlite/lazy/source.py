"""What the owner of a database that is elsewhere offers to an inspection: pages by number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

LOCK_BYTE = 1 << 30
"""The page that holds this byte is never used by SQLite (SQLite file format, section 1.2)."""


class PageSource(Protocol):
    """The pages of one state of a database, which never changes while somebody reads it."""

    @property
    def page_size(self) -> int:
        """Bytes of a page, a power of two from 512 to 65536."""
        ...

    @property
    def pages(self) -> int:
        """The size of the database in pages, the lock page counted."""
        ...

    def fetch(self, numbers: Sequence[int]) -> Mapping[int, bytes]:
        """Return the pages with these numbers, and perhaps others that came along with them.

        The numbers count from 1, rise, and never name the lock page. Most of them may be read ahead, so
        whatever lies near together should be read in one piece, and what does not, in parallel. Called
        from a thread of its own; a call that was given up may still run when the next one begins. Raises
        `RecoverError`: `DamagedError` and `ObjectNotFound` when a page cannot be had, which is no reason
        not to ask for others.
        """
        ...


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """How much of a database may be brought for its inspection."""

    call_bytes: int = 64 << 20
    """Of one request."""
    total_bytes: int = 1 << 30
    """Of one inspector; so much may lie in the scratch directory."""
    window_bytes: int = 4 << 20
    """Of one call to the source; so much is held in memory."""
    checks: bool = False
    """Whether checks may bring the whole database, without regard to the limits above."""


def lock_page(page_size: int) -> int:
    """Return the number of the page that SQLite leaves alone."""
    return LOCK_BYTE // page_size + 1
