"""Making a scratch database: its own private directory, and the manifest of where it is from."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlite_recovery_tui import __version__
from sqlite_recovery_tui.domain import RestorePoint, StoredObject
from sqlite_recovery_tui.durable import replace_file
from sqlite_recovery_tui.errors import RefusedError
from sqlite_recovery_tui.restore.plan import Plan
from sqlite_recovery_tui.restore.target import format_utc

if TYPE_CHECKING:
    from sqlite_recovery_tui.restore.run import RestoreResult

MANIFEST = "manifest.json"
_NAME_LENGTH = 100


def scratch_path(folder: Path, database: str, point: RestorePoint) -> Path:
    """Return a path for a new scratch, in a 0700 directory of its own named for what it holds.

    Raises `RefusedError` when the scratch directory is not safe to write to.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_safe(folder):
            raise RefusedError(
                f"scratch directory {folder} belongs to somebody else, or anybody may write to it",
                object=str(folder),
                hint="set scratch-dir",
            )
        return _own_folder(folder, database, point)
    except OSError as error:
        raise RefusedError(
            f"cannot write to the scratch directory {folder}: {error.strerror}",
            object=str(folder),
            hint="set scratch-dir",
        ) from None


def _is_safe(folder: Path) -> bool:
    """Tell whether nobody else can exchange what is in `folder`."""
    status = folder.lstat()
    anybody_writes = status.st_mode & 0o002 and not status.st_mode & stat.S_ISVTX
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not anybody_writes


def _own_folder(folder: Path, database: str, point: RestorePoint) -> Path:
    proposed = proposed_path(folder, database, point)
    for number in count(1):
        name = proposed.parent.name if number == 1 else f"{proposed.parent.name}-{number}"
        try:
            (folder / name).mkdir(mode=0o700)
        except FileExistsError:
            continue
        return folder / name / proposed.name
    raise AssertionError


def proposed_path(folder: Path, database: str, point: RestorePoint) -> Path:
    """Return the path that `scratch_path` takes if nothing is there yet, without making anything."""
    name = re.sub(r"[^A-Za-z0-9._-]", "_", Path(database).name).lstrip(".")[:_NAME_LENGTH] or "database"
    if name.startswith("manifest."):
        name = f"database-{name}"  # the manifest itself lies beside it
    stem = f"{Path(name).stem}-{point.time:%Y%m%dT%H%M%S}-{point.position.label.replace(':', '-')}"
    return folder / stem / name


def write_manifest(
    result: RestoreResult, verdict: dict[str, Any] | None = None, *, made: datetime | None = None
) -> Path:
    """Write down beside a scratch what it was made from and when, with the sha256 of the file."""
    content = {
        **result.to_json(),
        "made": format_utc(made) if made is not None else None,
        "tool": __version__,
        "sha256": _sha256(result.output),
        "integrity": verdict,
        "sources": sources_of(result.plan),
    }
    return keep_manifest(result.output.parent, content)


def announce(plan: Plan, output: Path, made: datetime) -> Path:
    """Write down what a scratch will be made from, before its file is there.

    A kill between the two then leaves no database of unknown origin.
    """
    content = {
        **plan.to_json(),
        "output": str(output),
        "made": format_utc(made),
        "tool": __version__,
        "sha256": None,
        "integrity": None,
        "sources": sources_of(plan),
    }
    return keep_manifest(output.parent, content)


def withdraw(output: Path) -> None:
    """Take away what was made for a scratch that came to nothing; what has anything else in it stays."""
    with suppress(OSError):
        if not output.exists():
            (output.parent / MANIFEST).unlink(missing_ok=True)
            output.parent.rmdir()


def note_integrity(
    database: Path, verdict: dict[str, Any], *, position: dict[str, Any] | None = None
) -> None:
    """Add to a scratch's manifest what checks of it found: `{"kind", "ok", "messages"}`.

    A database without a manifest is not a scratch, and stays as it is; so does one that is being moved, or
    was moved away from the `position` that was checked.
    """
    with suppress(OSError, ValueError, RefusedError), locked(database):
        content = json.loads((database.parent / MANIFEST).read_text())
        if not isinstance(content, dict) or Path(str(content.get("output"))).name != database.name:
            return
        if position is None or content.get("position") == position:
            keep_manifest(database.parent, {**content, "integrity": verdict})


@contextmanager
def locked(scratch: Path) -> Iterator[None]:
    """Keep others from moving a scratch, or writing its manifest; raise `RefusedError` while one does."""
    try:
        fd = os.open(scratch.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise RefusedError(f"there is no scratch {scratch}: {error.strerror}", object=str(scratch)) from None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise RefusedError(
            f"{scratch} is being moved by somebody else", object=str(scratch), hint="wait for it"
        ) from None
    finally:
        os.close(fd)


def keep_manifest(folder: Path, content: dict[str, Any]) -> Path:
    """Write the manifest of the scratch in `folder`, durably, in place of any before; return it."""
    path = folder / MANIFEST
    replace_file(path, json.dumps(content, indent=1).encode())
    return path


def sources_of(plan: Plan) -> list[dict[str, Any]]:
    """Return the objects that a plan takes, as a manifest lists them."""
    return [_source(plan.base), *map(_source, plan.changes)]


def _source(item: StoredObject) -> dict[str, Any]:
    return {"object": item.key, "size": item.size, "etag": item.etag, "time": item.time.isoformat()}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
