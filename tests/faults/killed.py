"""Restore in a process of its own that kills itself, as `kill -9` would, once a phase has come far enough.

    python -m tests.faults.killed URL OUT PHASE SHARE

PHASE begins one of the restore's phases ("fetching snapshot", "applying WAL", "writing to disk", "placing"),
SHARE is how much of it (0 to 1) is let through, of placing how many calls. Without words it is served as
`tests.support.victims` says, with these words and whether to replace what is there; "done" says that the
restore was done before that.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from sqlite_recovery_tui.config import replica_from_url
from sqlite_recovery_tui.progress import Progress
from sqlite_recovery_tui.replica.scan import scan
from sqlite_recovery_tui.restore import place
from sqlite_recovery_tui.restore.plan import make_plan
from sqlite_recovery_tui.restore.run import RestoreOptions, restore
from sqlite_recovery_tui.restore.target import Latest
from sqlite_recovery_tui.storage.open import open_store
from tests.support.victims import serve

PLACING = ("mkdir", "chmod", "chown", "link", "remove", "rename", "rmdir")


def carry_out(url: str, output: str, phase: str, share: float, force: bool = False) -> str:
    """Restore the newest state, and die on the way."""
    store = open_store(replica_from_url(url))
    plan = make_plan(scan(store), Latest(), database=None, replica="test", url=store.url)
    if phase == "placing":
        _die_at_call(int(share))

    def on_progress(report: Progress) -> None:
        total = report.total or 1
        if report.phase == phase and report.done >= share * total:
            _die()

    restore(store, plan, RestoreOptions(Path(output), force=force, parallelism=2), progress=on_progress)
    return "done"


def _die_at_call(number: int) -> None:
    """Die right before the `number`-th call that changes names on disk while the file is placed."""
    count = 0
    placing = False

    def audit(event: str, _args: tuple[object, ...]) -> None:
        nonlocal count
        if placing and event.startswith("os.") and event.removeprefix("os.") in PLACING:
            if count == number:
                _die()
            count += 1

    original = place.place

    def watched(*args: object, **more: object) -> object:
        nonlocal placing
        placing = True
        return original(*args, **more)  # type: ignore[arg-type]

    place.place = watched  # type: ignore[assignment]
    sys.addaudithook(audit)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    if sys.argv[1:]:
        carry_out(*sys.argv[1:4], float(sys.argv[4]))
    else:
        serve(carry_out)
