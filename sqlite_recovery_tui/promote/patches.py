"""Patches: the SQL that takes a rescue back, kept beside the database, written durably before any row is."""

from __future__ import annotations

import glob
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlite_recovery_tui.durable import NEW, fsync_folder
from sqlite_recovery_tui.promote.beside import Beside

_NAME = re.compile(r"\.rescue-(\d{8}T\d{6}Z)-\w+\.sql\Z")


@dataclass(frozen=True, slots=True)
class Patch:
    """Statements that take one rescue back."""

    file: Path
    made: datetime
    size: int
    """In bytes."""

    @property
    def name(self) -> str:
        """How people name it: the end of the file's name."""
        return self.file.name.rpartition(".rescue-")[2].removesuffix(".sql")

    def to_json(self) -> dict[str, Any]:
        """Return it as the command line's `--json` contract has it."""
        return {
            "name": self.name,
            "file": str(self.file),
            "made": self.made.isoformat(),
            "size": self.size,
            "reason": "rescue",
        }


def patches(beside: Beside) -> list[Patch]:
    """Return the patches of a database, newest first."""
    found = [patch for file in beside.folder.glob(_pattern(beside)) if (patch := _read(file))]
    return sorted(found, key=lambda patch: (patch.made, patch.file.stat().st_mtime_ns), reverse=True)


def _pattern(beside: Beside) -> str:
    return f"{glob.escape(beside.real.name)}.rescue-*.sql"


def _read(file: Path) -> Patch | None:
    match = _NAME.search(file.name)
    if match is None or file.is_symlink() or not file.is_file():
        return None
    made = datetime.strptime(match[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return Patch(file, made, file.stat().st_size)


def write(beside: Beside, statements: Iterator[str], now: datetime) -> Path:
    """Write the statements that take a rescue back, in their order, durably; return the file."""
    stamp = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    path = beside.folder / f"{beside.real.name}.rescue-{stamp}.sql"
    fd = os.open(path, NEW, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8", errors="surrogatepass") as file:
        file.write(f"-- Takes back what was written to {beside.real.name}; run it with the sqlite3 shell.\n")
        # No cascade may take what was written since; what would point nowhere then is printed.
        file.write("PRAGMA foreign_keys = OFF;\nBEGIN IMMEDIATE;\n")
        for statement in statements:
            file.write(f"{statement}\n")
        file.write("COMMIT;\nPRAGMA foreign_key_check;\n")
        file.flush()
        os.fsync(file.fileno())
    fsync_folder(beside.folder)
    return path


def remove(patch: Patch) -> None:
    """Delete a patch."""
    patch.file.unlink(missing_ok=True)
    fsync_folder(patch.file.parent)
