"""The finished file to its name: never over something unasked, and never without a way back."""

from __future__ import annotations

import errno
import glob
import os
import shutil
import stat
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import apsw

from sqlite_recovery_tui.durable import fsync_folder
from sqlite_recovery_tui.errors import RecoverError, RefusedError
from sqlite_recovery_tui.sqlite.connect import open_to_write

_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
SIDECARS = ("-wal", "-shm", "-journal")


class NoSpaceError(RecoverError):
    """The file system has no room for the restored database."""

    kind = "no-space"


def check_target(output: Path, *, force: bool) -> None:
    """Refuse a target that exists, is in use or cannot be written to; raise `RefusedError`.

    An existing empty file without sidecars counts as absent, as it does for Litestream v0.5.
    """
    try:
        _check_target(output, force=force)
    except OSError as error:
        raise RefusedError(
            f"cannot restore to {output}: {error.strerror}", object=str(output), hint="choose another -o"
        ) from None


def _check_target(output: Path, *, force: bool) -> None:
    if not output.parent.is_dir():
        raise RefusedError(
            f"the directory {output.parent} does not exist", object=str(output), hint="make it, or choose -o"
        )
    _refuse_odd(output)
    left = _sidecars(output)
    if not force and not _is_empty_file(output) and os.path.lexists(output):
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


def _refuse_odd(output: Path) -> None:
    """Raise `RefusedError` for a link, a folder or a device; nothing behind a link is ever replaced."""
    if output.is_symlink() or (output.exists() and not output.is_file()):
        raise RefusedError(
            f"{output} is not a regular file", object=str(output), hint="name the file itself with -o"
        )


def _is_empty_file(path: Path) -> bool:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size == 0


def _sidecars(output: Path) -> list[Path]:
    """Return the sidecars that are there, links that lead nowhere included."""
    beside = [Path(f"{output}{suffix}") for suffix in SIDECARS]
    return [path for path in beside if os.path.lexists(path)]


def refuse_in_use(output: Path) -> None:
    """Raise `RefusedError` when a process that can be seen holds the target open."""
    holders = open_by(output)
    if holders:
        listed = ", ".join(f"{name} (pid {pid})" for pid, name in holders)
        raise RefusedError(
            f"{output} is open in {listed}", object=str(output), hint="stop it first, or choose another -o"
        )


def open_by(path: Path, *, for_writing: bool = False) -> list[tuple[int, str]]:
    """Return pid and name of every visible process that has the file or a sidecar of it open.

    With `for_writing` those that only read it do not count.
    """
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
        if process.name != str(os.getpid()) and _has_open(process, wanted, for_writing)
    ]


def is_at_rest(path: Path) -> bool:
    """Tell whether nothing lies beside a database and nobody can be seen who has it open."""
    return not _sidecars(path) and not open_by(path)


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
    _refuse_odd(output)
    refuse_in_use(output)
    _remove_empty_undo_points(output)
    undo = _keep(output, database, now)
    # A foreign log beside the new file would be replayed into it, so it goes first; the undo point
    # holds both halves from here on.
    for sidecar in _sidecars(output):
        sidecar.unlink(missing_ok=True)
    database.replace(output)
    fsync_folder(output.parent)
    return undo


def any_exists(output: Path) -> bool:
    """Tell whether the target or a sidecar of it is there."""
    return os.path.lexists(output) or bool(_sidecars(output))


def _keep(output: Path, database: Path, now: datetime) -> Path:
    """Make the undo point: the old files under a second name; all of them, or no undo point.

    They are there before SQLite folds the log in, since it deletes the log of a database that it cannot
    read. The index of a log (-shm) holds nothing.
    """
    undo = _new_folder(f"{output}.undo-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{os.getpid()}")
    try:
        for source in (output, *_sidecars(output)):
            if os.path.lexists(source) and not source.name.endswith("-shm"):
                _link_or_copy(source, undo / source.name)
        fsync_folder(undo)
        fsync_folder(output.parent)
        if _fold(output):
            _drop_folded(output, undo)
        _take_identity(output, database)
    except BaseException:
        shutil.rmtree(undo, ignore_errors=True)
        raise
    return undo


def _drop_folded(output: Path, undo: Path) -> None:
    """Remove second names of logs that SQLite has folded into the database and deleted."""
    kept = undo / output.name
    if kept.exists() and kept.samefile(output):
        for suffix in SIDECARS:
            if not os.path.lexists(f"{output}{suffix}"):
                (undo / f"{output.name}{suffix}").unlink(missing_ok=True)


def _new_folder(name: str) -> Path:
    for number in count(1):
        folder = Path(name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            continue
        return folder
    raise AssertionError


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        shutil.copy2(source, target, follow_symlinks=False)
        if target.is_symlink():
            return
        with target.open("rb") as file:
            os.fsync(file.fileno())


def _remove_empty_undo_points(output: Path) -> None:
    """Remove what an attempt left that was killed before it had anything to keep."""
    for folder in output.parent.glob(f"{glob.escape(output.name)}.undo-*"):
        with suppress(OSError):  # it holds something, and stays
            folder.rmdir()


def _place_new(database: Path, output: Path) -> None:
    left = _sidecars(output)
    if left:
        raise _appeared(left[0])
    if _is_empty_file(output):
        _take_identity(output, database)
        database.replace(output)
    else:
        database.chmod(0o600)
        _name_it(database, output)
    fsync_folder(output.parent)


def _name_it(database: Path, output: Path) -> None:
    """Give a file its name unless something has it by now."""
    try:
        os.link(database, output)  # unlike a rename, a link never replaces what appeared meanwhile
    except FileExistsError:
        raise _appeared(output) from None
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _claim(output)
        database.replace(output)
    else:
        database.unlink()


def _claim(output: Path) -> None:
    """Take a free name with an empty file."""
    try:
        os.close(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
    except FileExistsError:
        raise _appeared(output) from None


def _appeared(path: Path) -> RefusedError:
    return RefusedError(
        f"{path} appeared while the database was being restored",
        object=str(path),
        hint="choose another -o, or add --force to replace it",
    )


def _fold(output: Path) -> bool:
    """Bring a log that lies beside the old database into it, as its next opener would.

    Return False when SQLite cannot; raise `RefusedError` when somebody uses the database.
    """
    if not output.exists() or not any(Path(f"{output}{suffix}").exists() for suffix in ("-wal", "-journal")):
        return False
    try:
        connection = open_to_write(output)
    except apsw.Error:
        return False
    try:
        busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()[0][0]
    except (apsw.BusyError, apsw.LockedError):
        busy = True
    except apsw.Error:
        return False
    finally:
        connection.close()
    if busy:
        raise RefusedError(
            f"{output} is in use", object=str(output), hint="stop the application that writes to it first"
        )
    return True


def _take_identity(old: Path, new: Path) -> None:
    """Carry mode and owner of the replaced file over to the new one."""
    if not old.exists():
        new.chmod(0o600)
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


def _has_open(process: Path, wanted: set[tuple[int, int]], for_writing: bool) -> bool:
    try:
        descriptors = list((process / "fd").iterdir())
    except OSError:
        return False
    for descriptor in descriptors:
        try:
            status = descriptor.stat()
        except OSError:
            continue
        is_it = (status.st_dev, status.st_ino) in wanted
        if is_it and not (for_writing and _only_reads(process, descriptor)):
            return True
    return False


def _only_reads(process: Path, descriptor: Path) -> bool:
    """Tell whether a file was opened for reading alone (proc(5), fdinfo)."""
    try:
        lines = (process / "fdinfo" / descriptor.name).read_text().splitlines()
    except OSError:
        return False
    flags = next((int(line.split()[1], 8) for line in lines if line.startswith("flags:")), os.O_RDWR)
    return flags & os.O_ACCMODE == os.O_RDONLY


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text().strip()
    except OSError:
        return "?"
