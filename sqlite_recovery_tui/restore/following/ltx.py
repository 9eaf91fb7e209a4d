"""Steps of an LTX replica: from one TXID on, by the cheapest files that connect, through whichever levels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlite_recovery_tui.clock import Clock
from sqlite_recovery_tui.domain import LtxFile, Txid
from sqlite_recovery_tui.errors import DamagedError, ObjectNotFound
from sqlite_recovery_tui.formats.ltx import names
from sqlite_recovery_tui.replica.ltx import LtxLineage
from sqlite_recovery_tui.restore.changes import CannotAdvance, Step
from sqlite_recovery_tui.restore.fetch import Fetcher
from sqlite_recovery_tui.restore.following.look import Look, check_nothing_newer
from sqlite_recovery_tui.restore.following.ltx_files import LtxFiles, Spoilt
from sqlite_recovery_tui.restore.following.ltx_past import LtxPast
from sqlite_recovery_tui.restore.following.room import Room
from sqlite_recovery_tui.restore.following.unfinished import Unfinished
from sqlite_recovery_tui.restore.live.mark import Mark

NEAR_FILES = 16
"""How many syncs are looked for one by one before everything is listed."""
LOST_SECONDS = 5.0
"""How often everything is listed while the copy's own file is not at level 0, where it should be."""


class LtxSteps:
    """Leads a copy on through the TXIDs of one replica."""

    def __init__(
        self, look: Look, fetcher: Fetcher, room: Room, unfinished: Unfinished, clock: Clock
    ) -> None:
        """Know nothing yet of what is there."""
        self._look = look
        self._files = LtxFiles(fetcher, room)
        self._past = LtxPast(fetcher)
        self._unfinished = unfinished
        self._clock = clock
        self._folder = ""
        """Where files of level 0 are."""
        self._lost_at: float | None = None

    def poll(self, since: Mark) -> Step | None:
        """Return the next step; None when nothing is stored behind `since`. Raises as a source does."""
        assert isinstance(since.place, Txid)
        txid = since.place.value
        if self._look.is_due:
            return self._from_all(since, txid)
        held = self._find(txid)
        if held is None:
            # Of level 0 the newest file always stays: there must be newer ones, or other ones.
            return self._from_lost(since, txid)
        if not self._past.is_known(held):
            return self._from_all(since, txid)
        near = self._near(txid)
        if not near:
            return None
        return self._near_step(near, txid) or self._from_all(since, txid)

    def _from_lost(self, since: Mark, txid: int) -> Step | None:
        """List everything, but not all the time where that leads nowhere."""
        now = self._clock.monotonic()
        if self._lost_at is not None and now - self._lost_at < LOST_SECONDS:
            return None
        step = self._from_all(since, txid)
        self._lost_at = now if step is None else None
        return step

    def _near(self, txid: int) -> Sequence[LtxFile]:
        """Find the syncs behind the copy at level 0, one by one."""
        near: list[LtxFile] = []
        while len(near) < NEAR_FILES and (file := self._find(txid + 1 + len(near))):
            near.append(file)
        return near

    def _find(self, txid: int) -> LtxFile | None:
        """Return the file of one sync; None when it is not at level 0."""
        key = self._folder + names.file_name(txid, txid)
        info = self._look.find(key)
        return LtxFile(0, txid, txid, key, info.size, info.time, info.etag) if info is not None else None

    def _near_step(self, near: Sequence[LtxFile], txid: int) -> Step | None:
        """Return the step by files of level 0 alone; None where only other levels may help."""
        try:
            step = self._onward(LtxLineage.of(near), txid)
        except DamagedError:
            return None
        if step is not None and len(near) == NEAR_FILES:
            return replace(step, more=True)
        return step

    def _from_all(self, since: Mark, txid: int) -> Step | None:
        timeline = self._look.full()
        lineage = timeline.ltx
        if lineage is None:
            check_nothing_newer(timeline, since)
            raise CannotAdvance("there are no LTX files any more, of which the copy was made")
        newest = lineage.files[-1]
        self._folder = names.sibling_folder(newest.key, 0)
        if newest.max_txid < txid:
            raise CannotAdvance(
                f"the replica ends at TXID {newest.position}, and the copy is at {since.place.label}: "
                "its history began anew",
                object=newest.key,
            )
        self._past.recognise(lineage, since, txid)
        step = self._onward(lineage, txid)
        if step is not None:
            if not self._past.is_ours:
                raise CannotAdvance("nothing is left that shows the files to be of the copy's history")
            if step.more:
                self._look.forget()  # what is listed leads on better than level 0 alone
            return step
        hole = lineage.hole_behind(txid)
        if hole is not None:
            raise CannotAdvance(hole.message, object=hole.object, last_good=hole.before, next_good=hole.after)
        check_nothing_newer(timeline, since)
        return None

    def _onward(self, lineage: LtxLineage, txid: int) -> Step | None:
        """Return the step by the cheapest files that hold; None where none goes on."""
        avoided: dict[str, DamagedError] = {}
        while run := lineage.onward(txid, avoided):
            try:
                step = self._files.step(run)
            except Spoilt as spoilt:
                avoided[spoilt.file.key] = self._unfinished.fault(spoilt.file, spoilt.fault.message)
            except ObjectNotFound as gone:
                what = f"{gone.object} was removed after the replica was listed"
                avoided[gone.object] = CannotAdvance(what, object=gone.object)
            else:
                assert isinstance(step.place, Txid)
                self._past.note(lineage.files, step.place.value)
                notes = (f"{error.message}; other files led around it" for error in avoided.values())
                return replace(step, notes=(*step.notes, *notes))
        for error in avoided.values():
            raise error
        return None
