"""Asking for the dates that writers gave LTX files: beside an object, or else in its header."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

from sqlite_recovery_tui.domain import LtxFile
from sqlite_recovery_tui.errors import FormatError, ObjectNotFound, ShortBody
from sqlite_recovery_tui.formats.ltx.header import HEADER_SIZE, Header, check_name
from sqlite_recovery_tui.formats.ltx.names import LtxName
from sqlite_recovery_tui.progress import CancelToken, Progress, ProgressFn
from sqlite_recovery_tui.replica.ltx import LtxLineage
from sqlite_recovery_tui.storage.ahead import Bounds, ahead, one_by_one
from sqlite_recovery_tui.storage.base import Store
from sqlite_recovery_tui.storage.many import get_written_times

_AT_ONCE = 32
_FIRST = 8
"""Where so many objects have no date beside them, the others are not asked for one either."""


class Asking:
    """Asks for the dates of files, each once."""

    def __init__(
        self, store: Store, lineage: LtxLineage, cancel: CancelToken | None, progress: ProgressFn
    ) -> None:
        """Begin with the times that were listed."""
        self._store = store
        self._lineage = lineage
        self._cancel = cancel
        self._progress = progress
        self._asked: set[str] = set()
        self._times: dict[str, datetime] = {}
        self._assumed: dict[str, datetime] = {}

    def time(self, file: LtxFile) -> datetime:
        """Return the best that is known of a file's date."""
        return self._times.get(file.key) or self._assumed.get(file.key, file.time)

    def dated(self) -> LtxLineage:
        """Return the files with the dates that are known by now."""
        return self._lineage.with_times({**self._assumed, **self._times})

    def assume(self, files: Iterable[LtxFile], bound: Callable[[datetime], datetime]) -> None:
        """Bring the listed times of files to the right side of others, without asking."""
        self._assumed.update({file.key: bound(file.time) for file in files})

    def ask(self, files: Iterable[LtxFile]) -> bool:
        """Learn the dates of files; return False when all had been asked."""
        wanted = list({file.key: file for file in files if file.key not in self._asked}.values())
        self._asked.update(file.key for file in wanted)
        for number, (key, time) in enumerate(written(self._store, wanted, self._cancel), 1):
            if time is not None:
                self._times[key] = time
            self._progress(Progress("reading times", number, len(wanted), "objects"))
        return bool(wanted)


def written(
    store: Store, files: Sequence[LtxFile], cancel: CancelToken | None
) -> Iterator[tuple[str, datetime | None]]:
    """Yield each file's key with the time its writer gave it, None where nothing tells; in any order."""
    if store.lists_written_times:
        yield from _by_header(store, files, cancel)
        return
    untold: list[LtxFile] = []
    for part in (files[:_FIRST], files[_FIRST:]):
        if len(untold) == _FIRST:
            untold += part
            break
        times = get_written_times(store, [file.key for file in part], cancel=cancel)
        for file, (key, time) in zip(part, times, strict=True):
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
