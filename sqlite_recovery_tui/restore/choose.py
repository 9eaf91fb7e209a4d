"""Which replica to restore from: the one that reaches the target with the newest data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlite_recovery_tui.errors import DamagedError, NotFoundError, OutsideCoverage, RecoverError
from sqlite_recovery_tui.replica.fleet import ReplicaRef, ReplicaState
from sqlite_recovery_tui.restore.plan import Plan, make_plan
from sqlite_recovery_tui.restore.target import Target, format_utc


@dataclass(frozen=True)
class Choice:
    """The plan that was chosen, of which replica, and why the others were not."""

    plan: Plan
    ref: ReplicaRef
    why: str
    rejected: tuple[tuple[ReplicaRef, RecoverError], ...] = ()


def choose(
    states: Sequence[ReplicaState],
    target: Target,
    *,
    generation: str | None = None,
    nearest: bool = False,
    to_last_good: bool = False,
) -> Choice:
    """Plan on every replica and take the newest data, the smallest plan on a tie.

    When no replica can, raises what says most: damage before missing coverage before an unreachable
    storage.
    """
    plans: list[tuple[Plan, ReplicaState]] = []
    rejected: list[tuple[ReplicaRef, RecoverError]] = []
    for state in states:
        try:
            plans.append((_plan(state, target, generation, nearest, to_last_good), state))
        except RecoverError as error:
            rejected.append((state.ref, error))
    if not plans:
        raise _most_telling([error for _, error in rejected])
    plan, state = min(plans, key=lambda pair: (-pair[0].point.time.timestamp(), pair[0].fetch_bytes))
    return Choice(plan, state.ref, _why(plan, plans, rejected), tuple(rejected))


def _plan(
    state: ReplicaState, target: Target, generation: str | None, nearest: bool, to_last_good: bool
) -> Plan:
    if state.error is not None:
        raise state.error
    assert state.timeline is not None
    return make_plan(
        state.timeline,
        target,
        database=state.ref.database_name,
        replica=state.ref.replica.name,
        url=state.ref.replica.url,
        generation=generation,
        nearest=nearest,
        to_last_good=to_last_good,
    )


def _most_telling(errors: Sequence[RecoverError]) -> RecoverError:
    for kind in (DamagedError, OutsideCoverage, RecoverError):
        for error in errors:
            if isinstance(error, kind) and not (kind is RecoverError and _is_plain_absence(error, errors)):
                return error
    return errors[0] if errors else NotFoundError("no replica is configured for this database")


def _is_plain_absence(error: RecoverError, errors: Sequence[RecoverError]) -> bool:
    """An empty replica says less than one that could not be reached."""
    return isinstance(error, NotFoundError) and any(not isinstance(item, NotFoundError) for item in errors)


def _why(
    plan: Plan,
    plans: Sequence[tuple[Plan, ReplicaState]],
    rejected: Sequence[tuple[ReplicaRef, RecoverError]],
) -> str:
    others = [other for other, _ in plans if other is not plan]
    if not others and not rejected:
        return "it is the only replica"
    if not others:
        return "no other replica can reach this point"
    newest_other = max(other.point.time for other in others)
    if plan.point.time > newest_other:
        behind = (plan.point.time - newest_other).total_seconds()
        return f"it reaches {format_utc(plan.point.time)}, {behind:g} s newer than any other"
    return "it needs the fewest bytes of those that reach this point"
