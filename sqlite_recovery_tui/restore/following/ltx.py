"""Steps of an LTX replica: from one TXID on, by the cheapest files that connect, through whichever levels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

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

_SHARED_DIGITS = 14
"""A glance lists the files of level 0 whose TXIDs begin as the wanted ones do: 256 of them at most."""


class LtxSteps:
    """Leads a copy on through the TXIDs of one replica."""

    def __init__(self, look: Look, fetcher: Fetcher, room: Room, unfinished: Unfinished) -> None:
        """Know nothing yet of what is there."""
        self._look = look
        self._files = LtxFiles(fetcher, room)
        self._past = LtxPast(fetcher)
        self._unfinished = unfinished
        self._folders: tuple[str, ...] = ()
        """Where files of level 0 are."""

    def poll(self, since: Mark) -> Step | None:
        """Return the next step; None when nothing is stored behind `since`. Raises as a source does."""
        assert isinstance(since.place, Txid)
        txid = since.place.value
        if not self._look.is_due:
            near = self._near(txid)
            known = self._past.glance(near, txid)
            if not any(file.max_txid > txid for file in near):
                return None
            if known and (step := self._near_step(near, txid)) is not None:
                return step
        return self._from_all(since, txid)

    def _near(self, txid: int) -> Sequence[LtxFile]:
        """List the files of level 0 around the end of the copy."""
        starts = sorted({names.format_txid(number)[:_SHARED_DIGITS] for number in (txid, txid + 1)})
        prefixes = [folder + start for folder in self._folders for start in starts]
        ltx = self._look.glance(*prefixes).ltx
        return ltx.files if ltx is not None else ()

    def _near_step(self, near: Sequence[LtxFile], txid: int) -> Step | None:
        """Return the step by files of level 0 alone; None where only other levels may help."""
        try:
            return self._onward(LtxLineage.of(near), txid)
        except DamagedError:
            return None

    def _from_all(self, since: Mark, txid: int) -> Step | None:
        timeline = self._look.full()
        lineage = timeline.ltx
        if lineage is None:
            check_nothing_newer(timeline, since)
            raise CannotAdvance("there are no LTX files any more, of which the copy was made")
        self._folders = tuple(sorted({names.sibling_folder(file.key, 0) for file in lineage.files}))
        newest = lineage.files[-1]
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
                notes = (f"{error.message}; other files led around it" for error in avoided.values())
                return replace(step, notes=(*step.notes, *notes))
        for error in avoided.values():
            raise error
        return None
