"""What lies beside a production database while it is replaced: names, the lock."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from sqlite_recovery_tui.errors import RecoverError, RefusedError


class Beside:
    """The names that belong to the database at `path`, whose links are followed to the file itself."""

    def __init__(self, path: Path) -> None:
        """Name them; nothing is touched."""
        self.named = path
        self.real = Path(os.path.realpath(path))
        self.folder = self.real.parent
        name = self.real.name
        self.wal = self.folder / f"{name}-wal"
        self.shm = self.folder / f"{name}-shm"
        self.journal = self.folder / f"{name}-journal"
        self.intent = self.folder / f".{name}.sqlrecover-promote"
        self.lock = self.folder / f".{name}.sqlrecover-promote.lock"
        self.staged = self.folder / f".{name}.sqlrecover-promote.new"
        """The new file, complete and durable, before it gets its name."""
        self.draft = self.folder / f".{name}.sqlrecover-promote.undo"
        """The undo point while it is made."""

    def __str__(self) -> str:
        """Name the database as it was named, and where that leads to when it is by a link."""
        is_direct = self.real == self.named.absolute()
        return str(self.named) if is_direct else f"{self.named} → {self.real}"

    @property
    def sidecars(self) -> tuple[Path, ...]:
        """What SQLite keeps beside the database."""
        return self.wal, self.shm, self.journal


class PromoteLock:
    """Keeps a second promote or undo off one database, for as long as the context lasts."""

    def __init__(self, beside: Beside) -> None:
        """Take nothing yet."""
        self._beside = beside
        self._fd = -1

    def __enter__(self) -> None:
        """Take the lock; raise `RefusedError` while another process has it."""
        try:
            while not self._take():
                os.close(self._fd)
        except OSError as error:
            raise RecoverError(
                f"cannot write beside {self._beside.real}: {error.strerror}",
                object=str(self._beside.folder),
                hint="run as the user that owns the database, or as root",
            ) from None

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._beside.lock.unlink()
        os.close(self._fd)

    def _take(self) -> bool:
        """Take the lock; return False when its holder removed the file meanwhile."""
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._fd = os.open(self._beside.lock, flags, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._fd)
            raise RefusedError(
                f"another process replaces {self._beside.real} at this moment",
                object=str(self._beside.real),
                hint="wait until it has ended",
            ) from None
        return os.fstat(self._fd).st_nlink > 0
