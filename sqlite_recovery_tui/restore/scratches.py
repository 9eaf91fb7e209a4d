"""The scratch databases there are: where each is from, and their end.

What has no manifest of ours is not a scratch. Removing takes the name away first, in one step, so that
nobody opens half of what is being deleted.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, Literal

from sqlite_recovery_tui.durable import fsync_folder, unfinished
from sqlite_recovery_tui.errors import NotFoundError, RecoverError, RefusedError
from sqlite_recovery_tui.restore.place import SIDECARS, open_by
from sqlite_recovery_tui.restore.scratch import MANIFEST
from sqlite_recovery_tui.restore.travelling.note import MOVING, other, staged
from sqlite_recovery_tui.restore.work import is_locked, work_path

_DELETED = ".deleted-"

Verdict = Literal["damaged", "incomplete", "checked", "restored"]
"""Checks found damage; it ends in front of damage; checks passed; it was not checked yet."""


@dataclass(frozen=True)
class Scratch:
    """One restored copy in the scratch directory."""

    path: Path
    size: int
    """Bytes of the database file."""
    made: datetime
    manifest: dict[str, Any]

    @property
    def folder(self) -> Path:
        """The directory of its own that it lies in."""
        return self.path.parent

    @property
    def name(self) -> str:
        """What it is called: its directory, which no other scratch shares."""
        return self.folder.name

    @property
    def database(self) -> str:
        """The database it is a copy of, by its base name; of a bare URL the file's own name."""
        return Path(self._text("database")).name or self.path.name

    @property
    def family(self) -> str:
        """What all scratches of one database have in common."""
        return self._text("database") or self._text("url")

    @property
    def replica(self) -> str:
        """The replica it was restored from."""
        return self._text("replica")

    @property
    def url(self) -> str:
        """Where that replica is."""
        return self._text("url")

    @property
    def time(self) -> datetime | None:
        """When its state was stored."""
        return _moment(self._text("time"))

    @property
    def position(self) -> str:
        """Where in history its state is, as object names spell it."""
        value = self.manifest.get("position")
        match value:
            case {"txid": str(txid)}:
                return txid
            case {"generation": str(generation), "index": int(index), "offset": int(offset)}:
                return f"{generation}/{index:08x}:{offset:08x}"
            case _:
                return ""

    @property
    def continuity(self) -> str:
        """What its restore showed of the chain: proven, consistent; empty while that is not known."""
        return self._text("continuity")

    @property
    def verdict(self) -> Verdict:
        integrity = self.manifest.get("integrity")
        checked = integrity.get("ok") if isinstance(integrity, dict) else None
        if checked is False or self.continuity == "damaged":
            return "damaged"
        if self.manifest.get("lost") or MOVING in self.manifest:
            return "incomplete"
        return "checked" if checked else "restored"

    @property
    def state(self) -> str:
        """Say in words what is known of it: its chain, and what checks found."""
        if MOVING in self.manifest:
            return "being moved to another state, or a move was interrupted"
        chain = f"{self.continuity}, " if self.continuity else ""
        match self.verdict:
            case "damaged":
                return "damaged"
            case "incomplete":
                return "not everything is there"
            case "checked":
                return f"{chain}checks passed"
            case "restored":
                return f"{chain}not checked"

    def to_json(self) -> dict[str, Any]:
        """Return the scratch as `scratch --json` prints it."""
        time = self.time
        return {
            "name": self.name,
            "path": str(self.path),
            "size": self.size,
            "made": _rfc3339(self.made),
            "database": self._text("database") or None,
            "replica": self.replica or None,
            "url": self.url or None,
            "position": self.manifest.get("position"),
            "time": _rfc3339(time) if time else None,
            "continuity": self.continuity or None,
            "integrity": self.manifest.get("integrity"),
            "verdict": self.verdict,
        }

    def _text(self, key: str) -> str:
        value = self.manifest.get(key)
        return value if isinstance(value, str) else ""


def scratches(folder: Path) -> list[Scratch]:
    """Return the scratch databases in `folder`, newest first; what has no manifest is not ours."""
    found = [scratch for manifest in folder.glob(f"*/{MANIFEST}") if (scratch := _read(manifest))]
    return sorted(found, key=lambda scratch: (scratch.made, scratch.name), reverse=True)


def find(folder: Path, name: str) -> Scratch:
    """Return the scratch with this name, or whose file this is; raise `NotFoundError`."""
    for scratch in scratches(folder):
        if name in (scratch.name, str(scratch.path), str(scratch.folder)):
            return scratch
    raise NotFoundError(
        f"no scratch database is named {name}",
        object=name,
        hint=f"`sqlrecover scratch` lists those in {folder}",
    )


def holders(scratch: Scratch) -> str:
    """Say who uses a scratch, as far as can be seen; empty when nobody does."""
    if is_locked(work_path(scratch.path)):
        return "a restore"
    return ", ".join(f"{name} (pid {pid})" for pid, name in open_by(scratch.path))


def remove(scratch: Scratch) -> None:
    """Delete a scratch with its directory.

    Raises `RefusedError` for one that is open somewhere or whose directory holds anything else, and
    `RecoverError` when it cannot be deleted; then it is still there.
    """
    _refuse_foreign(scratch)
    _refuse_used(scratch)
    try:
        away = _rename_away(scratch.folder)
        fsync_folder(away.parent)
    except OSError as error:
        raise RecoverError(
            f"cannot delete {scratch.folder}: {error.strerror}", object=str(scratch.folder)
        ) from None
    try:
        _refuse_used(Scratch(away / scratch.path.name, scratch.size, scratch.made, scratch.manifest))
    except RefusedError:  # somebody opened it between the look and the renaming
        away.rename(scratch.folder)
        raise
    shutil.rmtree(away, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Delete what an earlier deletion left that was killed half-way."""
    for left in folder.glob(f"{_DELETED}*"):
        if left.is_dir() and not left.is_symlink() and left.lstat().st_uid == os.geteuid():
            shutil.rmtree(left, ignore_errors=True)


def _refuse_foreign(scratch: Scratch) -> None:
    """Raise `RefusedError` where a directory holds something that no restore put there."""
    name = scratch.path.name
    ours = {
        name,
        *(f"{name}{suffix}" for suffix in SIDECARS),
        MANIFEST,
        unfinished(Path(MANIFEST)).name,
        work_path(scratch.path).name,
        staged(scratch.path).name,
        other(scratch.path).name,
        work_path(staged(scratch.path)).name,
    }
    try:
        foreign = sorted(item.name for item in scratch.folder.iterdir() if item.name not in ours)
        stranger = scratch.folder.is_symlink() or scratch.folder.lstat().st_uid != os.geteuid()
    except OSError as error:
        raise NotFoundError(
            f"{scratch.folder} is gone: {error.strerror}", object=str(scratch.folder)
        ) from None
    if stranger:
        raise RefusedError(
            f"{scratch.folder} is not a directory of our own making", object=str(scratch.folder)
        )
    if foreign:
        raise RefusedError(
            f"{scratch.folder} also holds {', '.join(foreign[:3])}",
            object=str(scratch.folder),
            hint="move it away first, or delete the directory yourself",
        )


def _refuse_used(scratch: Scratch) -> None:
    if used := holders(scratch):
        raise RefusedError(
            f"{scratch.path} is open in {used}", object=str(scratch.path), hint="close it there first"
        )


def _rename_away(folder: Path) -> Path:
    for number in count(1):
        away = folder.with_name(f"{_DELETED}{folder.name}-{os.getpid()}-{number}")
        if not os.path.lexists(away):
            return folder.rename(away)
    raise AssertionError


def _read(manifest: Path) -> Scratch | None:
    try:
        content = json.loads(manifest.read_text())
        path = manifest.parent / Path(content["output"]).name
        status = path.stat()
        made = _moment(content.get("made")) or datetime.fromtimestamp(manifest.stat().st_mtime, UTC)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    deleted = manifest.parent.name.startswith(_DELETED)
    if deleted or path == manifest or not path.is_file() or manifest.parent.is_symlink():
        return None
    return Scratch(path, status.st_size, made, content)


def _moment(written: object) -> datetime | None:
    if not isinstance(written, str):
        return None
    with suppress(ValueError):
        moment = datetime.fromisoformat(written)
        return moment if moment.tzinfo is not None else None
    return None


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
