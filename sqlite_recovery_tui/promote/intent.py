"""What a promote is about to do, written down before it does it: for whoever finds it unfinished."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Literal

from sqlite_recovery_tui import __version__
from sqlite_recovery_tui.durable import fsync_folder, replace_file
from sqlite_recovery_tui.errors import RefusedError
from sqlite_recovery_tui.promote.beside import Beside
from sqlite_recovery_tui.promote.choice import Mode

Phase = Literal["preparing", "changing", "finishing"]
"""Nothing changed yet; one atomic step decides; it has to be carried on to its end."""
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Intent:
    """One promote under way."""

    mode: Mode
    phase: Phase
    sha256: str
    """Of the new file."""
    source: str
    """Where the new file is, for comparison."""
    started: str
    """When, in UTC."""
    inode: int = 0
    """Of the staged file, which gets the database's name."""
    was_wal: bool = False
    """Whether the database has to be set back to its write-ahead log when nothing comes of it."""
    undo: str = ""
    """The name of the undo point's folder."""

    def write(self, beside: Beside) -> None:
        """Write it down durably."""
        values = {"version": _VERSION, "tool": __version__, **asdict(self)}
        replace_file(beside.intent, (json.dumps(values, indent=1) + "\n").encode())


def read(beside: Beside) -> Intent | None:
    """Return what was under way; None for nothing; raise `RefusedError` when it cannot be read."""
    try:
        values = json.loads(beside.intent.read_text())
        if values.pop("version") != _VERSION:
            raise ValueError("it is of another version of sqlrecover")
        values.pop("tool")
        return Intent(**values)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise RefusedError(
            f"{beside.intent} says that a promote was interrupted, and cannot be read: {error}",
            object=str(beside.intent),
            hint="use the version of sqlrecover that wrote it; the database itself is whole",
        ) from None


def remove(beside: Beside) -> None:
    """Nothing is under way any more."""
    beside.intent.unlink(missing_ok=True)
    fsync_folder(beside.folder)
