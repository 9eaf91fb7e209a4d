"""What a disk may hold after the power went: what was fsynced, and any part of what was not.

The calls of a piece of work are recorded; for any moment in it folders are made in which every write since
a file's last fsync, and every change of a name since the folder's last one, may have arrived or not.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

SECTOR = 512


@dataclass
class _File:
    durable: bytearray
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)
    """Writes as (offset, data) and changes of the size as (size, None), since the last fsync."""


@dataclass
class Disk:
    """One folder, as its programs see it and as it may survive."""

    folder: Path
    files: list[_File] = field(default_factory=list)
    numbers: dict[int, int] = field(default_factory=dict)
    """Which file an inode is at the moment; the system gives its number away again."""
    names: dict[str, int] = field(default_factory=dict)
    pending: list[tuple[str, str, int]] = field(default_factory=list)
    """Changes of names since the folder's last fsync: (what it was, what it is, file); "" for none."""

    def __post_init__(self) -> None:
        for path in self.folder.iterdir():
            self.names[path.name] = self._meet(path.stat().st_ino, path.read_bytes())

    def _meet(self, inode: int, content: bytes = b"") -> int:
        self.numbers[inode] = len(self.files)
        self.files.append(_File(bytearray(content)))
        return self.numbers[inode]

    def _file(self, fd: int) -> _File:
        return self.files[self.numbers[os.fstat(fd).st_ino]]

    def knows(self, fd: int) -> bool:
        return os.fstat(fd).st_ino in self.numbers

    def created(self, path: Any, fd: int) -> None:
        self.pending.append(("", os.path.basename(path), self._meet(os.fstat(fd).st_ino)))

    def wrote(self, fd: int, at: int, data: bytes) -> None:
        self._file(fd).pending.append((at, data))

    def cut(self, fd: int, size: int) -> None:
        self._file(fd).pending.append((size, None))

    def synced(self, fd: int) -> None:
        if os.fstat(fd).st_ino == self.folder.stat().st_ino:
            for change in self.pending:
                _rename(self.names, change)
            self.pending = []
        else:
            file = self._file(fd)
            for change in file.pending:
                _write(file.durable, *change)
            file.pending = []

    def renamed(self, old: str, new: str) -> None:
        self.pending.append((old, new, self._now()[old]))

    def removed(self, name: str) -> None:
        if name in self._now():
            self.pending.append((name, "", self._now()[name]))

    def _now(self) -> dict[str, int]:
        names = dict(self.names)
        for change in self.pending:
            _rename(names, change)
        return names

    def survive(self, folder: Path, rng: random.Random) -> None:
        """Write to `folder` what may be found after a power cut right now."""
        folder.mkdir()
        names = dict(self.names)
        share = rng.choice([0.0, 0.5, 1.0])
        for change in self.pending:
            if rng.random() < share:
                _rename(names, change)
        for name, number in names.items():
            content = bytearray(self.files[number].durable)
            for at, data in self.files[number].pending:
                for sector in range(at, at + len(data), SECTOR) if data is not None else [at]:
                    if rng.random() < share:
                        part = None if data is None else data[sector - at : sector - at + SECTOR]
                        _write(content, sector, part)
            (folder / name).write_bytes(content)


Watcher = Callable[[Disk], None]


def _write(content: bytearray, at: int, data: bytes | None) -> None:
    end = at if data is None else at + len(data)
    if len(content) < end:
        content.extend(bytes(end - len(content)))
    if data is None:
        del content[at:]
    else:
        content[at:end] = data


def _rename(names: dict[str, int], change: tuple[str, str, int]) -> None:
    old, new, number = change
    if old and names.get(old) != number:
        return
    if old:
        del names[old]
    if new:
        names[new] = number


@contextmanager
def recorded(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[list[Watcher]]:
    """Record what is done in `folder`; each function in the list is called with the disk before each call."""
    disk = Disk(folder)
    watchers: list[Watcher] = []
    real = {name: getattr(os, name) for name in ("open", "write", "pwrite", "pwritev", "ftruncate", "fsync")}
    names = {name: getattr(os, name) for name in ("replace", "rename", "unlink")}

    def about_to() -> None:
        for watcher in watchers:
            watcher(disk)

    def open_(path: Any, flags: int, *more: Any, **options: Any) -> int:
        created = bool(flags & os.O_CREAT) and not os.path.lexists(path)
        fd: int = real["open"](path, flags, *more, **options)
        if created:
            disk.created(path, fd)
        return fd

    def write(fd: int, data: Any) -> int:
        if disk.knows(fd):
            about_to()
            disk.wrote(fd, os.lseek(fd, 0, os.SEEK_CUR), bytes(data))
        count: int = real["write"](fd, data)
        return count

    def pwrite(fd: int, data: Any, at: int) -> int:
        about_to()
        disk.wrote(fd, at, bytes(data))
        count: int = real["pwrite"](fd, data, at)
        return count

    def pwritev(fd: int, parts: Any, at: int) -> int:
        about_to()
        disk.wrote(fd, at, b"".join(bytes(part) for part in parts))
        count: int = real["pwritev"](fd, parts, at)
        return count

    def ftruncate(fd: int, size: int) -> None:
        about_to()
        disk.cut(fd, size)
        real["ftruncate"](fd, size)

    def fsync(fd: int) -> None:
        about_to()
        disk.synced(fd)
        about_to()

    def rename(old: Any, new: Any) -> None:
        about_to()
        disk.renamed(os.path.basename(old), os.path.basename(new))
        names["rename"](old, new)

    def unlink(path: Any, **options: Any) -> None:
        about_to()
        disk.removed(os.path.basename(path))
        names["unlink"](path, **options)

    with patch.context() as patched:
        for name, function in (
            ("open", open_),
            ("write", write),
            ("pwrite", pwrite),
            ("pwritev", pwritev),
            ("ftruncate", ftruncate),
            ("fsync", fsync),
            ("rename", rename),
            ("replace", rename),
            ("unlink", unlink),
        ):
            patched.setattr(os, name, function)
        yield watchers
