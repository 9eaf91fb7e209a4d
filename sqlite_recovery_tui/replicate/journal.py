"""The spool's list of items on disk: lines that are only added, each durable before it counts."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from sqlite_recovery_tui.replicate import spool_files
from sqlite_recovery_tui.replicate.items import Item, from_line, to_line

LARGE_BYTES = 1 << 20
"""From here on the journal is written anew when its first items are no longer needed."""


class Journal:
    """The items of one spool; its first line is the spool's own id, which is another after damage."""

    def __init__(self, path: Path) -> None:
        """Read what holds of the journal at `path`, or begin one; a torn last line is cut off."""
        self._path = path
        self._fd = -1
        self.id, self.trimmed, self.items = self._read()
        self.write_anew(self.items, self.trimmed)

    @property
    def is_large(self) -> bool:
        """Whether it is worth writing it anew without the items that are done."""
        return self._size > LARGE_BYTES

    def add(self, *items: Item) -> None:
        """Add items, durably; raise OSError, and then they are not there."""
        lines = b"".join(map(to_line, items))
        try:
            spool_files.write_at(self._fd, lines, self._size)
            os.fsync(self._fd)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._fd, self._size)
            raise
        self._size += len(lines)
        self.items.extend(items)

    def write_anew(self, items: Iterable[Item], trimmed: int) -> None:
        """Keep only `items`, all up to number `trimmed` being done; raise OSError, and then all are kept."""
        kept = list(items)
        head = json.dumps({"spool": self.id, "version": 1, "trimmed": trimmed}).encode() + b"\n"
        size = spool_files.write_whole(self._path, [head, *map(to_line, kept)])
        descriptor = os.open(self._path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        self.close()
        self._fd, self._size, self.items, self.trimmed = descriptor, size, kept, trimmed

    def close(self) -> None:
        """Let go of the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _read(self) -> tuple[str, int, list[Item]]:
        """Return the spool's id, what is done, and its items; a new id when more than the end is broken."""
        with suppress(FileNotFoundError, ValueError, KeyError, TypeError), self._path.open("rb") as file:
            head = json.loads(file.readline())
            items = [from_line(line) for line in file]
            if items and items[-1] is None:
                items.pop()
            if None not in items:
                return head["spool"], head["trimmed"], [item for item in items if item is not None]
        return secrets.token_hex(8), 0, []
