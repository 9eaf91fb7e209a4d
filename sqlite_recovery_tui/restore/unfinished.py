"""Restores whose process died: found by the work directories they left, taken up again or discarded.

A note of every restore that runs is kept in the state folder, so that those to a path of somebody's own
choosing are found as well. One that still runs, here or elsewhere, holds its lock and is left alone.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.folders import state_folder
from sqlite_recovery_tui.restore import scratch
from sqlite_recovery_tui.restore.order import Order
from sqlite_recovery_tui.restore.work import WorkDir, is_locked, noted_in, work_path

_SUFFIX = ".sqlrecover"


@dataclass(frozen=True)
class Unfinished:
    """One restore that was interrupted, and what it left."""

    work: Path
    order: Order
    touched: datetime
    """When it last wrote anything."""
    fetched_bytes: int

    @property
    def output(self) -> Path:
        """The file it was to write."""
        return self.work.parent / self.work.name.removeprefix(".").removesuffix(_SUFFIX)

    @property
    def database(self) -> str:
        """The database it restores, by its base name; of a bare URL the name of the file."""
        return Path(self.order.database or self.output.name).name

    @property
    def fraction(self) -> float:
        """How much of what it has to fetch is there, 0 to 1."""
        return min(1.0, self.fetched_bytes / self.order.fetch_bytes) if self.order.fetch_bytes else 0.0

    def to_json(self) -> dict[str, Any]:
        """Return it as `resume --json` prints it."""
        order = self.order
        return {
            "output": str(self.output),
            "database": order.database,
            "replica": order.replica,
            "url": order.url,
            "position": order.point.reached.to_json(),
            "time": _rfc3339(order.point.time),
            "started": _rfc3339(order.started),
            "interrupted": _rfc3339(self.touched),
            "fetch_bytes": order.fetch_bytes,
            "fetched_bytes": self.fetched_bytes,
            "scratch": order.scratch,
        }


def register(work: Path) -> None:
    """Note that a restore runs in a work directory; that it cannot be noted keeps no restore from running."""
    with suppress(OSError):
        folder = _folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _note(work).write_text(str(work))


def forget(work: Path) -> None:
    """Take the note of a restore away that left nothing to take up again."""
    with suppress(OSError):
        _note(work).unlink(missing_ok=True)


def find(scratch_folders: Sequence[Path] = ()) -> list[Unfinished]:
    """Return every interrupted restore that is known, the newest first."""
    found = {work: item for work in _candidates(scratch_folders) if (item := _look(work)) is not None}
    return sorted(found.values(), key=lambda item: item.touched, reverse=True)


def discard(unfinished: Unfinished) -> None:
    """Delete all that an interrupted restore left; raise `RefusedError` when it runs again meanwhile."""
    output = unfinished.output
    work = WorkDir(output)
    try:
        work.remove()
    finally:
        work.close()
    forget(work.path)
    if unfinished.order.scratch:
        scratch.withdraw(output)


def _candidates(scratch_folders: Sequence[Path]) -> Iterator[Path]:
    for note in sorted(_folder().glob("*")):
        with suppress(OSError, ValueError):
            yield Path(note.read_text())
    for folder in scratch_folders:
        yield from (work.absolute() for work in folder.glob(f"*/.*{_SUFFIX}"))


def _look(work: Path) -> Unfinished | None:
    """Return what was left in a work directory; None when it is at work, or nothing can be made of it."""
    try:
        status = work.lstat()
        files = [item.stat() for item in work.iterdir()]
    except OSError:
        forget(work)
        return None
    if status.st_uid != os.geteuid() or status.st_mode & 0o077 or is_locked(work):
        return None
    order = Order.read(work)
    if order is None or work != work_path(work.parent / work.name[1:].removesuffix(_SUFFIX)):
        return None
    touched = max((item.st_mtime for item in files), default=status.st_mtime)
    found = Unfinished(work, order, datetime.fromtimestamp(touched, UTC), _fetched(work, order))
    if _is_placed(work / "database", found.output) and not order.force:
        with suppress(RecoverError, OSError):  # all that is missing is the tidying up
            discard(found)
        return None
    return found


def _is_placed(database: Path, output: Path) -> bool:
    """Tell whether the finished file has its name already, and maybe its old one still."""
    if not output.exists():
        return False
    return not database.exists() or database.samefile(output)


def _fetched(work: Path, order: Order) -> int:
    """Return how much of the plan's objects is there, by what the work directory says of itself."""
    noted = noted_in(work)
    match noted:
        case {"mark": {"position": int(position)}}:
            base = position
        case {"complete": True}:
            base = order.base_bytes
        case {"checkpoint": {"packed": int(packed)}}:
            base = packed
        case _:
            base = 0
    try:
        kept = (work / "segments.pack").stat().st_size
    except OSError:
        kept = 0
    return min(base, order.base_bytes) + kept


def _folder() -> Path:
    return state_folder() / "restores"


def _note(work: Path) -> Path:
    return _folder() / hashlib.sha256(os.fsencode(work)).hexdigest()[:32]


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
