"""The engine of `sqlrecover replicate` at a story's pace: looked with and shipped by when the story says so.

What it writes is what the daemon writes; only the clock is the story's, and the generations have names
that are the same each time.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from sqlite_recovery_tui.clock import FixedClock
from sqlite_recovery_tui.config import DatabaseConfig
from sqlite_recovery_tui.demo.folder import folder_sink
from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.formats import generations, sidecars
from sqlite_recovery_tui.replicate.follow import Follower
from sqlite_recovery_tui.replicate.followed import FollowOptions
from sqlite_recovery_tui.replicate.ship import Shipper
from sqlite_recovery_tui.replicate.spool import Spool
from sqlite_recovery_tui.storage.memory import MemoryStore

_SEEN = timedelta(milliseconds=20)
"""How long after a commit it is seen."""
_NEXT_REPLICA, _SNAPSHOT_TAKES = timedelta(milliseconds=300), timedelta(milliseconds=100)
_IN_MEMORY = Path("/dev/shm")  # noqa: S108  (a folder of its own is made in it)
_NEEDED_BYTES = 64 << 20
_STOP_SECONDS = 5.0


class Replication:
    """One database replicated to `stores`, by the names of its replicas; closed when its daemon ends."""

    def __init__(
        self,
        database: DatabaseConfig,
        stores: Mapping[str, MemoryStore],
        spool: Path,
        clock: FixedClock,
        ids: Iterator[str],
    ) -> None:
        """Begin at the clock's time; what waits is kept in `spool`, generations are named by `ids`."""
        self._clock = clock
        self._spool = Spool(spool, list(stores), clock=clock, new_id=lambda: next(ids))
        self._follower = Follower(database.path, self._spool, clock, FollowOptions.of(database))
        self._shippers = [
            Shipper(self._spool, stores[replica.name], replica, clock=clock) for replica in database.replicas
        ]
        started = self._follower.start()
        self._refuse(started.detail if started.how == "waiting" else "", what="follow")

    def look(self, moment: datetime) -> None:
        """Hand on what was committed at `moment`; fold the log in when it is time to."""
        self._clock.moment = moment + _SEEN
        self._refuse(self._follower.poll().detail, what="follow")
        self._follower.tend()

    def ship(self, moment: datetime, *, rest: bool = False) -> None:
        """Ship to one replica after the other from `moment` on; all of the `rest` if it is not due either."""
        for place, shipper in enumerate(self._shippers):
            self._clock.moment = moment + place * _NEXT_REPLICA
            self._send(shipper, rest=rest)
            if self._spool.wanted is not None:
                self._clock.moment += _SNAPSHOT_TAKES
                self._take_snapshot()
                self._send(shipper, rest=True)

    def stop(self) -> None:
        """End as the daemon does; what is not shipped stays in the spool."""
        self._refuse(self._follower.stop(_STOP_SECONDS).detail, what="follow")
        self._spool.close()

    def _send(self, shipper: Shipper, *, rest: bool) -> None:
        shipper.flush() if rest else shipper.step()
        shipper.settle()
        trouble = shipper.status.trouble
        self._refuse(str(trouble.error) if trouble else "", what="ship")

    def _take_snapshot(self) -> None:
        """Give the spool the snapshot that a replica has asked for."""
        frozen = self._follower.freeze()
        if frozen is None:
            raise RecoverError("cannot replicate the demo: its database could not be held")
        self._spool.snapshot(frozen)
        self._follower.thaw()

    def _refuse(self, trouble: str, *, what: str) -> None:
        """Raise `RecoverError` for what the engine would try again later."""
        if trouble:
            raise RecoverError(f"cannot {what} the demo's database: {trouble}")


@contextmanager
def quick_folder(otherwise: Path) -> Iterator[Path]:
    """Give a folder that is gone at the end: in memory, where nothing waits for a disk, or in `otherwise`."""
    has_room = _IN_MEMORY.is_dir() and shutil.disk_usage(_IN_MEMORY).free > _NEEDED_BYTES
    place = _IN_MEMORY if has_room and os.access(_IN_MEMORY, os.W_OK) else otherwise
    with tempfile.TemporaryDirectory(prefix="sqlrecover-demo-", dir=place) as folder:
        yield Path(folder)


def lay_out(store: MemoryStore, folder: Path) -> None:
    """Write what was shipped below `folder`, with its times; the daemon's lease ended with the daemon."""
    sink = folder_sink(folder)
    for page in store.list():
        for info in page:
            if generations.parse_key(info.key) or sidecars.parse_key(info.key):
                sink(info.key, [store.get(info.key)], info.time)
