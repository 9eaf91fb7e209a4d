"""Could a replica be restored now: what its listing shows, when that was last proven, how long it takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlite_recovery_tui.config import Threshold
from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.replica.fleet import ReplicaState
from sqlite_recovery_tui.replica.health import Check, check_replica, judge
from sqlite_recovery_tui.replica.timeline import Timeline
from sqlite_recovery_tui.restore.plan import estimate_seconds, make_plan
from sqlite_recovery_tui.restore.target import Latest
from sqlite_recovery_tui.words import ago, plural, rfc3339, size, span

PROVEN = Threshold(warn=timedelta(days=7))
"""How long ago a replica may have been proven, unless the configuration says."""


@dataclass(frozen=True, slots=True)
class Proof:
    """The last look at a replica that somebody remembers."""

    at: datetime
    ok: bool
    how: str
    """By what, such as "a full restore"."""
    reached: datetime | None = None
    """The newest state that was shown to be restorable."""


def examine(
    state: ReplicaState,
    *,
    now: datetime,
    live: datetime | None = None,
    proof: Proof | None = None,
    budget: timedelta | None = None,
) -> Iterator[Check]:
    """Yield what can be restored of a scanned replica: point, coverage, gaps, proof, time against `budget`.

    `live` is when the live database last changed, `proof` the last one; None: not known.
    """
    yield from check_replica(state, now=now, live=live)
    if state.timeline is None:
        return
    yield judge_proof(proof, now, state.ref.replica.thresholds.proven_age)
    newest = state.timeline.newest
    if newest is not None:
        yield Check(
            "newest point", "ok", f"{rfc3339(newest.time)}, {ago(newest.time, now)}, at {newest.reached}"
        )
        yield restore_time(state, state.timeline, budget)


def judge_proof(proof: Proof | None, now: datetime, limit: Threshold) -> Check:
    """Say when a restore was last proven; `limit` is the configuration's, if it has one."""
    limit = limit if limit.warn is not None or limit.fail is not None else PROVEN
    if proof is None:
        return Check(
            "proven",
            "fail" if limit.fail is not None else "warn",
            "never, as far as the history of this user says: a backup that nobody restored is a hope",
            "restore it for the proof: sqlrecover drill",
        )
    age = now - proof.at
    when = ago(proof.at, now)
    if not proof.ok:
        return Check(
            "proven",
            "fail",
            f"found damaged {when} by {proof.how}",
            "sqlrecover verify names the object; take a new snapshot by restarting replication",
        )
    reached = f", up to {rfc3339(proof.reached)}" if proof.reached else ""
    status = judge(age, limit)
    hint = "" if status == "ok" else "prove it again, from cron for instance: sqlrecover drill --all"
    return Check("proven", status, f"{when} by {proof.how}{reached}", hint)


def restore_time(state: ReplicaState, timeline: Timeline, budget: timedelta | None) -> Check:
    """Say how long the newest state would take to restore, and whether that is within `budget`."""
    replica = state.ref.replica
    try:
        plan = make_plan(
            timeline, Latest(), database=state.ref.database_name, replica=replica.name, url=replica.url
        )
    except RecoverError as error:
        return Check("restore time", "fail", f"the newest state cannot be restored: {error}", error.hint)
    seconds = estimate_seconds(plan, local=replica.type == "file")
    message = f"about {span(seconds)} for {plural(plan.objects, 'object')}, {size(plan.fetch_bytes)}"
    if budget is None:
        return Check("restore time", "ok", message)
    allowed = span(int(budget.total_seconds()))
    if seconds <= budget.total_seconds():
        return Check("restore time", "ok", f"{message}; the budget is {allowed}")
    return Check(
        "restore time",
        "fail",
        f"{message}: more than the budget of {allowed}",
        "take snapshots more often: set a shorter snapshot-interval; or keep a replica nearer",
    )
