"""One move of a scratch, as a history works it out: which pages change, and where their images are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sqlite_recovery_tui.domain import Place
from sqlite_recovery_tui.restore.travelling.spool import U8, U32


class NoWay(Exception):
    """A move that has to be a restore instead, and why."""


class Images(Protocol):
    """The pages of the state that a move leads to."""

    def read(self, numbers: U32, into: U8) -> None:
        """Read the images of pages into `into`, one row each."""
        ...

    def keep(self, numbers: U32, images: U8) -> None:
        """Take pages as they are before the move, which nothing but the base has."""
        ...


@dataclass(frozen=True)
class Move:
    """What to write where, to get from one state of a database to another."""

    place: Place
    page_size: int
    size_pages: int
    """The database's size afterwards."""
    numbers: U32
    """The pages to write, rising."""
    kept: U32
    """The pages to read first, and give to `Images.keep`, rising."""
    images: Images


def whole_pages(size: int, page_size: int) -> int:
    """Return how many pages a file of `size` bytes has; raise `NoWay` for one that is no whole database."""
    if size % page_size:
        raise NoWay("the scratch is no whole database")
    return size // page_size
