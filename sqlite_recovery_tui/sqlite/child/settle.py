"""Make the bytes of a database stand on their own: with changes still in a `-wal` or `-journal`, in a copy.

The file, and what lies beside it, is only read. SQLite would create a `-shm` or roll a journal back in place.
"""

from __future__ import annotations

import os
from pathlib import Path

import apsw

from sqlite_recovery_tui import words
from sqlite_recovery_tui.sqlite.child.failure import Failure
from sqlite_recovery_tui.sqlite.child.files import fingerprint
from sqlite_recovery_tui.sqlite.child.watch import Watch

_JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")
_ATTEMPTS = 3
_CHUNK_BYTES = 4 << 20
_SPARE_BYTES = 16 << 20


def settle(path: Path, directory: Path, watch: Watch) -> tuple[Path, str]:
    """Return what to open instead of `path`, and how it was made ("" for `path` itself).

    `directory` is private and empty, or absent when nothing lies beside `path`. Raises `Failure` when the
    file is being written, the copy does not fit, or a journal may reach beyond this database.
    """
    beside = [suffix for suffix in ("-wal", "-journal") if _counts(path, suffix)]
    if not beside:
        return path, ""
    _check_space(path, directory, beside)
    copy = directory / "database"
    for _ in range(_ATTEMPTS):
        before = fingerprint(path)
        for suffix in ("", *beside):
            _copy(_beside(path, suffix), _beside(copy, suffix), watch)
        if fingerprint(path) == before:
            return copy, _fold(copy, beside)
    raise Failure(
        "refused",
        "another program is writing the database",
        "Take a copy of it with VACUUM INTO or .backup, and look at that.",
    )


def _counts(path: Path, suffix: str) -> bool:
    try:
        with open(_beside(path, suffix), "rb") as file:
            start = file.read(8)
            if suffix == "-wal":
                return bool(start)
            if start != _JOURNAL_MAGIC:
                return False
            file.seek(-8, os.SEEK_END)
            if file.read(8) == _JOURNAL_MAGIC:
                # Rolling back would follow the name of another file in it, and may delete that file.
                raise Failure(
                    "refused",
                    "its -journal belongs to a transaction over several databases",
                    "Open it with its application once, so that it recovers.",
                )
            return True
    except FileNotFoundError:
        return False


def _check_space(path: Path, directory: Path, beside: list[str]) -> None:
    sizes = [_beside(path, suffix).stat().st_size for suffix in beside]
    needed = path.stat().st_size + 2 * sum(sizes) + _SPARE_BYTES
    state = os.statvfs(directory)
    free = state.f_bavail * state.f_frsize
    if free < needed:
        raise Failure(
            "refused",
            f"its {' and '.join(beside)} has changes that are not in it yet, and a copy to look at needs"
            f" {words.size(needed)} where {words.size(free)} are free: {directory.parent}",
            "Set TMPDIR to a directory with more room.",
        )


def _copy(source: Path, target: Path, watch: Watch) -> None:
    watch.phase("copying", total=source.stat().st_size, unit="bytes")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(source, "rb") as reader, open(os.open(target, flags, 0o600), "wb") as writer:
        done = 0
        while chunk := reader.read(_CHUNK_BYTES):
            writer.write(chunk)
            done += len(chunk)
            watch.step(done)


def _fold(copy: Path, beside: list[str]) -> str:
    names = " and ".join(beside)
    try:
        connection = apsw.Connection(os.fspath(copy), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
            connection.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
            # Exclusive mode keeps the wal-index in memory: no -shm is made.
            connection.execute("PRAGMA locking_mode=EXCLUSIVE; PRAGMA user_version")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            connection.close()
    except apsw.Error as error:
        return f"looked at without its {names}, which could not be applied: {error}"
    return f"looked at in a copy, with its {names} applied"


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)
