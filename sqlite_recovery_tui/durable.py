"""Small files and names that are there whole or not at all, also after kill -9 and a power cut."""

from __future__ import annotations

import os
from pathlib import Path

NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
"""How a file is opened that must not be there yet, and must not be a link."""


def replace_file(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Replace a small file: on return the new one is on disk; raise OSError, and the old one stays."""
    draft = unfinished(path)
    draft.unlink(missing_ok=True)
    fd = os.open(draft, NEW, mode)
    try:
        write_all(fd, data)
        os.fsync(fd)
    finally:
        os.close(fd)
    draft.replace(path)
    fsync_folder(path.parent)


def unfinished(path: Path) -> Path:
    """Return the name that `replace_file` writes under before the file is whole."""
    return path.with_name(f"{path.name}.tmp")


def write_all(fd: int, data: bytes | memoryview) -> None:
    """Write all of `data` where the descriptor stands."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def fsync_folder(folder: str | os.PathLike[str]) -> None:
    """Make the names in `folder` durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
