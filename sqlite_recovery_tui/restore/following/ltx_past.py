"""Whether an LTX replica still is of the history that a copy was made of.

TXIDs begin with 1 wherever a history begins: after a replica was wiped and written anew, its files would
fit a copy of the old one by their numbers. What was stored up to the copy's TXID tells: it is what it was,
or at least was not written after the copy had it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from sqlite_recovery_tui.domain import LtxFile
from sqlite_recovery_tui.errors import FormatError, ObjectNotFound
from sqlite_recovery_tui.formats.ltx.header import HEADER_SIZE, Header
from sqlite_recovery_tui.replica.ltx import SNAPSHOT_LEVEL, LtxLineage
from sqlite_recovery_tui.restore.changes import CannotAdvance
from sqlite_recovery_tui.restore.fetch import Fetcher
from sqlite_recovery_tui.restore.following.look import same_object
from sqlite_recovery_tui.restore.live.mark import Mark

ROUNDING = timedelta(seconds=1)
CLOCKS = timedelta(minutes=1)
"""How far a writer's clock is taken to be ahead of an object service's at most."""


class LtxPast:
    """What is known of the files up to a copy's TXID."""

    def __init__(self, fetcher: Fetcher) -> None:
        """Know nothing yet."""
        self._fetcher = fetcher
        self._known: dict[str, LtxFile] = {}
        """Files of level 0, which are written once; the copy holds all they have."""
        self._is_ours = False

    @property
    def is_ours(self) -> bool:
        """Whether the history was recognised."""
        return self._is_ours

    def recognise(self, lineage: LtxLineage, since: Mark, txid: int) -> None:
        """Look at all files; raise `CannotAdvance` when they are of another history than the copy."""
        held = _held(lineage.files, txid)
        known = [self.is_known(file) for file in held]
        if not (any(known) and self._is_ours):
            self._is_ours = self._was_there(lineage, since, txid)
        self._known = {file.key: file for file in held}

    def is_known(self, file: LtxFile) -> bool:
        """Tell whether a file was there before; raise `CannotAdvance` when it has become another one."""
        known = self._known.get(file.key)
        if known is not None and not same_object(known, file):
            raise _began_anew(f"{file.key} is not what it was", file)
        return known is not None

    def note(self, files: Iterable[LtxFile], txid: int) -> None:
        """Take note of the files that a copy at `txid` holds."""
        self._known |= {file.key: file for file in _held(files, txid)}

    def _was_there(self, lineage: LtxLineage, since: Mark, txid: int) -> bool:
        """Tell by the newest of the files that the copy holds; False where nothing is left of them.

        Raises `CannotAdvance` when it is younger than the copy.
        """
        # A snapshot of an idle database is taken again under its old name.
        before = [
            file
            for file in lineage.files
            if file.max_txid < txid or (file.max_txid == txid and file.level != SNAPSHOT_LEVEL)
        ]
        if not before:
            return False
        file = max(before, key=lambda file: (file.max_txid, -file.level))
        if file.time <= since.time + ROUNDING or self._is_dated_before(file, since):
            return True
        raise _began_anew(f"{file.key} is younger than the copy, which holds its TXIDs", file)

    def _is_dated_before(self, file: LtxFile, since: Mark) -> bool:
        """Tell by the date inside; a service lists when an object arrived, which may be long after."""
        is_exact = self._fetcher.store.lists_written_times or file.level == 0
        try:
            header = Header.parse(self._fetcher.head(file, HEADER_SIZE))
        except (FormatError, ObjectNotFound):
            return False
        return header.time <= since.time + (ROUNDING if is_exact else CLOCKS)


def _held(files: Iterable[LtxFile], txid: int) -> list[LtxFile]:
    return [file for file in files if file.level == 0 and file.max_txid <= txid]


def _began_anew(why: str, file: LtxFile) -> CannotAdvance:
    return CannotAdvance(f"the replica's history began anew: {why}", object=file.key)
