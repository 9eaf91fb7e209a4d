"""When LTX files were written, where a listing tells something else.

An object service lists when an object arrived there, some time after its writer dated it; Litestream notes
the date beside the object. A copy of a replica may have lost its times altogether. The header of each
file has the date as well, and is asked where nothing else tells it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from sqlite_recovery_tui.domain import LtxFile
from sqlite_recovery_tui.errors import FormatError, ObjectNotFound, ShortBody, StorageError
from sqlite_recovery_tui.formats.ltx.header import HEADER_SIZE, Header, check_name
from sqlite_recovery_tui.formats.ltx.names import LtxName
from sqlite_recovery_tui.progress import CancelToken, Progress, ProgressFn, ignore_progress
from sqlite_recovery_tui.replica.ltx import SNAPSHOT_LEVEL, LtxLineage
from sqlite_recovery_tui.replica.timeline import Timeline
from sqlite_recovery_tui.storage.ahead import Bounds, ahead, one_by_one
from sqlite_recovery_tui.storage.base import Store
from sqlite_recovery_tui.storage.many import get_written_times

CLOCKS = timedelta(minutes=15)
"""How far a writer's clock may be ahead of the service's: requests further off are refused."""
COPIED = "the listed times of LTX files are those of a copy: the times inside the files count instead"

_AT_ONCE = 32
_SAMPLES = 5
_ROUNDING = timedelta(seconds=2)
"""File systems keep times no coarser than this."""
_ARRIVAL = timedelta(hours=1)
"""Syncs and snapshots seldom arrive at a service later than this."""

Times = dict[str, datetime]


def exact_times(
    store: Store,
    timeline: Timeline,
    *,
    around: datetime | None = None,
    cancel: CancelToken | None = None,
    progress: ProgressFn = ignore_progress,
) -> Timeline:
    """Return the timeline with its LTX files dated by their writer, at least those that matter for `around`.

    None dates all of them. Costs a request for each file listed from a little before `around` on. A file
    listed earlier than that need not be asked: it was written before it arrived, but for the difference
    of two clocks, so it belongs to `around` by either time. Raises `StorageError`, `Cancelled`.
    """
    mended = mend_times(store, timeline, cancel=cancel, progress=progress)
    if mended is not timeline or timeline.ltx is None or store.lists_written_times:
        return mended
    asking = _Asking(store, timeline.ltx, cancel, progress)
    asking.ask(file for file in timeline.ltx.files if around is None or file.time >= around - CLOCKS)
    if around is not None:
        asking.ask_for_state(around)
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
        asking = _Asking(store, lineage, cancel, progress)
        asking.ask(lineage.files)
    except StorageError:
        return timeline
    return timeline.with_ltx(asking.dated(), COPIED)


class _Asking:
    """Asks for the dates of files, each once."""

    def __init__(
        self, store: Store, lineage: LtxLineage, cancel: CancelToken | None, progress: ProgressFn
    ) -> None:
        self._store = store
        self._lineage = lineage
        self._cancel = cancel
        self._progress = progress
        self._asked: set[str] = set()
        self._times: Times = {}

    def dated(self) -> LtxLineage:
        """Return the files with the dates that are known by now."""
        return self._lineage.with_times(self._times)

    def ask(self, files: Iterable[LtxFile]) -> bool:
        """Learn the dates of files; return False when all had been asked."""
        wanted = list({file.key: file for file in files if file.key not in self._asked}.values())
        self._asked.update(file.key for file in wanted)
        for number, (key, time) in enumerate(_written(self._store, wanted, self._cancel), 1):
            if time is not None:
                self._times[key] = time
            self._progress(Progress("reading times", number, len(wanted), "objects"))
        return bool(wanted)

    def ask_for_state(self, around: datetime) -> None:
        """Date the state of `around` itself, which may be long past: what is told of it shall be exact.

        Its time is that of the file that was written last; files that arrived before need no asking.
        """
        while route := self.dated().route_at(around):
            last = route.files[-1]
            ways = [file for file in self._lineage.files if file.max_txid == last.max_txid]
            if not self.ask([*ways, *(file for file in route.files if file.time > last.time)]):
                return


def _written(
    store: Store, files: Sequence[LtxFile], cancel: CancelToken | None
) -> Iterator[tuple[str, datetime | None]]:
    """Yield each file's key with the time its writer gave it, None where nothing tells."""
    untold = list(files)
    if not store.lists_written_times:
        untold = []
        times = get_written_times(store, [file.key for file in files], cancel=cancel)
        for file, (key, time) in zip(files, times, strict=True):
            if time is None:
                untold.append(file)
            else:
                yield key, time
    yield from _by_header(store, untold, cancel)


def _by_header(
    store: Store, files: Sequence[LtxFile], cancel: CancelToken | None
) -> Iterator[tuple[str, datetime | None]]:
    def read(file: LtxFile) -> datetime | None:
        return _header_time(store.get_range, file)

    if store.is_local or len(files) <= 1:
        found = one_by_one(read, files, cancel=cancel)
    else:
        bounds = Bounds(min(_AT_ONCE, len(files)))
        found = ahead(read, files, bounds, expected=lambda _: 0, measure=lambda _: 0, cancel=cancel)
    yield from ((file.key, time) for file, time in found)


def _header_time(get_range: Callable[[str, int, int], bytes], file: LtxFile) -> datetime | None:
    """Return the time in a file's header; None when it is none, or no longer there."""
    try:
        header = Header.parse(get_range(file.key, 0, HEADER_SIZE))
        check_name(LtxName(file.level, file.min_txid, file.max_txid), header)
    except (FormatError, ShortBody, ObjectNotFound):
        return None
    return header.time


def _looks_copied(lineage: LtxLineage) -> bool:
    """Tell whether listed times fall, or hardly differ."""
    falls = any(later < earlier for times in lineage.rising_times for earlier, later in pairwise(times))
    return falls or (len(lineage.files) > 1 and lineage.end - lineage.start < _ROUNDING)


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
        time is not None and abs(time - listed[key]) > allowed
        for key, time in _written(store, sample, cancel)
    )


def _spread(files: Sequence[LtxFile]) -> list[LtxFile]:
    """Return a few files from the first to the last."""
    last = len(files) - 1
    numbers = sorted({number * last // (_SAMPLES - 1) for number in range(_SAMPLES)}) if files else []
    return [files[number] for number in numbers]
