"""Take an interrupted restore up again: by the same plan to the same file, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from sqlite_recovery_tui.clock import SYSTEM, Clock
from sqlite_recovery_tui.domain import Position
from sqlite_recovery_tui.errors import RecoverError, RefusedError
from sqlite_recovery_tui.progress import CancelToken, ProgressFn, ignore_progress
from sqlite_recovery_tui.replica.fleet import ReplicaRef, scan_replica
from sqlite_recovery_tui.replica.timeline import Timeline
from sqlite_recovery_tui.restore.order import Order
from sqlite_recovery_tui.restore.plan import Plan, make_plan
from sqlite_recovery_tui.restore.run import BeforePlacing, RestoreOptions, RestoreResult, restore
from sqlite_recovery_tui.restore.target import AtTime, Target, of_point
from sqlite_recovery_tui.restore.unfinished import Unfinished
from sqlite_recovery_tui.storage.open import open_store


def resume(
    unfinished: Unfinished,
    ref: ReplicaRef,
    *,
    before_placing: BeforePlacing | None = None,
    progress: ProgressFn = ignore_progress,
    cancel: CancelToken | None = None,
    clock: Clock = SYSTEM,
) -> RestoreResult:
    """Carry an interrupted restore to its end, from the replica `ref` that it was made from.

    What was fetched is used again as far as it holds. Raises `RefusedError` when the replica no longer
    leads to that state by the same objects, and what `restore` raises.
    """
    order = unfinished.order
    state = scan_replica(
        ref, clock=clock, cancel=cancel, progress=progress, exact_at=_moment(order.requested)
    )
    if state.timeline is None:
        assert state.error is not None
        raise state.error
    plan = plan_again(order, state.timeline)
    options = RestoreOptions(
        output=unfinished.output,
        force=order.force,
        parallelism=order.parallelism,
        memory_bytes=order.memory_bytes,
        to_last_good=order.to_last_good,
        scratch=order.scratch,
    )
    store = open_store(ref.replica, clock=clock)
    try:
        return restore(
            store,
            plan,
            options,
            age_identities=ref.identities,
            before_placing=before_placing,
            progress=progress,
            cancel=cancel,
            clock=clock,
        )
    finally:
        store.close()


def plan_again(order: Order, timeline: Timeline) -> Plan:
    """Return the plan that was ordered, made anew on what the replica holds now; raise `RefusedError`."""
    fault: RecoverError | None = None
    for target, generation in _ways(order):
        try:
            plan = make_plan(
                timeline,
                target,
                database=order.database,
                replica=order.replica,
                url=order.url,
                generation=generation,
                nearest=True,
                to_last_good=order.to_last_good,
            )
        except RecoverError as error:
            fault = fault or error
            continue
        if order.fits(plan):
            return replace(
                plan,
                requested=order.requested,
                distance_seconds=order.distance_seconds,
                notes=order.notes,
            )
    why = f": {fault}" if fault is not None else ", and leads there by other objects now"
    raise RefusedError(
        f"the replica has changed since this restore began{why}",
        object=order.url,
        hint="plan the same point anew, or discard what is left of this restore",
    )


def _ways(order: Order) -> Iterator[tuple[Target, str | None]]:
    """Yield what to ask for: what was asked, inside its generation too, and the very state it led to."""
    reached = order.point.reached
    generation = reached.generation if isinstance(reached, Position) else None
    yield order.requested, None
    if generation is not None:
        yield order.requested, generation
    yield of_point(order.point), None


def _moment(target: Target) -> datetime | None:
    return target.time if isinstance(target, AtTime) else None
