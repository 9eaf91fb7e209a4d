"""How far a replica is behind the live database, told by the times of the database's files alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlite_recovery_tui.config import ReplicaConfig
from sqlite_recovery_tui.replica.health import Status, judge_behind

SHIPPING = timedelta(seconds=2)
"""How long a change may be on its way, beyond the interval at which changes are shipped."""
_SYNC_INTERVAL = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Behind:
    """How long before the last change of the live database the newest restore point lies."""

    by: timedelta
    """Zero when nothing has changed since, but for what is being shipped."""
    status: Status


def behind_live(newest: datetime, changed: datetime, replica: ReplicaConfig) -> Behind:
    """Compare the newest restore point with the live database's last change, seen before the listing."""
    interval = replica.sync_interval or _SYNC_INTERVAL
    by = changed - newest
    if by <= interval + SHIPPING:
        return Behind(timedelta(), "ok")
    return Behind(by, judge_behind(by, replica.thresholds, interval))
