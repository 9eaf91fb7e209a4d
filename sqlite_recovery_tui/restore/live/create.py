"""From a finished restore to a copy that is followed into; a kill in between leaves one or the other."""

from __future__ import annotations

import os
from pathlib import Path

from sqlite_recovery_tui.clock import SYSTEM, Clock
from sqlite_recovery_tui.restore import place
from sqlite_recovery_tui.restore.live import first_page
from sqlite_recovery_tui.restore.live.copy import LiveCopy, translated
from sqlite_recovery_tui.restore.live.gate import PATIENCE, Patience
from sqlite_recovery_tui.restore.live.mark import Held, Mark, digest
from sqlite_recovery_tui.restore.live.open_file import Content
from sqlite_recovery_tui.restore.live.state import Beside, CopyLock, State


def can_go_on(path: Path) -> bool:
    """Tell whether a copy is at `path` that `LiveCopy.open` may go on from."""
    beside = Beside(path.absolute())
    return path.is_file() and (beside.state.is_file() or beside.txid.is_file())


def staging_path(path: Path) -> Path:
    """Return where to restore to for `create` or `LiveCopy.replace`, in the copy's own folder.

    What an attempt that was killed had left there is removed.
    """
    staging = Beside(path.absolute()).staging
    staging.unlink(missing_ok=True)
    return staging


def create(
    staged: Path,
    path: Path,
    mark: Mark,
    *,
    url: str,
    force: bool = False,
    lock: CopyLock | None = None,
    patience: Patience = PATIENCE,
    clock: Clock = SYSTEM,
) -> LiveCopy:
    """Make the finished restore `staged` the copy at `path`, standing at `mark` of the replica `url`.

    Takes over `lock`. Raises `RefusedError` for a target in the way, as a restore does.
    """
    lock = lock or CopyLock(path)
    beside = lock.beside
    try:
        place.check_target(beside.copy, force=force)
        with translated(beside.copy):
            content = _in_rollback_mode(staged)
            beside.drop_txid()
            # Before the file itself: a copy never lies there without its state.
            beside.write_state(State(url, Held(mark, digest(content.first), content.layout.pages)))
            beside.sync()
            undo = place.place(staged, beside.copy, force=force, now=clock.now())
    except BaseException:
        lock.release()
        raise
    copy = LiveCopy.open(path, url=url, lock=lock, patience=patience, clock=clock)
    copy.undo = undo
    return copy


def _in_rollback_mode(staged: Path) -> Content:
    """Give a restored file, which nobody reads yet, the journal mode of a copy."""
    fd = os.open(staged, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        Content.read(fd, staged)
        os.pwrite(fd, first_page.ROLLBACK_MODE, first_page.VERSIONS)
        os.fsync(fd)
        return Content.read(fd, staged)
    finally:
        os.close(fd)
