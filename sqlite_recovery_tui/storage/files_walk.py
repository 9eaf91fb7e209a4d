"""A directory tree as a stream of files with their keys, only where a prefix can match."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from operator import itemgetter
from typing import NamedTuple

from sqlite_recovery_tui.storage.keys import folder_of


class Entry(NamedTuple):
    """A file below the root and what the file system says of it."""

    key: str
    status: os.stat_result


def walk(root: str, prefix: str = "") -> Iterator[Entry]:
    """Yield the regular files whose key starts with `prefix`; raise OSError for unreadable folders.

    Files and folders that vanish meanwhile are left out. Links are followed, unless they lead back up.
    """
    start = folder_of(prefix)
    if any(segment in ("", ".", "..") for segment in start.split("/")[:-1]):
        return
    pending = [start]
    while pending:
        folder = pending.pop()
        found, below = _scan(root, folder, prefix)
        yield from found
        pending.extend(reversed(below))


def _scan(root: str, folder: str, prefix: str) -> tuple[list[Entry], list[str]]:
    """Return the files in `folder` and the folders to go on with, both in the order of their names."""
    files: list[Entry] = []
    below: list[str] = []
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(f"{root}/{folder}") as entries:
        for entry in entries:
            key = folder + entry.name
            if entry.is_dir():
                inside = key + "/"
                if _may_match(inside, prefix) and not (entry.is_symlink() and _leads_up(root, inside)):
                    below.append(inside)
            elif key.startswith(prefix):
                with suppress(FileNotFoundError):
                    status = entry.stat()
                    if stat.S_ISREG(status.st_mode):
                        files.append(Entry(key, status))
    files.sort(key=itemgetter(0))
    below.sort()
    return files, below


def _may_match(folder: str, prefix: str) -> bool:
    return folder.startswith(prefix) or prefix.startswith(folder)


def _leads_up(root: str, folder: str) -> bool:
    """Tell whether a linked folder is one of the folders above it, so that its tree has no end."""
    segments = folder.split("/")[:-2]
    above = ["/".join([root, *segments[:depth]]) for depth in range(len(segments) + 1)]
    return any(os.path.samefile(f"{root}/{folder}", place) for place in above)
