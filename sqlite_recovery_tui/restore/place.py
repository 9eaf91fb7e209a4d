"""The finished file to its name: never over something unasked, and never without a way back."""

from __future__ import annotations

import glob
import os
import shutil
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import apsw

from sqlite_recovery_tui.errors import RecoverError, RefusedError

SIDECARS = ("-wal", "-shm", "-journal")


class NoSpaceError(RecoverError):
    """The file system has no room for the restored database."""

    kind = "no-space"


def check_target(output: Path, *, force: bool) -> None:
    """Refuse a target that exists, is in use or cannot be written to; raise `RefusedError`.

    An existing empty file without sidecars counts as absent, as it does for Litestream v0.5.
    """
    if not output.parent.is_dir():
        raise RefusedError(
            f"the directory {output.parent} does not exist", object=str(output), hint="make it, or choose -o"
        )
    if output.is_symlink() or (output.exists() and not output.is_file()):
        raise RefusedError(
            f"{output} is not a regular file", object=str(output), hint="name the file itself with -o"
        )
    beside = [Path(f"{output}{suffix}") for suffix in SIDECARS]
    left = [path for path in beside if path.exists()]
    empty = not output.exists() or (output.stat().st_size == 0 and not left)
    if not force and not empty:
        raise RefusedError(
            f"{output} exists", object=str(output), hint="choose another -o, or add --force to replace it"
        )
    if not force and left:
        raise RefusedError(
            f"{left[0]} is left of an older database and would be replayed into the restored one",
            object=str(left[0]),
            hint="move it away, choose another -o, or add --force (it is kept in the undo point)",
        )
    refuse_in_use(output)


def refuse_in_use(output: Path) -> None:
    """Raise `RefusedError` when a process that can be seen holds the target open."""
    holders = open_by(output)
    if holders:
        listed = ", ".join(f"{name} (pid {pid})" for pid, name in holders)
        raise RefusedError(
            f"{output} is open in {listed}", object=str(output), hint="stop it first, or choose another -o"
        )


def open_by(path: Path) -> list[tuple[int, str]]:
    """Return pid and name of every visible process that has the file or a sidecar of it open."""
    wanted = set()
    for candidate in (path, *(Path(f"{path}{suffix}") for suffix in SIDECARS)):
        try:
            status = candidate.stat()
        except OSError:
            continue
        wanted.add((status.st_dev, status.st_ino))
    if not wanted:
        return []
    return [
        (int(process.name), _name(process))
        for process in sorted(Path("/proc").glob("[0-9]*"))
        if process.name != str(os.getpid()) and _has_open(process, wanted)
    ]


def check_space(folder: Path, needed: int) -> None:
    """Raise `NoSpaceError` unless `folder` has room for `needed` bytes."""
    available = shutil.disk_usage(folder).free
    if available < needed:
        raise NoSpaceError(
            f"not enough space in {folder}: {needed:,} bytes needed, {available:,} available",
            object=str(folder),
            hint="free space, or choose -o on another file system",
        )


def place(database: Path, output: Path, *, force: bool, now: datetime) -> Path | None:
    """Give the finished, fsynced `database` the name `output`; return the undo point of what was there.

    With `force`, what had the name is kept in a directory beside it, its write-ahead log folded in
    where SQLite can; mode and owner of the replaced file go on to the new one.
    """
    if not force or not any_exists(output):
        _place_new(database, output)
        return None
    refuse_in_use(output)
    _remove_empty_undo_points(output)
    undo = output.with_name(f"{output.name}.undo-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{os.getpid()}")
    undo.mkdir(mode=0o700)
    _fold(output)
    _keep_identity(output, database)
    for suffix in ("", *SIDECARS):
        source = Path(f"{output}{suffix}")
        if source.exists():
            os.link(source, undo / source.name)
    fsync_folder(undo)
    fsync_folder(output.parent)
    # A foreign log beside the new file would be replayed into it, so it goes first; the undo point
    # holds both halves from here on.
    for suffix in SIDECARS:
        Path(f"{output}{suffix}").unlink(missing_ok=True)
    database.replace(output)
    fsync_folder(output.parent)
    return undo


def any_exists(output: Path) -> bool:
    """Tell whether the target or a sidecar of it is there."""
    return any(Path(f"{output}{suffix}").exists() for suffix in ("", *SIDECARS))


def fsync_folder(folder: Path) -> None:
    """Make renames and links in `folder` durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _remove_empty_undo_points(output: Path) -> None:
    """Remove what an attempt left that was killed before it had anything to keep."""
    for folder in output.parent.glob(f"{glob.escape(output.name)}.undo-*"):
        with suppress(OSError):  # it holds something, and stays
            folder.rmdir()


def _place_new(database: Path, output: Path) -> None:
    if output.exists() and output.stat().st_size == 0:
        _keep_identity(output, database)
        database.replace(output)
    else:
        try:
            os.link(database, output)  # unlike a rename, a link never replaces what appeared meanwhile
        except FileExistsError:
            raise RefusedError(
                f"{output} appeared while it was being restored",
                object=str(output),
                hint="choose another -o, or add --force to replace it",
            ) from None
        database.unlink()
    fsync_folder(output.parent)


def _fold(output: Path) -> None:
    """Bring a log that lies beside the old database into it, as its next opener would.

    A database that SQLite cannot open stays as it is; its log is kept beside it in the undo point.
    """
    if not output.exists() or (not Path(f"{output}-wal").exists() and not Path(f"{output}-journal").exists()):
        return
    try:
        connection = apsw.Connection(str(output), flags=apsw.SQLITE_OPEN_READWRITE)
    except apsw.Error:
        return
    try:
        connection.set_busy_timeout(1000)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except (apsw.BusyError, apsw.LockedError):
        raise RefusedError(
            f"{output} is in use", object=str(output), hint="stop the application that writes to it first"
        ) from None
    except apsw.Error:
        return
    finally:
        connection.close()


def _keep_identity(old: Path, new: Path) -> None:
    """Carry mode and owner of the replaced file over to the new one."""
    if not old.exists():
        return
    status = old.stat()
    new_status = new.stat()
    if (status.st_uid, status.st_gid) != (new_status.st_uid, new_status.st_gid):
        try:
            os.chown(new, status.st_uid, status.st_gid)
        except PermissionError:
            raise RefusedError(
                f"cannot give the restored file the owner of {old} ({status.st_uid}:{status.st_gid})",
                object=str(old),
                hint="run as that user or as root, or choose another -o",
            ) from None
    new.chmod(status.st_mode & 0o7777)


def _has_open(process: Path, wanted: set[tuple[int, int]]) -> bool:
    try:
        descriptors = list((process / "fd").iterdir())
    except OSError:
        return False
    for descriptor in descriptors:
        try:
            status = descriptor.stat()
        except OSError:
            continue
        if (status.st_dev, status.st_ino) in wanted:
            return True
    return False


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text().strip()
    except OSError:
        return "?"
