"""Whatever applications do to a database while it is followed, what was kept is what it has, byte by byte."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from sqlite_recovery_tui.clock import SYSTEM
from sqlite_recovery_tui.replicate.followed import FollowOptions
from sqlite_recovery_tui.replicate.ladder import Limits
from tests.support.followed import App, Followed
from tests.support.hostile import load

SOAK = bool(os.environ.get("SOAK"))
SECONDS = 60.0 if SOAK else 1.0
PAGE_SIZES = (512, 1024, 4096, 65536) if SOAK else (512, 65536)
ENOUGH = 2
"""So many comparisons with the live database, and complete checkpoints, at the least."""
OPTIONS = FollowOptions(
    limits=Limits(min_frames=50, max_frames=200, truncate_frames=400, again_seconds=0.05),
    stretch_bytes=200_000,
    retry_seconds=0.0,
    longest_retry_seconds=0.1,
)
ROLES = ("app", "app", "host", "reader", "killed")


@pytest.mark.timeout(SECONDS + 240)
@pytest.mark.parametrize("page_size", PAGE_SIZES)
def test_the_image_is_the_database(database: Path, follow: Callable[..., Followed], page_size: int) -> None:
    with App(database) as made:
        made.do(f"PRAGMA page_size={page_size}", "PRAGMA journal_mode=wal")
        made.do("CREATE TABLE t(a INTEGER PRIMARY KEY, b)")
    followed = follow(options=OPTIONS)
    assert followed.follower.start().how == "began"
    audits = checkpoints = 0
    until = time.monotonic() + SECONDS
    with load(database, 600, ROLES):
        due = time.monotonic() + 0.1
        while time.monotonic() < until or audits < ENOUGH or checkpoints < ENOUGH:
            followed.poll()
            done = followed.follower.tend()
            checkpoints += done is not None and done.outcome == "complete"
            if time.monotonic() >= due:
                due = time.monotonic() + 0.1
                audits += audit(followed)
                if audits % 5 == 0:
                    followed.follower.snapshot()
            time.sleep(0.002)
    for _ in range(100):
        if not followed.poll().moved and followed.poll().state == "following":
            break
    assert followed.equals_live()
    # Only breaks that SQLite's own fault makes; nothing was restarted under us.
    assert set(followed.sink.reasons) <= {"new", "chain"}, followed.events
    with App(database) as after:
        assert after.value("PRAGMA integrity_check") == "ok"
        assert after.rows("SELECT name FROM sqlite_schema") == [["t"]]


def audit(followed: Followed) -> bool:
    """Compare while writers are held; False when something new had to begin first."""
    session = followed.follower._session
    if session is None or not session.connections.hold_writers(SYSTEM, 2):
        return False
    try:
        if followed.poll().state != "following" or followed.poll().detail:
            return False
        assert followed.follower._session is session
        assert followed.equals_live()
        return True
    except apsw.BusyError:
        return False
    finally:
        if followed.follower._session is session:
            session.connections.let_writers()
