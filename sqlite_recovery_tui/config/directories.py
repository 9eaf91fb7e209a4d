"""Whole directories of databases, as Litestream 0.5 has them: which files are meant, and where each goes.

Every database has a path of its own at each replica: its path below the directory, added to the replica's.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

from sqlite_recovery_tui.config.models import DatabaseConfig, DirectoryConfig, ReplicaConfig

_MAGIC = b"SQLite format 3\0"
_SIDECARS = ("-wal", "-shm", "-journal")
_NO_DATABASE = re.compile(r"\.sqlrecover|-sqlrecover\Z|-litestream\Z|\.undo-\d{8}T\d{6}Z")
"""Names of what replication and recovery leave beside a database: spools, undo points, unfinished work."""


def find(
    directory: DirectoryConfig,
    told: Callable[[str], None] = lambda _trouble: None,
    known: Collection[Path] = (),
) -> Iterator[DatabaseConfig]:
    """Yield the databases that are there; `told` hears what cannot be read.

    Files count that begin as SQLite's do. Those at `known` paths count unread, for as long as they exist: a
    process must not open a database that it follows.
    """
    seen: set[tuple[int, int]] = set()
    for path in sorted(candidates(directory, told), key=lambda path: (path.is_symlink(), path)):
        try:
            status = path.stat()
            if (status.st_dev, status.st_ino) in seen:
                continue  # a second name of the same file
            if path not in known and not _is_database(path):
                continue
        except OSError as error:
            told(f"{path} cannot be read: {(error.strerror or str(error)).lower()}")
            continue
        seen.add((status.st_dev, status.st_ino))
        yield database_at(directory, path)


def candidates(
    directory: DirectoryConfig, told: Callable[[str], None] = lambda _trouble: None
) -> Iterator[Path]:
    """Yield the files whose names fit, whatever they hold."""
    for folder, files in folders(directory, told):
        for name in files:
            if fits(directory, name) and (folder / name).is_file():
                yield folder / name


def folders(
    directory: DirectoryConfig, told: Callable[[str], None] = lambda _trouble: None
) -> Iterator[tuple[Path, list[str]]]:
    """Yield the folders in which databases may be, with the names of their files."""

    def cannot(error: OSError) -> None:
        told(f"{error.filename} cannot be read: {(error.strerror or str(error)).lower()}")

    for folder, below, files in os.walk(directory.path, onerror=cannot):
        here = Path(folder)
        yield here, files
        if not directory.recursive:
            return
        wanted = [name for name in below if not _NO_DATABASE.search(name)]
        below[:] = [name for name in wanted if here / name != directory.each.scratch_dir]


def fits(directory: DirectoryConfig, name: str) -> bool:
    """Tell whether a file of that name may be one of the directory's databases."""
    if name.endswith(_SIDECARS) or _NO_DATABASE.search(name):
        return False
    return matcher(directory.pattern).fullmatch(name) is not None


def covers(directory: DirectoryConfig, path: Path) -> bool:
    """Tell whether a file at the absolute `path` would be one of the directory's, even if it is gone."""
    below = path.parts[len(directory.path.parts) :]
    if not path.is_relative_to(directory.path) or not below or ".." in below:
        return False
    folders = below[:-1]
    if (folders and not directory.recursive) or any(_NO_DATABASE.search(name) for name in folders):
        return False
    return fits(directory, path.name)


def database_at(directory: DirectoryConfig, path: Path) -> DatabaseConfig:
    """Return the configuration of the database at `path`, which lies in the directory."""
    below = path.relative_to(directory.path)
    each = directory.each
    return replace(
        each,
        path=path,
        name=path.name,
        written=str(path),
        directory=directory.path,
        meta_path=each.meta_path / below.parent if each.meta_path else None,
        replicas=tuple(_replica_of(replica, below) for replica in each.replicas),
    )


def _replica_of(replica: ReplicaConfig, below: Path) -> ReplicaConfig:
    path = posixpath.join(replica.path, below.as_posix())
    literal = replica.literal_path
    if literal is not None:
        literal = posixpath.normpath(posixpath.join(literal, below.as_posix()))
    return replace(replica, path=path, literal_path=None if literal == path else literal)


def _is_database(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


@cache
def matcher(pattern: str) -> re.Pattern[str]:
    """Return what a name must match, for a pattern as Go's path/filepath.Match has it; raise ValueError."""
    parts: list[str] = []
    at = 0
    while at < len(pattern):
        sign = pattern[at]
        if sign == "[":
            part, at = _class(pattern, at + 1)
            parts.append(part)
            continue
        if sign == "\\":
            at += 1
            if at == len(pattern):
                raise ValueError("nothing follows the backslash")
            parts.append(re.escape(pattern[at]))
        else:
            parts.append({"*": "[^/]*", "?": "[^/]"}.get(sign) or re.escape(sign))
        at += 1
    return re.compile("".join(parts), re.DOTALL)


def _class(pattern: str, at: int) -> tuple[str, int]:
    """Return a class of characters, whose `[` stands before `at`, and where it ends."""
    negated = pattern[at : at + 1] == "^"
    at += negated
    ranges: list[str] = []
    while pattern[at : at + 1] != "]" or not ranges:
        low, at = _member(pattern, at)
        high = low
        if pattern[at : at + 1] == "-":
            high, at = _member(pattern, at + 1)
        if low > high:
            raise ValueError(f"the range {low}-{high} holds nothing")
        ranges.append(f"{re.escape(low)}-{re.escape(high)}")
    return f"[{'^/' if negated else ''}{''.join(ranges)}]", at + 1


def _member(pattern: str, at: int) -> tuple[str, int]:
    if pattern[at : at + 1] == "\\":
        at += 1
    elif pattern[at : at + 1] in ("-", "]"):
        raise ValueError(f"{pattern[at]!r} must stand behind a backslash there")
    if at >= len(pattern):
        raise ValueError("a [ is not closed")
    return pattern[at], at + 1
