"""Objects as files of a folder, each with the time that the story gives it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

Sink = Callable[[str, Iterable[bytes], datetime], int]
"""Stores an object given as key, pieces and time; returns its size in bytes."""


def folder_sink(root: Path) -> Sink:
    """Return a sink that writes below `root`, with the object's time as the file's mtime."""

    def store(key: str, pieces: Iterable[bytes], time: datetime) -> int:
        path = root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.writelines(pieces)
        at = int(time.timestamp()) * 1_000_000_000 + time.microsecond * 1000
        os.utime(path, ns=(at, at))
        return path.stat().st_size

    return store
