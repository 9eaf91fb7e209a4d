"""`sqlrecover scratch move`: a scratch goes to another state of its replica; only what differs is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlite_recovery_tui.cli.session import Session
from sqlite_recovery_tui.errors import NotFoundError, RefusedError, UsageError

if TYPE_CHECKING:
    from sqlite_recovery_tui.domain import Place
    from sqlite_recovery_tui.replica.fleet import ReplicaState
    from sqlite_recovery_tui.restore.scratches import Scratch
    from sqlite_recovery_tui.restore.target import Target
    from sqlite_recovery_tui.restore.travel import Moved
    from sqlite_recovery_tui.storage.base import Store


@dataclass(frozen=True, kw_only=True)
class Where:
    """Where a scratch is to go, as it was typed."""

    by: int | None = None
    """So many commits on, or back."""
    timestamp: str | None = None
    generation: str | None = None
    index: int | None = None
    offset: int | None = None
    txid: str | None = None

    @property
    def is_given(self) -> bool:
        """Whether anything was typed."""
        return any(value is not None for value in vars(self).values())


def move(session: Session, folder: Path, names: tuple[str, ...], where: Where) -> int:
    """Move one scratch and print where it stands."""
    from sqlite_recovery_tui.restore import scratches
    from sqlite_recovery_tui.storage.open import open_store

    if len(names) != 1:
        raise UsageError("scratch move takes one name", hint="`sqlrecover scratch` lists them")
    scratch = scratches.find(folder, names[0])
    if used := scratches.holders(scratch):
        raise RefusedError(
            f"{scratch.path} is open in {used}", object=str(scratch.path), hint="close it there"
        )
    state = _replica_of(session, scratch)
    ref = state.ref
    store = open_store(ref.replica, clock=session.clock)
    try:
        with session.act("scratch-move", output=str(scratch.path)) as act:
            act.begin(database=ref.database_name, replica=ref.replica.name, url=ref.replica.url)
            moved = _carry_out(session, scratch, state, store, where)
            act.finish("ok", position=str(moved.place), point_time=moved.plan.point.time)
    finally:
        store.close()
    _tell(session, scratch, moved)
    return 0


def _replica_of(session: Session, scratch: Scratch) -> ReplicaState:
    """List the replica that a scratch was restored from."""
    from sqlite_recovery_tui.cli.listing import scan_all, single_error

    wanted = scratch.family if session.settings is not None else scratch.url
    refs = [ref for ref in session.refs(wanted) if ref.replica.url == scratch.url]
    if not refs:
        raise NotFoundError(
            f"the configuration does not name {scratch.url}, which {scratch.name} was restored from",
            hint="name the configuration that does with -config",
        )
    states = scan_all(session, refs[:1])
    single_error(states)
    return states[0]


def _carry_out(session: Session, scratch: Scratch, state: ReplicaState, store: Store, where: Where) -> Moved:
    from sqlite_recovery_tui.replica.dating import dated_around
    from sqlite_recovery_tui.restore.plan import make_plan
    from sqlite_recovery_tui.restore.target import AtTime
    from sqlite_recovery_tui.restore.travel import Travel

    ref, timeline = state.ref, state.timeline
    assert timeline is not None
    with (
        session.meter() as meter,
        Travel(store, scratch.path, identities=ref.identities, clock=session.clock) as travel,
    ):
        target = _target(session, state, store, travel.held, where)
        if isinstance(target, AtTime):
            timeline = dated_around(store, timeline, target.time, cancel=session.cancel, progress=meter)
        plan = make_plan(
            timeline,
            target,
            database=ref.database_name,
            replica=ref.replica.name,
            url=ref.replica.url,
            generation=where.generation,
        )
        return travel.move(plan, progress=meter, cancel=session.cancel)


def _target(session: Session, state: ReplicaState, store: Store, held: Place | None, where: Where) -> Target:
    from sqlite_recovery_tui.cli.targets import target_of

    if where.by is None:
        if not where.is_given:
            raise UsageError("nothing says where to", hint="add -by 1, -by -1, -timestamp, -index or -txid")
        return target_of(session, where)
    if held is None:
        raise NotFoundError(
            "it is not known exactly which state this is",
            hint="name another one: -timestamp, -index or -txid",
        )
    return _beside(session, state, store, held, where.by)


def _beside(session: Session, state: ReplicaState, store: Store, held: Place, by: int) -> Target:
    """Return the state so many commits away."""
    from sqlite_recovery_tui.verify.stops import neighbour, place_of

    assert state.timeline is not None
    step, place, stop = (1 if by > 0 else -1), held, None
    for _ in range(abs(by)):
        stop = neighbour(
            store,
            state.timeline,
            place,
            step,
            identities=state.ref.identities,
            cancel=session.cancel,
        )
        if stop is None:
            raise NotFoundError(f"the history of this scratch ends before that: {place} is its last commit")
        place = place_of(stop)
    if stop is None:
        raise UsageError("-by 0 leads nowhere", hint="-by 1 is one commit on, -by -1 one back")
    return stop.target


def _tell(session: Session, scratch: Scratch, moved: Moved) -> None:
    from sqlite_recovery_tui.words import both_zones, plural

    session.out.marked("bold", "moved", f"  {scratch.name}")
    how = f"restored anew: {moved.restored}" if moved.restored else plural(moved.written, "page") + " written"
    session.out.facts(
        [("time", both_zones(moved.plan.point.time)), ("position", str(moved.place)), ("how", how)]
    )
    session.document({"name": scratch.name, "path": str(scratch.path), **moved.to_json()})
