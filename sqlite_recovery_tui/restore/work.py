"""The work directory beside a restore's target: what is needed to take it up again after a crash.

It lies in the target's own directory, so that the finished file reaches its name by one rename. Nothing
in it is trusted on sight: contents are hashed again, and pages that were only in memory when the machine
went down are known by the boot that wrote them.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import stat
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlite_recovery_tui.domain import Base
from sqlite_recovery_tui.errors import RecoverError, RefusedError
from sqlite_recovery_tui.replica.route import Route
from sqlite_recovery_tui.restore.image import Checkpoint

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_LOCK, _JOURNAL = "lock", "journal"


@dataclass(frozen=True, slots=True)
class Journal:
    """How far an attempt came: the base it began from, the snapshot's progress, the run of changes."""

    base: str
    """Which snapshot the file holds, by place, name, size and time."""
    checkpoint: Checkpoint | None = None
    complete: bool = False
    """Whether the whole snapshot is written."""
    applying: str = ""
    """Identity of the changes that are being laid over the snapshot."""
    boot: str = ""
    counter: int | None = None
    """Page 1's change counter in the snapshot, which the changes overwrite."""


class WorkDir:
    """One restore's own directory; locked while it runs."""

    def __init__(self, output: Path) -> None:
        """Make or take up the directory for `output`; raise `RefusedError` while another one runs."""
        self.path = work_path(output)
        try:
            self._lock = self._open_lock()
            while not self._take_lock(output):
                os.close(self._lock)
                self._lock = self._open_lock()
        except OSError as error:
            raise RecoverError(
                f"cannot write beside {output}: {error.strerror}", object=str(output.parent)
            ) from None

    def _open_lock(self) -> int:
        self.path.mkdir(mode=0o700, exist_ok=True)
        status = self.path.lstat()
        ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()
        if not ours or status.st_mode & 0o077:
            raise RefusedError(
                f"{self.path} is not a directory of our own making", object=str(self.path), hint="remove it"
            )
        return os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)

    def _take_lock(self, output: Path) -> bool:
        """Take the lock; return False when its holder removed the directory meanwhile."""
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise RefusedError(
                f"another restore to {output} is running",
                object=str(output),
                hint="wait for it, or choose -o",
            ) from None
        return os.fstat(self._lock).st_nlink > 0

    @property
    def database(self) -> Path:
        """The file under construction."""
        return self.path / "database"

    @property
    def marks(self) -> Path:
        """What the snapshot held where the first WAL overwrote it."""
        return self.path / "marks"

    @property
    def spool(self) -> Path:
        """Frames of a transaction too large for memory."""
        return self.path / "transaction"

    @property
    def _lock_path(self) -> Path:
        return self.path / _LOCK

    @property
    def _journal(self) -> Path:
        return self.path / _JOURNAL

    def load(self, url: str, base: Base, identity: str) -> Journal:
        """Return the journal of an attempt that one from `base` can go on from, a fresh one otherwise."""
        self.spool.unlink(missing_ok=True)
        fresh = Journal(base=base_identity(url, base))
        journal = self._read()
        usable = (
            journal is not None
            and journal.base == fresh.base
            and self.database.exists()
            and (not journal.applying or (journal.applying == identity and journal.boot == boot()))
        )
        if usable and journal is not None:
            return journal
        self.begin_anew()
        return fresh

    def begin_anew(self) -> None:
        """Remove what an earlier attempt wrote."""
        # First the journal: what it says must never be taken for the file that is written next.
        self._journal.unlink(missing_ok=True)
        self.database.unlink(missing_ok=True)
        self.marks.unlink(missing_ok=True)

    def save(self, journal: Journal) -> None:
        """Replace the journal; after a kill it is the old one or the new one."""
        self.note(asdict(journal))

    def note(self, values: dict[str, Any]) -> None:
        """Replace the journal by any `values`, for builds that keep one of their own kind."""
        replace_text(self._journal, json.dumps(values))

    def noted(self) -> dict[str, Any]:
        """Return what the journal says, empty where it says nothing."""
        return noted_in(self.path)

    def applying(self, journal: Journal, identity: str, counter: int | None) -> Journal:
        """Return the journal for the phase in which changes are laid over the snapshot."""
        return Journal(journal.base, journal.checkpoint, True, identity, boot(), counter)

    def remove(self) -> None:
        """Remove the directory and all in it, the lock last: until then nobody else begins in there."""
        for path in [path for path in self.path.glob("*") if path != self._lock_path] + [self._lock_path]:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                with suppress(OSError):
                    path.unlink()
        with suppress(OSError):
            self.path.rmdir()

    def close(self) -> None:
        """Let go of the lock."""
        os.close(self._lock)

    def _read(self) -> Journal | None:
        values = self.noted()
        try:
            checkpoint = values.pop("checkpoint")
            return Journal(**values, checkpoint=Checkpoint(**checkpoint) if checkpoint else None)
        except (ValueError, TypeError, KeyError, AttributeError):
            return None


def work_path(output: Path) -> Path:
    """Return the work directory of a restore to `output`."""
    return output.parent / f".{output.name}.sqlrecover"


def noted_in(work: Path) -> dict[str, Any]:
    """Return what the journal of a work directory says, empty where it says nothing."""
    try:
        values = json.loads((work / _JOURNAL).read_text())
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def is_locked(work: Path) -> bool:
    """Tell whether a restore is at work in a work directory right now."""
    try:
        fd = os.open(work / _LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def replace_text(path: Path, text: str) -> None:
    """Write `text` to `path`, readable by us alone; after a kill the file is the old one or the new one."""
    temporary = path.with_name(f"{path.name}.new")
    temporary.unlink(missing_ok=True)
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(fd, "w") as file:
        file.write(text)
    temporary.replace(path)


def base_identity(url: str, base: Base) -> str:
    """Return what tells one snapshot object from another, also under the same name."""
    return "|".join([url, base.key, str(base.size), base.time.isoformat(), base.etag or ""])


def changes_identity(route: Route) -> str:
    """Return what tells one run of changes from another."""
    digest = hashlib.sha256(str(route.reached).encode())
    for change in route.changes:
        digest.update(f"{change.key}|{change.size}|{change.time.isoformat()}|{change.etag}\n".encode())
    return digest.hexdigest()


def boot() -> str:
    """Return what tells this run of the machine from others, empty where nothing does."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""
