"""Looking at one replica, in a thread: its listing, and the live database beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlite_recovery_tui.clock import Clock
from sqlite_recovery_tui.tui.state import Beside, LastListing
from sqlite_recovery_tui.tui.widgets.timeline_index import index_of

if TYPE_CHECKING:
    from datetime import datetime

    from sqlite_recovery_tui.replica.fleet import ReplicaRef, ReplicaState
    from sqlite_recovery_tui.replica.timeline import Timeline
    from sqlite_recovery_tui.tui.engine import Report


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at a replica gave."""

    state: ReplicaState
    beside: Beside
    seconds: float
    """How long it took."""


def scan(ref: ReplicaRef, clock: Clock, report: Report) -> ReplicaState:
    """List one replica; what is known so far is handed out on the way."""
    from sqlite_recovery_tui.replica.fleet import scan_replica

    def partial(state: ReplicaState) -> None:
        report.partial(_worked_out(state))

    return _worked_out(scan_replica(ref, clock=clock, cancel=report.cancel, on_partial=partial))


def look(ref: ReplicaRef, clock: Clock, report: Report) -> Look:
    """List a replica; see before that when its live database changed, and keep what was listed."""
    from sqlite_recovery_tui.replica.listing_cache import ListingCache

    begun = clock.monotonic()
    changed = _changed(ref)
    state = scan(ref, clock, report)
    if state.timeline is not None and ref.replica.type != "memory":
        ListingCache().keep(ref.replica.url, state.timeline, state.as_of)
    return Look(state, _beside(state, changed), clock.monotonic() - begun)


def kept(ref: ReplicaRef, now: datetime) -> LastListing | None:
    """Return the listing that was kept of a replica, worked out as screens show it."""
    from sqlite_recovery_tui.replica.listing_cache import ListingCache

    found = ListingCache().load(ref.replica.url, now=now)
    if found is None:
        return None
    _find_out(found[0], complete=True)
    return LastListing(*found)


def _worked_out(state: ReplicaState) -> ReplicaState:
    if state.timeline is not None:
        _find_out(state.timeline, complete=state.complete)
    return state


def _find_out(timeline: Timeline, *, complete: bool) -> None:
    """Have a timeline find out what every screen shows: on a long history that is work for a thread."""
    _ = timeline.newest, timeline.oldest, timeline.holes, timeline.warnings
    index_of(timeline)
    if complete:
        _ = timeline.bursts


def _changed(ref: ReplicaRef) -> datetime | None:
    """Return when the live database last changed; None when it is not on this host."""
    from sqlite_recovery_tui.replica.live import changed_at

    return changed_at(ref.database.path) if ref.database is not None else None


def _beside(state: ReplicaState, changed: datetime | None) -> Beside:
    from sqlite_recovery_tui.replica.behind import behind_live

    newest = state.timeline.newest if state.timeline is not None else None
    behind = behind_live(newest.time, changed, state.ref.replica) if newest and changed else None
    return Beside(behind, on_host=changed is not None)
