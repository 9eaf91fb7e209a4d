"""Named checks over what a listing shows of one replica: can it be restored, how far, how fresh.

Pure functions: the time is passed in, nothing is read. What only bytes can tell is for `continuity`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from sqlite_recovery_tui.config.models import Threshold, Thresholds
from sqlite_recovery_tui.replica.generations import REMOVED
from sqlite_recovery_tui.replica.lineage import Lineage
from sqlite_recovery_tui.replica.timeline import Timeline
from sqlite_recovery_tui.words import plural, size, span

if TYPE_CHECKING:
    from sqlite_recovery_tui.replica.fleet import ReplicaState

Status = Literal["ok", "warn", "fail"]
_SEVERITY: dict[Status, int] = {"ok": 0, "warn": 1, "fail": 2}

BEHIND = Threshold(warn=timedelta(minutes=5), fail=timedelta(hours=1))
"""How far a replica may be behind its live database, unless the configuration says."""
IDLE = Threshold(warn=timedelta(days=1))
"""How old the newest restore point may be where the live database cannot be seen."""
_CLOCK_SLACK = timedelta(minutes=2)
_MANY_SEGMENTS = 20
_ONE_COPY = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Check:
    """The outcome of one named check."""

    name: str
    status: Status
    message: str
    hint: str = ""

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "status": self.status, "message": self.message, "hint": self.hint or None}


@dataclass(frozen=True, slots=True)
class Facts:
    """What the checks look at."""

    timeline: Timeline
    now: datetime
    live: datetime | None
    """When the live database last changed; None when it cannot be seen."""
    limits: Thresholds
    sync_interval: timedelta


def check_replica(
    state: ReplicaState, *, now: datetime, live: datetime | None = None, limits: Thresholds | None = None
) -> tuple[Check, ...]:
    """Return every check of one scanned replica, in a fixed order.

    `live` is when the live database last changed (None: unknown), `limits` replaces the limits of the
    configuration. Of a replica that could not be listed only `reachable` is known.
    """
    replica = state.ref.replica
    if state.error is not None or state.timeline is None:
        message = str(state.error) if state.error else "not listed"
        return (Check("reachable", "fail", message, state.error.hint if state.error else ""),)
    interval = replica.sync_interval or timedelta(seconds=1)
    facts = Facts(state.timeline, now, live, limits or replica.thresholds, interval)
    return (_reachable(facts), *check_timeline(facts))


def check_timeline(facts: Facts) -> Iterator[Check]:
    """Yield the checks of a listing."""
    yield _snapshot(facts)
    newest = facts.timeline.newest
    if newest is not None:
        yield _fresh(facts, newest.time)
        yield _coverage(facts)
    yield _gaps(facts)
    if any(item.noted for item in facts.timeline.generations):
        yield _commit_times(facts)
    yield _other_objects(facts)
    yield _object_times(facts)


def severity(status: Status) -> int:
    """Return a number that grows with how bad a status is."""
    return _SEVERITY[status]


def worst(checks: Sequence[Check]) -> Status:
    """Return the most severe status; `ok` for none."""
    return max((check.status for check in checks), key=severity, default="ok")


def judge_behind(behind: timedelta, limits: Thresholds, sync_interval: timedelta) -> Status:
    """Return how bad it is that a replica is that far behind its live database."""
    return judge(behind, _or_default(limits.behind, BEHIND, sync_interval))


def _reachable(facts: Facts) -> Check:
    timeline = facts.timeline
    inside = f" in {timeline.holds}" if timeline.holds else ""
    return Check("reachable", "ok", f"{plural(timeline.objects, 'object')}{inside}, {size(timeline.size)}")


def _snapshot(facts: Facts) -> Check:
    snapshots = [item for lineage in facts.timeline.lineages for item in lineage.bases]
    if not snapshots:
        return Check(
            "snapshot",
            "fail",
            "there is no snapshot, so nothing can be restored",
            "see that the replica's path is right and that replication runs",
        )
    newest = max(snapshots, key=lambda item: item.time)
    age = facts.now - newest.time
    status = judge(age, facts.limits.snapshot_age)
    hint = "" if status == "ok" else "restores replay everything since; set a shorter snapshot interval"
    return Check("snapshot", status, f"{len(snapshots)} held, the newest {_length(age)} old", hint)


def _fresh(facts: Facts, newest: datetime) -> Check:
    """Compare the newest restore point with the live database, or with the clock where that is not seen."""
    age = facts.now - newest
    if facts.live is None:
        status = judge(age, facts.limits.behind if _is_set(facts.limits.behind) else IDLE)
        hint = "" if status == "ok" else "see that replication runs; the database may also just be idle"
        return Check("fresh", status, f"newest restore point is {_length(age)} old", hint)
    behind = facts.live - newest
    status = judge_behind(behind, facts.limits, facts.sync_interval)
    if behind <= facts.sync_interval:
        return Check("fresh", status, f"newest restore point is {_length(age)} old; nothing changed since")
    hint = "" if status == "ok" else "see that replication runs and can write to this place"
    message = f"the database changed {_length(behind)} after the newest restore point"
    return Check("fresh", status, message, hint)


def _coverage(facts: Facts) -> Check:
    spans = facts.timeline.coverage()
    whole = sum((span.length for span in spans), timedelta())
    start = f"{spans[0].start:%Y-%m-%d %H:%M:%S}Z"
    return Check("coverage", "ok", f"{_length(whole)} in {plural(len(spans), 'span')} since {start}")


def _gaps(facts: Facts) -> Check:
    holes = facts.timeline.holes
    if not holes:
        gaps = facts.timeline.gaps()
        pauses = sum(gap.kind != "expired" for gap in gaps)
        between = f"; {plural(pauses, 'pause')}" if pauses else ""
        removed = "; in front of what retention removed, the newest proven state is kept"
        kept = removed if any(gap.message == REMOVED for gap in gaps) else ""
        return Check("gaps", "ok", f"nothing is missing by name{between}{kept}")
    last = max(facts.timeline.lineages, key=lambda item: item.end)
    hides_newest = any(hole.after is None for hole in last.gaps)
    more = f" (and {len(holes) - 1} more)" if len(holes) > 1 else ""
    worst_hole = next((hole for hole in last.gaps if hole.after is None), holes[-1])
    return Check(
        "gaps",
        "fail" if hides_newest else "warn",
        f"{worst_hole.message}{more}",
        "the newest state cannot be restored: take a new snapshot now"
        if hides_newest
        else "times behind the hole cannot be restored up to the next snapshot",
    )


def _commit_times(facts: Facts) -> Check:
    """Tell of how many WALs the daemon noted how they ended and when their commits were made."""
    wals = noted = 0
    for item in facts.timeline.generations:
        there = set(item.segments.indexes)
        wals += len(there)
        noted += len(there & item.noted)
    message = f"commits are dated one by one in {noted:,} of {plural(wals, 'WAL')}; the newest goes on"
    return Check("commits", "ok", message)


def _other_objects(facts: Facts) -> Check:
    count = facts.timeline.other_objects
    if not count:
        return Check("objects", "ok", "every object belongs to the replica")
    examples = ", ".join(facts.timeline.other_examples)
    return Check(
        "objects",
        "warn",
        f"{plural(count, 'object')} of no known kind: {examples}",
        "another program may write here, or the path is too short",
    )


def _object_times(facts: Facts) -> Check:
    suspicions: tuple[tuple[Callable[[Lineage], bool], str], ...] = (
        (lambda item: item.end > facts.now + _CLOCK_SLACK, "object times lie in the future"),
        (_falling, "object times do not rise with positions"),
        (_all_at_once, "all objects carry one time, as a copy leaves them"),
    )
    for is_suspect, message in suspicions:
        suspects = [item.title for item in facts.timeline.lineages if is_suspect(item)]
        if suspects:
            return Check(
                "times",
                "warn",
                f"{message} ({', '.join(suspects)})",
                "restoring to a time is unreliable here; restoring to a position is not",
            )
    if facts.timeline.about_times:
        return Check(
            "times",
            "warn",
            "; ".join(facts.timeline.about_times),
            "Litestream may go by the listed times: copy again with times kept where you can",
        )
    return Check("times", "ok", "object times rise with positions")


def _falling(lineage: Lineage) -> bool:
    return not lineage.times_rise


def _all_at_once(lineage: Lineage) -> bool:
    most = max(max(len(lane.bases), len(lane.changes)) for lane in lineage.lanes)
    return most >= _MANY_SEGMENTS and lineage.end - lineage.start < _ONE_COPY


def judge(amount: timedelta, limit: Threshold) -> Status:
    """Return how bad an age or a lag is."""
    if limit.fail is not None and amount > limit.fail:
        return "fail"
    if limit.warn is not None and amount > limit.warn:
        return "warn"
    return "ok"


def _is_set(limit: Threshold) -> bool:
    return limit.warn is not None or limit.fail is not None


def _or_default(limit: Threshold, default: Threshold, allowance: timedelta) -> Threshold:
    """Return the limit that was set, or the default with the time that shipping may take added."""
    if _is_set(limit) or default.warn is None or default.fail is None:
        return limit
    return Threshold(default.warn + allowance, default.fail + allowance)


def _length(amount: timedelta) -> str:
    return span(int(amount.total_seconds()))
