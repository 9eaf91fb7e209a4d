"""What lies beside a live copy: its state, Litestream's own mark of it, and the lock of its one follower.

Before an update the state names where the copy stands and where the update leads; which of both holds is
told by the file itself. Litestream's mark is absent while an update is under way.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlite_recovery_tui import __version__
from sqlite_recovery_tui.domain import Place, Txid
from sqlite_recovery_tui.durable import fsync_folder, replace_file
from sqlite_recovery_tui.errors import RecoverError, RefusedError
from sqlite_recovery_tui.restore.live import faults
from sqlite_recovery_tui.restore.live.mark import LTX, Held, Mark, digest
from sqlite_recovery_tui.sqlite.hot_journal import journal_of

_VERSION = 1
_TXID = re.compile(r"[0-9a-f]{16}\n?")


@dataclass(frozen=True, slots=True)
class State:
    """Where a copy stands: at `held`, or at `next` when the last update was carried out."""

    url: str
    held: Held
    next: Held | None = None

    def of_file(self, first: bytes, pages: int) -> Held | None:
        """Return the one of both that a file with this page 1 and size is at; None for neither."""
        candidates = (self.next, self.held)
        return next((held for held in candidates if held is not None and held.is_of(first, pages)), None)


class Beside:
    """The files that belong to the copy at `path`."""

    def __init__(self, path: Path) -> None:
        """Name them; nothing is touched."""
        self.copy = path
        self.folder = path.parent
        self.journal = journal_of(path)
        self.txid = Path(f"{path}-txid")
        self.state = self.folder / f".{path.name}.sqlrecover-follow"
        self.lock = self.folder / f".{path.name}.sqlrecover-follow.lock"
        self.draft = self.folder / f".{path.name}.sqlrecover-journal"
        """The journal while it is written; only a complete one gets the name that SQLite looks for."""
        self.staging = self.folder / f".{path.name}.sqlrecover-base"
        """A whole restore, before the copy takes over its content."""

    def read_state(self) -> State | None:
        """Return the state; None without one; raise `RefusedError` for one that cannot be read."""
        try:
            values = json.loads(self.state.read_text())
            if values["version"] != _VERSION:
                raise ValueError(f"version {values['version']}")
            following = values["next"]
            return State(
                str(values["url"]),
                Held.from_json(values["held"]),
                Held.from_json(following) if following else None,
            )
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise RefusedError(
                f"{self.state} does not say where {self.copy.name} stands: {error}",
                object=str(self.state),
                hint="follow into another file with -o, or remove both",
            ) from None

    def write_state(self, state: State) -> None:
        """Replace the state; after a kill or a power cut it is the old one or the new one."""
        values = {
            "version": _VERSION,
            "tool": __version__,
            "url": state.url,
            "held": state.held.to_json(),
            "next": state.next.to_json() if state.next else None,
        }
        replace_file(self.state, (json.dumps(values, indent=1) + "\n").encode())

    def read_txid(self) -> tuple[Txid, datetime] | None:
        """Return Litestream's mark and when it was written; None without one."""
        try:
            text = self.txid.read_text()
            time = datetime.fromtimestamp(self.txid.stat().st_mtime, UTC)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise RefusedError(f"cannot read {self.txid}: {error}", object=str(self.txid)) from None
        if not _TXID.fullmatch(text):
            raise RefusedError(
                f"{self.txid} does not hold a TXID",
                object=str(self.txid),
                hint="follow into another file with -o, or remove both",
            )
        return Txid(int(text, 16)), time

    def write_txid(self, place: Place, mode: int) -> None:
        """Leave the mark by which Litestream's own follower goes on; none in a replica without TXIDs."""
        if isinstance(place, Txid):
            replace_file(self.txid, f"{place.label}\n".encode(), mode=mode)
        else:
            self.drop_txid()

    def drop_txid(self) -> None:
        """Take Litestream's mark away."""
        self.txid.unlink(missing_ok=True)

    def drop_second_name(self) -> None:
        """Take from the copy the name that it was restored under, which a kill may have left it."""
        with suppress(FileNotFoundError):
            if self.staging.samefile(self.copy):
                self.staging.unlink()

    def sync(self) -> None:
        """Make the names of all these files durable."""
        fsync_folder(self.folder)


def recognise(beside: Beside, url: str, first: bytes, pages: int) -> Held:
    """Return where a copy with this page 1 and size stands; raise `RefusedError`, `CopyChanged`.

    Litestream's mark counts where it says something else than ours: then its own follower went on from
    this copy, or made it; and that is its word alone.
    """
    state = _read_state_of(beside, url)
    held = state.of_file(first, pages) if state is not None else None
    left = beside.read_txid()
    if left is not None and _went_on(state, held, left[0]):
        shift = held.schema_shift if held is not None else 0
        return Held(Mark(*left, LTX), digest(first), pages, shift)
    if held is not None:
        return held
    if state is not None:
        raise faults.changed(beside.copy, "was written to by somebody else")
    raise RefusedError(
        f"nothing beside {beside.copy} says which state of a replica it holds",
        object=str(beside.copy),
        hint="choose another -o, or restore anew over it with -force",
    )


def recognise_ours(beside: Beside, url: str, first: bytes, pages: int) -> Held:
    """Return which of the two states that we know of such a copy is at; raise `CopyChanged` for any other.

    For the time between two updates of one follower: what it does next is meant for one of these.
    """
    state = _read_state_of(beside, url)
    held = state.of_file(first, pages) if state is not None else None
    left = beside.read_txid()
    if held is None or (left is not None and left[0] != held.mark.place):
        raise faults.changed(beside.copy, "was written to by somebody else")
    return held


def _read_state_of(beside: Beside, url: str) -> State | None:
    state = beside.read_state()
    if state is not None and state.url != url:
        raise RefusedError(
            f"{beside.copy} follows {state.url}, not {url}",
            object=str(beside.copy),
            hint="choose another -o, or restore anew over it with -force",
        )
    return state


def _went_on(state: State | None, held: Held | None, left: Txid) -> bool:
    """Tell whether Litestream's mark is not the one that we left."""
    if held is not None:
        return isinstance(held.mark.place, Txid) and held.mark.place != left
    ours = (state.held, state.next) if state is not None else ()
    return all(known is None or known.mark.place != left for known in ours)


class CopyLock:
    """Keeps a second follower off one copy, from before the copy is there."""

    def __init__(self, path: Path) -> None:
        """Take the lock; raise `RefusedError` while another process has it."""
        self.beside = Beside(path.absolute())
        try:
            self._fd = self._open()
            while not self._take():
                os.close(self._fd)
                self._fd = self._open()
        except OSError as error:
            raise RecoverError(
                f"cannot write beside {path}: {error.strerror}", object=str(self.beside.folder)
            ) from None

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(self.beside.lock, flags, 0o600)

    def _take(self) -> bool:
        """Take the lock; return False when its holder removed the file meanwhile."""
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._fd)
            raise RefusedError(
                f"another process follows into {self.beside.copy}",
                object=str(self.beside.copy),
                hint="end it first, or choose another -o",
            ) from None
        return os.fstat(self._fd).st_nlink > 0

    def release(self) -> None:
        """Let the next one follow."""
        with suppress(OSError):
            self.beside.lock.unlink()
        os.close(self._fd)
