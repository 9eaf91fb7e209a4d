"""How far an interrupted restore of an LTX route came: the pages of its base that are in the file.

They are trusted only during the run of the machine that wrote them, since not all may have reached the disk,
and only for the same base and the same changes, whose images are among them.
"""

from __future__ import annotations

from dataclasses import asdict

from sqlite_recovery_tui.formats.ltx.stream import Mark
from sqlite_recovery_tui.replica.ltx import LtxRoute
from sqlite_recovery_tui.restore.work import WorkDir, base_identity, boot, changes_identity


class LtxJournal:
    """The journal of one work directory, for one route."""

    def __init__(self, work: WorkDir, url: str, route: LtxRoute) -> None:
        """Keep track of building `route` of the replica at `url`."""
        self._work = work
        self._build = {
            "base": base_identity(url, route.base),
            "changes": changes_identity(route),
            "boot": boot(),
        }

    def load(self) -> Mark | None:
        """Return how far an earlier attempt came; without one that can be gone on from, begin anew."""
        mark = self._mark()
        if mark is None:
            self._work.begin_anew()
        return mark

    def save(self, mark: Mark) -> None:
        """Note that all pages in front of `mark` are written."""
        self._work.note({**self._build, "mark": asdict(mark)})

    def _mark(self) -> Mark | None:
        noted = self._work.noted()
        try:
            mark = Mark(**noted.pop("mark"))
        except (KeyError, TypeError):
            return None
        is_ours = noted == self._build and self._build["boot"] != "" and self._work.database.exists()
        return mark if is_ours else None
