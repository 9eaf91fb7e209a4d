"""Undo points: what a database was before it was replaced, each in a folder beside it with a manifest."""

from __future__ import annotations

import glob
import json
import os
import re
import secrets
import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlite_recovery_tui import __version__
from sqlite_recovery_tui.durable import fsync_folder, replace_file
from sqlite_recovery_tui.errors import NotFoundError
from sqlite_recovery_tui.promote.beside import Beside

MANIFEST = "manifest.json"
_NAME = re.compile(r"\.undo-(\d{8}T\d{6}Z)(?:-\w+)*\Z")


@dataclass(frozen=True, slots=True)
class UndoPoint:
    """A former state of one database."""

    folder: Path
    database: Path
    made: datetime
    size: int
    """Of all its files, in bytes."""
    is_raw: bool
    """Whether it is the bytes of a database that could not be opened, with what lay beside it."""
    manifest: dict[str, Any]

    @property
    def name(self) -> str:
        """How people name it: the end of the folder's name."""
        return self.folder.name.rpartition(".undo-")[2]

    def to_json(self) -> dict[str, Any]:
        """Return it as the command line's `--json` contract has it."""
        return {
            "name": self.name,
            "folder": str(self.folder),
            "made": self.made.isoformat(),
            "size": self.size,
            "raw": self.is_raw,
            "reason": self.manifest.get("reason"),
            "replaced_by": self.manifest.get("replaced_by"),
        }


def points(beside: Beside) -> list[UndoPoint]:
    """Return the undo points of a database, newest first."""
    pattern = f"{glob.escape(beside.real.name)}.undo-*"
    found = [point for folder in beside.folder.glob(pattern) if (point := _read(beside, folder))]
    return sorted(found, key=lambda point: (point.made, point.folder.name), reverse=True)


def find(beside: Beside, wanted: str | None) -> UndoPoint:
    """Return the undo point named `wanted`, or the newest; raise `NotFoundError`."""
    found = points(beside)
    if not found:
        raise NotFoundError(
            f"there is no undo point of {beside.real}",
            object=str(beside.real),
            hint="a moment before the promote may be restored from the replica",
        )
    if wanted is None:
        return found[0]
    matching = [point for point in found if point.name.startswith(wanted) or str(point.folder) == wanted]
    if len(matching) == 1:
        return matching[0]
    known = ", ".join(point.name for point in found[:5])
    raise NotFoundError(
        f"{len(matching) or 'no'} undo point{'s' if len(matching) > 1 else ''} of {beside.real.name} "
        f"called {wanted}",
        object=str(beside.real),
        hint=f"there are {known}",
    )


def _read(beside: Beside, folder: Path) -> UndoPoint | None:
    match = _NAME.search(folder.name)
    database = folder / beside.real.name
    if match is None or folder.is_symlink() or not database.is_file():
        return None
    manifest: dict[str, Any] = {}
    with suppress(OSError, ValueError):
        loaded = json.loads((folder / MANIFEST).read_text())
        manifest = loaded if isinstance(loaded, dict) else {}
    made = _made(match[1], manifest)
    size = sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
    beside_it = any((folder / f"{database.name}{suffix}").exists() for suffix in ("-wal", "-journal"))
    return UndoPoint(folder, database, made, size, bool(manifest.get("raw")) or beside_it, manifest)


def _made(stamp: str, manifest: dict[str, Any]) -> datetime:
    """Return when it was made: to the second by its name, finer by a manifest that agrees with it."""
    named = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    with suppress(TypeError, ValueError):
        told = datetime.fromisoformat(manifest.get("made", ""))
        if told.astimezone(UTC).replace(microsecond=0) == named:
            return told
    return named


class Draft:
    """An undo point while it is made; it has its name only once it is whole and durable."""

    def __init__(self, beside: Beside, now: datetime) -> None:
        """Make an empty one; what an attempt before this one left is removed."""
        self._beside = beside
        self._now = now
        self.name = f"{beside.real.name}.undo-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
        self.database = beside.draft / beside.real.name
        discard(beside)
        beside.draft.mkdir(mode=0o700)

    def add_link(self, source: Path) -> None:
        """Keep `source` under a second name; raise `OSError` where the file system has no links."""
        os.link(source, self._beside.draft / source.name)

    def commit(self, reason: str, *, raw: bool = False, **facts: object) -> Path:
        """Give it its name, durably; return its folder."""
        manifest = {
            "tool": __version__,
            "database": str(self._beside.real),
            "made": self._now.astimezone(UTC).isoformat(),
            "reason": reason,
            "raw": raw,
            **facts,
        }
        replace_file(self._beside.draft / MANIFEST, (json.dumps(manifest, indent=1) + "\n").encode())
        folder = self._beside.folder / self.name
        self._beside.draft.rename(folder)
        fsync_folder(self._beside.folder)
        return folder


def discard(beside: Beside) -> None:
    """Remove an undo point that was never finished."""
    if beside.draft.is_dir() and not beside.draft.is_symlink():
        shutil.rmtree(beside.draft)


def remove(point: UndoPoint) -> None:
    """Delete an undo point; after a kill in between it is gone for `points`, and `sweep` removes the rest."""
    doomed = point.folder.with_name(f".{point.folder.name}.deleted")
    point.folder.rename(doomed)
    fsync_folder(doomed.parent)
    shutil.rmtree(doomed)


def sweep(beside: Beside) -> None:
    """Remove what is left of undo points whose deletion was interrupted."""
    for folder in beside.folder.glob(f".{glob.escape(beside.real.name)}.undo-*.deleted"):
        shutil.rmtree(folder, ignore_errors=True)
