"""When LTX files were written, where a listing tells something else.

An object service lists when an object arrived there, some time after its writer dated it; Litestream notes
the date beside the object. A copy of a replica may have lost its times altogether. The header of each
file has the date as well, and is asked where nothing else tells it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlite_recovery_tui.domain import LtxFile
from sqlite_recovery_tui.errors import StorageError
from sqlite_recovery_tui.progress import CancelToken, ProgressFn, ignore_progress
from sqlite_recovery_tui.replica.asking import Asking, written
from sqlite_recovery_tui.replica.ltx import SNAPSHOT_LEVEL, LtxLineage
from sqlite_recovery_tui.replica.timeline import Timeline
from sqlite_recovery_tui.storage.base import Store

CLOCKS = timedelta(minutes=15)
"""How far a writer's clock may be ahead of the service's: requests further off are refused."""
COPIED = "the listed times of LTX files are those of a copy: the times that their writer noted count instead"

_FEW = 256
"""So many files are all asked."""
_PROBES = 16
_NEAR = 48
"""How many files on either side of a moment are asked: steps of the writer's clock stay within them."""
_SAMPLES = 5
_ROUNDING = timedelta(seconds=2)
"""File systems keep times no coarser than this."""
_ARRIVAL = timedelta(hours=1)
"""Syncs and snapshots seldom arrive at a service later than this."""


def exact_times(
    store: Store,
    timeline: Timeline,
    *,
    around: datetime | None = None,
    cancel: CancelToken | None = None,
    progress: ProgressFn = ignore_progress,
) -> Timeline:
    """Return the timeline with its LTX files dated by their writer, at least those that matter for `around`.

    None dates all of them, with a request for each where the listing tells other times. With a moment:

    - What was listed well before it need not be asked: it was written before it arrived, but for the
      difference of two clocks, so it belongs to the moment by either time.
    - Changes are written in order of their TXIDs. Where very many remain, those next to the moment are
      looked for and asked, and the times of others only brought to the right side of these.

    Raises `StorageError`, `Cancelled`.
    """
    mended = mend_times(store, timeline, cancel=cancel, progress=progress)
    if mended is not timeline or timeline.ltx is None or store.lists_written_times:
        return mended
    files = timeline.ltx.files
    asking = Asking(store, timeline.ltx, cancel, progress)
    if around is None:
        asking.ask(files)
    else:
        _ask_around(asking, files, around)
        _ask_for_state(asking, files, around)
    return timeline.with_ltx(asking.dated())


def mend_times(
    store: Store,
    timeline: Timeline,
    *,
    cancel: CancelToken | None = None,
    progress: ProgressFn = ignore_progress,
) -> Timeline:
    """Return the timeline itself, or one with the dates inside LTX files that carry the times of a copy.

    Looks into a few files to find out; on an object service only if the listing looks odd. What cannot
    be read leaves the times as listed. Raises `Cancelled`.
    """
    lineage = timeline.ltx
    if lineage is None or not (store.lists_written_times or _looks_copied(lineage)):
        return timeline
    try:
        if not _is_copied(store, lineage, cancel):
            return timeline
        asking = Asking(store, lineage, cancel, progress)
        asking.ask(lineage.files)
    except StorageError:
        return timeline
    return timeline.with_ltx(asking.dated(), COPIED)


def _ask_around(asking: Asking, files: Sequence[LtxFile], around: datetime) -> None:
    """Date all files that `around` may turn on; of very many only those next to it."""
    candidates = [file for file in files if file.time >= around - CLOCKS]
    if len(candidates) <= _FEW:
        asking.ask(candidates)
        return
    snapshots = [file for file in candidates if file.level == SNAPSHOT_LEVEL]
    changes = [file for file in candidates if file.level != SNAPSHOT_LEVEL]
    first, end = _border(asking, changes, around)
    near = slice(max(0, first - _NEAR), end + _NEAR)
    asking.ask(changes[near])
    if not changes[near]:
        asking.ask(snapshots)
        return
    oldest, newest = asking.time(changes[near][0]), asking.time(changes[near][-1])
    last = changes[near][-1].max_txid
    # A snapshot is written after the state that it holds was.
    asking.ask(file for file in snapshots if file.max_txid <= last)
    asking.assume(changes[: near.start], lambda listed: min(listed, oldest))
    behind = [*changes[near.stop :], *(file for file in snapshots if file.max_txid > last)]
    asking.assume(behind, lambda listed: max(listed, newest))


def _border(asking: Asking, changes: Sequence[LtxFile], around: datetime) -> tuple[int, int]:
    """Return between which numbers the first change lies that was not written before `around`."""
    first, end = 0, len(changes)
    while end - first > _NEAR:
        probes = sorted({first + number * (end - first) // (_PROBES + 1) for number in range(1, _PROBES + 1)})
        asking.ask(changes[number] for number in probes)
        behind = [number for number in probes if asking.time(changes[number]) >= around]
        end = behind[0] if behind else end
        first = max((number + 1 for number in probes if number < end), default=first)
    return first, end


def _ask_for_state(asking: Asking, files: Sequence[LtxFile], around: datetime) -> None:
    """Date the state of `around` itself, which may be long past: what is told of it shall be exact.

    Its time is that of its last file, unless an earlier one was written later; one that had arrived by
    then was not.
    """
    while point := asking.dated().at_or_before(around):
        first = bisect_left(files, point.position, key=lambda file: file.position)
        end = bisect_right(files, point.position, key=lambda file: file.position)
        is_new = asking.ask(files[first:end])
        earliest = min(asking.time(file) for file in files[first:end])
        if not asking.ask(file for file in files[:first] if asking.time(file) > earliest) and not is_new:
            return


def _looks_copied(lineage: LtxLineage) -> bool:
    """Tell whether listed times fall, or hardly differ."""
    is_instant = len(lineage.files) > 1 and lineage.end - lineage.start < _ROUNDING
    return is_instant or not lineage.times_rise


def _is_copied(store: Store, lineage: LtxLineage, cancel: CancelToken | None) -> bool:
    """Tell by a few files whether listed times have nothing to do with when they were written."""
    if store.lists_written_times:
        candidates, allowed = lineage.files, _ROUNDING
    else:  # compactions carry the time of what they were made of
        candidates = tuple(file for file in lineage.files if file.level in (0, SNAPSHOT_LEVEL))
        allowed = _ARRIVAL
    sample = _spread(candidates)
    listed = {file.key: file.time for file in sample}
    return any(
        time is not None and abs(time - listed[key]) > allowed for key, time in written(store, sample, cancel)
    )


def _spread(files: Sequence[LtxFile]) -> list[LtxFile]:
    """Return a few files from the first to the last."""
    last = len(files) - 1
    numbers = sorted({number * last // (_SAMPLES - 1) for number in range(_SAMPLES)}) if files else []
    return [files[number] for number in numbers]
