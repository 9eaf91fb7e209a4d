"""What a follower asks of a replica, in no format's terms: the next step, or a new beginning."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from sqlite_recovery_tui.domain import Place, Position
from sqlite_recovery_tui.errors import DamagedError
from sqlite_recovery_tui.formats.journal import lock_page
from sqlite_recovery_tui.restore.live.mark import Mark


class CannotAdvance(DamagedError):
    """What would bring a copy from where it stands to the newest state is missing or damaged."""

    kind = "cannot-advance"


@dataclass(frozen=True)
class Step:
    """One way forward: pages over a copy at the mark that was asked with, and where that leads."""

    pages: npt.NDArray[np.uint32]
    """Numbers from 1, strictly rising."""
    images: npt.NDArray[np.uint8]
    """The newest image of each: one row of page size bytes per page; may be a memory map.

    A step that moves the place alone has no rows, and still a page size: its shape is (0, page size).
    """
    size_pages: int
    """The database's size after the step; pages beyond it are dropped."""
    place: Place
    time: datetime
    """When the newest object of the step was stored."""
    more: bool = False
    """Whether newer changes are known, and were left for the next step to bound this one's memory."""
    notes: tuple[str, ...] = ()
    grows_whole: bool = False
    """Whether all pages that the database grows by are among `pages`; where not, the rest are zeros."""

    def first_missing(self, held: int) -> int | None:
        """Return the first page that is missing for a copy of `held` pages to be whole after the step."""
        if not self.grows_whole:
            return None
        lock = lock_page(self.images.shape[1])
        wanted = np.arange(held + 1, self.size_pages + 1, dtype=np.int64)
        wanted = wanted[wanted != lock]
        absent = wanted[~np.isin(wanted, self.pages)]
        return int(absent[0]) if len(absent) else None


def is_newer(mark: Mark, since: Mark) -> bool:
    """Tell whether a base is a step forward; places of different lineages only compare by their times."""
    if mark.lineage != since.lineage:
        return mark.time >= since.time
    if mark.place != since.place:
        return mark.place > since.place  # type: ignore[operator] # both are of one kind
    # Only a snapshot in front of a WAL of which nothing is stored is written anew with other content.
    is_bare = isinstance(mark.place, Position) and not mark.place.offset
    return is_bare and mark.time > since.time


class ChangeSource(Protocol):
    """A replica, to somebody who holds one of its states and wants newer ones."""

    @property
    def url(self) -> str:
        """Where it is, without secrets."""
        ...

    def poll(self, since: Mark) -> Step | None:
        """Return what leads on from `since`, up to a commit; None when nothing newer is stored.

        Raises `CannotAdvance` for a hole or damage in front of the newest state, a place it does not
        know, or another page size; `StorageError`.
        """
        ...

    def rebase(self, since: Mark, into: Path) -> Mark:
        """Restore the newest state that is not reached from `since` to the file `into`; return its mark.

        Raises `CannotAdvance`, before anything is fetched, when there is none that is newer than `since`;
        whatever a restore raises.
        """
        ...
