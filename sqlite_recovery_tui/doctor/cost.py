"""What a replica's requests and bytes come to in a month, from its intervals alone: an estimate.

The prices are assumed, and said with every estimate: those of Amazon S3 Standard in us-east-1, first 50 TB,
without taxes, without free allowances, and without what leaves the region in a restore.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlite_recovery_tui.config import ReplicaConfig
from sqlite_recovery_tui.doctor.configuration import DEFAULT_RETENTION
from sqlite_recovery_tui.replica.health import Check
from sqlite_recovery_tui.words import plural, size, span

# aws.amazon.com/s3/pricing as others quote it (storage: July 2022); the page itself tells its prices to
# browsers alone, so nothing here knows today's
DOLLARS_PER_1000_REQUESTS = 0.005
"""Puts and lists alike."""
DOLLARS_PER_GIB_MONTH = 0.023
_MONTH = timedelta(days=30)
_SYNC_INTERVAL = timedelta(seconds=1)
_CHECK_INTERVAL = timedelta(hours=1)
_LISTS_PER_CHECK = 3
"""Generations, snapshots, WAL segments (Litestream 0.3.13)."""
_DEAR_DOLLARS = 20.0


@dataclass(frozen=True, slots=True)
class Month:
    """At most what thirty days take, of a database that is written to all the time."""

    puts: int
    lists: int
    held_bytes: int

    @property
    def dollars(self) -> float:
        """At the assumed prices."""
        requests = (self.puts + self.lists) / 1000 * DOLLARS_PER_1000_REQUESTS
        storage = self.held_bytes / (1 << 30) * DOLLARS_PER_GIB_MONTH
        return requests + storage


def project(replica: ReplicaConfig, *, held_bytes: int = 0) -> Month:
    """Return what a month may take; deletes cost nothing, an idle database makes no puts."""
    kept = replica.retention if replica.retention is not None else DEFAULT_RETENTION
    snapshots = replica.snapshot_interval or kept
    checked = replica.retention_check_interval or _CHECK_INTERVAL
    puts = _often(replica.sync_interval or _SYNC_INTERVAL) + _often(snapshots)
    lists = _LISTS_PER_CHECK * _often(checked) if kept > timedelta() else 0
    return Month(puts, lists, held_bytes)


def judge(replica: ReplicaConfig, month: Month) -> Check:
    """Say what a month may take, and warn where a longer interval would save much of it."""
    requests = f"up to {plural(month.puts, 'put')} and {plural(month.lists, 'list')} a month"
    if replica.type not in ("s3", "gs", "abs"):
        return Check("cost", "ok", f"{requests}, {size(month.held_bytes)} held; no requests are charged here")
    elsewhere = replica.type != "s3" or replica.endpoint is not None
    prices = f"${DOLLARS_PER_1000_REQUESTS:g} per 1,000 of both, ${DOLLARS_PER_GIB_MONTH:g} per GiB and month"
    cost = f"an estimated ${month.dollars:,.2f}, assuming {prices}"
    whose = "; Amazon's, not this provider's" if elsewhere else ""
    message = f"{requests}, {size(month.held_bytes)} held: {cost}{whose}"
    if month.dollars <= _DEAR_DOLLARS:
        return Check("cost", "ok", message)
    every = replica.sync_interval or _SYNC_INTERVAL
    longer = span((every * 10).total_seconds())
    return Check("cost", "warn", message, f"a sync-interval of {longer} makes a tenth of the puts")


def _often(every: timedelta) -> int:
    return int(_MONTH / every) if every > timedelta() else 0
