"""Which replica to restore from: the one that reaches the target with the newest data.

Of replicas that hold the same commits, which one of them only got later, the one that was proven.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from sqlite_recovery_tui.domain import LtxFile
from sqlite_recovery_tui.errors import DamagedError, NotFoundError, OutsideCoverage, RecoverError
from sqlite_recovery_tui.replica.fleet import ReplicaRef, ReplicaState
from sqlite_recovery_tui.restore.plan import Plan, make_plan
from sqlite_recovery_tui.restore.target import Target, format_seconds, format_utc

T = TypeVar("T")
Trust = Literal["proven", "unknown", "damaged"]
"""What the last look at a replica's bytes showed."""
_PREFERENCE: tuple[Trust, ...] = ("proven", "unknown", "damaged")


class Proofs(Protocol):
    """What the history tells of replicas, by URL."""

    def last_proof(self, url: str) -> object | None:
        """Return when one was last shown to be restorable."""
        ...

    def last_failure(self, url: str) -> object | None:
        """Return the last look at one if that found it damaged."""
        ...


@dataclass(frozen=True)
class Choice:
    """The plan that was chosen, of which replica, and why the others were not."""

    plan: Plan
    ref: ReplicaRef
    why: str
    rejected: tuple[tuple[ReplicaRef, RecoverError], ...] = ()
    others: tuple[tuple[Plan, ReplicaRef], ...] = ()
    """The plans that would do as well, the best first."""

    def without(self, error: RecoverError) -> Choice | None:
        """Return the choice when this one failed with `error`; None when no other is left."""
        if not self.others:
            return None
        (plan, ref), *others = self.others
        why = f"{self.ref.label} would reach further but is damaged"
        return Choice(plan, ref, why, (*self.rejected, (self.ref, error)), tuple(others))


def restore_best(
    choice: Choice,
    attempt: Callable[[Choice, bool], T],
    *,
    to_last_good: bool = False,
    on_fallback: Callable[[Choice, DamagedError], None] = lambda _choice, _error: None,
) -> tuple[T, Choice]:
    """Run `attempt` on the chosen replica, and on the next best where the chain proves damaged.

    `attempt` gets the choice and whether it may end in front of damage: only when every replica is
    damaged, `to_last_good` allows it, and then on the first. Otherwise raises the first replica's fault.
    """
    current, first = choice, None
    while True:
        try:
            return attempt(current, False), current
        except DamagedError as error:
            first = first or error
            following = current.without(error)
            if following is None:
                break
            on_fallback(following, error)
            current = following
    if to_last_good:
        return attempt(choice, True), choice
    raise first


def choose(
    states: Sequence[ReplicaState],
    target: Target,
    *,
    generation: str | None = None,
    nearest: bool = False,
    to_last_good: bool = False,
    proofs: Proofs | None = None,
) -> Choice:
    """Plan on every replica and take the newest data, the smallest plan on a tie.

    Where several lead to the same commits, stored at different times, what `proofs` tell comes first.
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
    plans.sort(key=lambda pair: _rank(pair[0]))
    newest, lags = plans[0][0], ""
    if proofs is not None:
        plans.sort(key=lambda pair: _preference(pair, newest, proofs))
    (plan, state), *others = plans
    if proofs is not None and plan is not newest:
        lags = _why_in_spite_of_lag(plan, state.ref, newest, proofs)
    why = lags or _why(plan, plans, rejected)
    return Choice(plan, state.ref, why, tuple(rejected), tuple((each, its.ref) for each, its in others))


def _rank(plan: Plan) -> tuple[bool, float, int]:
    """Order plans: none later than the time asked for first, then the nearest to it, then the smallest."""
    time = plan.point.time.timestamp()
    return _is_late(plan), time if _is_late(plan) else -time, plan.fetch_bytes


def _preference(pair: tuple[Plan, ReplicaState], newest: Plan, proofs: Proofs) -> int:
    """Order plans of the same commits as the newest one by what is known of their bytes, others behind."""
    plan, state = pair
    if not _same_commits(plan, newest):
        return len(_PREFERENCE)
    return _PREFERENCE.index(_trust(state.ref, proofs))


def _same_commits(plan: Plan, other: Plan) -> bool:
    """Tell whether two plans end in the same object of one history, stored at different times.

    Positions are the writer's and common to all its replicas; segments of one position and size are one
    piece of WAL. A snapshot's content depends on when it was taken.
    """
    if plan is other:
        return True
    if plan.format != other.format or plan.reached != other.reached or not (plan.changes and other.changes):
        return False
    if plan.point.is_commit and other.point.is_commit:
        return True
    last, its = plan.changes[-1], other.changes[-1]
    return isinstance(last, LtxFile) or (last.position, last.size) == (its.position, its.size)


def _trust(ref: ReplicaRef, proofs: Proofs) -> Trust:
    url = ref.replica.url
    if proofs.last_failure(url) is not None:
        return "damaged"
    return "proven" if proofs.last_proof(url) is not None else "unknown"


def _why_in_spite_of_lag(plan: Plan, ref: ReplicaRef, newest: Plan, proofs: Proofs) -> str:
    known = "it was proven" if _trust(ref, proofs) == "proven" else f"{newest.replica} was found damaged"
    lag = abs((newest.point.time - plan.point.time).total_seconds())
    when = f", which {newest.replica} got {format_seconds(lag)} s later" if lag else ""
    return f"{known}; both hold the same commits{when}"


def _is_late(plan: Plan) -> bool:
    """Tell whether a plan's state is of after the time asked for, being the oldest there is."""
    return plan.distance_seconds is not None and plan.distance_seconds < 0


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
    if _is_late(plan):
        return "its oldest state is the nearest"
    times = [other.point.time for other in others if not _is_late(other)]
    if not times:
        return "the others begin after that time"
    if plan.point.time > max(times):
        newer = format_seconds((plan.point.time - max(times)).total_seconds())
        return f"it reaches {format_utc(plan.point.time)}, {newer} s newer than any other"
    return "it needs the fewest bytes of those that reach this point"
