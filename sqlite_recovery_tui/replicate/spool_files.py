"""The files of a spool: written aside in pieces and renamed, or written to at an offset."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from sqlite_recovery_tui.durable import NEW, fsync_folder, unfinished, write_all


def write_whole(path: Path, pieces: Iterable[bytes | memoryview], *, lasting: bool = True) -> int:
    """Write a file aside and rename it into place; return its size in bytes; raise OSError.

    It survives a kill of this process; unless `lasting`, a power cut may bring back the one before.
    """
    draft = unfinished(path)
    remove(draft)
    size = 0
    try:
        fd = os.open(draft, NEW, 0o600)
        try:
            for piece in pieces:
                write_all(fd, piece)
                size += len(piece)
            if lasting:
                os.fsync(fd)
        finally:
            os.close(fd)
        draft.replace(path)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise
    if lasting:
        fsync_folder(path.parent)
    return size


def write_at(fd: int, data: bytes | memoryview, offset: int) -> None:
    """Write all of `data` at `offset`."""
    rest = memoryview(data)
    while rest:
        written = os.pwrite(fd, rest, offset)
        rest, offset = rest[written:], offset + written


def make_folder(folder: Path) -> None:
    """Make a private folder and those above it, durably."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    with suppress(FileExistsError):
        folder.mkdir(0o700)
    fsync_folder(folder.parent)


def remove(path: Path) -> None:
    """Remove a file that may be gone."""
    path.unlink(missing_ok=True)
