"""Who ships to a replica: numbered objects there, of which the highest has the right, each made only once.

A lease is renewed only while something is shipped, so an idle one may be taken over; whoever had it finds
out before it writes again, and never writes again. Generations have random names, so nothing is overwritten
even in the moment between.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlite_recovery_tui.clock import Clock
from sqlite_recovery_tui.errors import ObjectNotFound, RefusedError, StorageError
from sqlite_recovery_tui.formats import generations as names
from sqlite_recovery_tui.formats import sidecars
from sqlite_recovery_tui.replicate.counted import Counted

FOLDER = f"{sidecars.ROOT}lease/"
RENEW_SECONDS = 40.0
STALE = timedelta(seconds=120)
_KEY = re.compile(r"sqlrecover/lease/(?P<number>[0-9a-f]{8})\.json")


@dataclass(frozen=True, slots=True)
class Owner:
    """Who ships: a lease of the same host, folder and spool is one's own, also after a restart."""

    folder: str
    """Where its spool lies."""
    spool: str
    pid: int
    host: str = socket.gethostname()

    def is_mine(self, found: dict[str, Any]) -> bool:
        """Whether a lease that was read is this owner's, perhaps of an earlier process."""
        return (found.get("host"), found.get("folder"), found.get("spool")) == (
            self.host,
            self.folder,
            self.spool,
        )


class Taken(RefusedError):
    """Somebody else ships to the replica at this moment."""


class LeaseLost(RefusedError):
    """Somebody else has begun to ship to the replica: this process must not do so any more."""


class Lease:
    """The right to ship to one replica; taken when there is something to ship."""

    def __init__(
        self, store: Counted, owner: Owner, clock: Clock, own: Callable[[], Collection[str]]
    ) -> None:
        """Ask nothing yet; `own` returns the generations that were begun here."""
        self._store, self._owner, self._clock, self._own = store, owner, clock, own
        self._number = 0
        self._looked_at = 0.0
        self._known: set[str] = set()
        """Generations that were there before the lease was had."""
        self.lost: LeaseLost | None = None

    def check(self) -> None:
        """Take the lease, or look that it is still had; raise `Taken`, `LeaseLost`, `StorageError`."""
        if self.lost:
            raise self.lost
        if self._number and self._clock.monotonic() - self._looked_at < RENEW_SECONDS:
            return
        if self._number:
            self._look()
        else:
            self._take()
        self._looked_at = self._clock.monotonic()

    def release(self) -> None:
        """Let others have it at once; raise `StorageError`."""
        if self._number and not self.lost:
            self._store.put(_key(self._number), self._said(released=True))
            self._number = 0

    def _take(self) -> None:
        leases = self._leases()
        number = max(leases, default=0)
        if number:
            self._check_free(number)
        if not self._store.put_if_absent(_key(number + 1), self._said()):
            raise self._taken(self._read(number + 1))
        self._number = number + 1
        self._known = set(self._store.list_folders(names.ROOT))
        with suppress(StorageError):  # not everybody may delete; the highest number counts
            self._store.delete([_key(old) for old in leases])

    def _check_free(self, number: int) -> None:
        found = self._read(number)
        if found is None or found.get("released") or self._owner.is_mine(found):
            return
        if self._clock.now() - self._times[number] < STALE:
            raise self._taken(found)

    def _look(self) -> None:
        """See that nobody took the lease or began a generation here; renew it."""
        leases = self._leases()
        if leases and max(leases) > self._number:
            found = self._read(max(leases)) or {}
            self._lose(f"{_who(found)} ships to this replica now")
        folders = set(self._store.list_folders(names.ROOT))
        mine = {names.generation_prefix(generation) for generation in self._own()}
        if strange := sorted(folders - self._known - mine):
            self._lose(f"{strange[0]} was begun there by somebody else")
        self._store.put(_key(self._number), self._said())

    def _lose(self, why: str) -> None:
        hint = "two hosts must not share a replica's path: stop one of them, give it another path, restart"
        self.lost = LeaseLost(f"shipping stopped: {why}", hint=hint, object=FOLDER)
        raise self.lost

    def _taken(self, found: dict[str, Any] | None) -> Taken:
        return Taken(
            f"{_who(found or {})} ships to this replica",
            hint=f"it is taken over {int(STALE.total_seconds())} s after that one's last upload;"
            " two hosts must not share a path",
            object=FOLDER,
        )

    def _leases(self) -> list[int]:
        self._times = {
            int(match["number"], 16): info.time
            for info in self._store.list(FOLDER)
            if (match := _KEY.fullmatch(info.key))
        }
        return list(self._times)

    def _read(self, number: int) -> dict[str, Any] | None:
        try:
            found = json.loads(self._store.get(_key(number)))
        except (ObjectNotFound, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def _said(self, *, released: bool = False) -> bytes:
        said = {
            "host": self._owner.host,
            "pid": self._owner.pid,
            "folder": self._owner.folder,
            "spool": self._owner.spool,
            "renewed": self._clock.now().isoformat(),
            "released": released,
        }
        return json.dumps(said).encode() + b"\n"


def _key(number: int) -> str:
    return f"{FOLDER}{number:08x}.json"


def _who(found: dict[str, Any]) -> str:
    host, pid, folder = (str(found.get(name, "?"))[:200] for name in ("host", "pid", "folder"))
    return f"process {pid} on {host} (spool {folder})"
