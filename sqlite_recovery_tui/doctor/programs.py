"""Which programs have a database open, and which SQLite each of them carries (Linux, by /proc)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlite_recovery_tui.doctor import sqlite_version
from sqlite_recovery_tui.doctor.sqlite_version import Version
from sqlite_recovery_tui.restore.place import open_by

_PROC = Path("/proc")
_LIKELY = ("sqlite", "apsw")


@dataclass(frozen=True, slots=True)
class Program:
    """A process that has a database open; `version` is None where its SQLite could not be found."""

    pid: int
    name: str
    version: Version | None = None
    library: str = ""
    """The file that holds its SQLite."""

    def __str__(self) -> str:
        return f"{self.name} (pid {self.pid})"


def using(database: Path) -> list[Program]:
    """Return every visible process that has a database or a file beside it open."""
    return [_program(pid, name) for pid, name in open_by(database)]


def _program(pid: int, name: str) -> Program:
    process = _PROC / str(pid)
    for mapped in _mapped(process):
        with suppress(OSError):  # gone meanwhile, replaced by an upgrade, or not ours to read
            found = sqlite_version.in_file(_as_seen_from_here(process, mapped))
            if found.has_sqlite:
                return Program(pid, name, found.version, mapped)
    return Program(pid, name)


def _mapped(process: Path) -> list[str]:
    """Return the files of a process that may hold SQLite: libraries by their name, then the program."""
    try:
        lines = (process / "maps").read_text(errors="surrogateescape").splitlines()
        program = str((process / "exe").readlink())
    except OSError:
        return []
    fields = [line.split(maxsplit=5) for line in lines]
    code = dict.fromkeys(one[5] for one in fields if len(one) == 6 and "x" in one[1] and one[5][0] == "/")
    likely = [path for path in code if any(word in path.rpartition("/")[2].lower() for word in _LIKELY)]
    packaged = [path for path in code if "/apsw/" in path]
    return [*likely, *packaged, program]


def _as_seen_from_here(process: Path, path: str) -> Path:
    """Return where a file of a process is found, which may live in a container."""
    inside = process / "root" / path.lstrip("/")
    try:
        inside.stat()
    except OSError:
        return Path(path)
    return inside
