"""`sqlrecover retention`: what the retention of each replica would remove now; nothing is removed here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from sqlite_recovery_tui.cli.options import duration, replica_option, subcommand, target_argument
from sqlite_recovery_tui.cli.session import Session
from sqlite_recovery_tui.words import rfc3339, size

if TYPE_CHECKING:
    from sqlite_recovery_tui.cli.listing import Row
    from sqlite_recovery_tui.replica.fleet import ReplicaState
    from sqlite_recovery_tui.replicate.retention import Kept, Removal, RetentionPlan
    from sqlite_recovery_tui.storage.base import ObjectInfo, Store


@subcommand("retention")
@target_argument(required=False)
@replica_option
@click.option(
    "--keep",
    metavar="D",
    callback=duration,
    help="How much history is to stay.  [default: the replica's retention, 24h]",
)
@click.option("--dry-run", is_flag=True, help="Nothing else is ever done here; see above.")
def command(
    session: Session, target: str | None, replica: str | None, *, keep: timedelta | None, **_: bool
) -> int:
    """List what the daemon's retention would remove if it ran now, and what stays although its time is over.

    Nothing is removed here, with or without --dry-run. A snapshot goes with the WAL that follows on it,
    once every time that is to be covered can be restored from a later snapshot. The newest of these that a
    drill, a verification or a checked restore has proven stays by itself, until a newer one is proven that
    is kept anyway. At most a quarter of a replica goes in one run.
    """
    from sqlite_recovery_tui.cli.listing import Section, scan_all, show
    from sqlite_recovery_tui.replicate.ship import RETENTION

    states = scan_all(session, session.refs(target, replica))
    plans: dict[str, RetentionPlan] = {}

    def plan_of(state: ReplicaState) -> RetentionPlan:
        own = state.ref.replica.retention
        kept = keep if keep is not None else RETENTION if own is None else own
        return plans.setdefault(state.ref.label, _plan(session, state, kept))

    def removals(state: ReplicaState) -> Iterator[Row]:
        for removal in plan_of(state).removals:
            yield _row(state, removal, [key for step in removal.steps for key in step])

    def kept(state: ReplicaState) -> Iterator[Row]:
        for each in plan_of(state).kept:
            cells, members = _row(state, each, each.objects)
            yield (*cells, each.why), {**members, "why": each.why}

    heads = ("replica", "generation", "index", "from", "to", "objects", "size")
    code = show(
        session,
        states,
        Section("removals", heads, removals),
        Section("kept", (*heads, "kept because it is"), kept),
    )
    for state in states:
        if state.timeline is not None and (why := plan_of(state).withheld):
            session.err.note(f"{state.ref.replica.name}: {why}")
    return code


def _row(state: ReplicaState, chain: Removal | Kept, objects: int | list[str]) -> Row:
    start, end = chain.start, chain.end
    cells = (state.ref.replica.name, chain.generation, chain.index, rfc3339(start), rfc3339(end))
    return (
        (*cells, chain.objects, size(chain.size)),
        {
            "generation": chain.generation,
            "index": chain.index,
            "start": rfc3339(start, fraction=True),
            "end": rfc3339(end, fraction=True),
            "objects": objects,
            "size": chain.size,
        },
    )


def _plan(session: Session, state: ReplicaState, kept: timedelta) -> RetentionPlan:
    """Return what would go of one replica; its listing is read anew, sidecars and all."""
    from contextlib import closing

    from sqlite_recovery_tui.cli.proofs import proven_positions
    from sqlite_recovery_tui.replicate.retention import RetentionPlan, decide
    from sqlite_recovery_tui.storage.open import open_store

    assert state.timeline is not None
    generations = state.timeline.generations
    if not generations:
        return RetentionPlan(withheld="it has no generations")
    with closing(open_store(state.ref.replica, clock=session.clock)) as store:
        objects = _listed(store)
    return decide(
        objects,
        now=session.clock.now(),
        retention=kept,
        present=generations[-1].id,
        proven=proven_positions(session.history, state.ref.replica.url),
    )


def _listed(store: Store) -> Sequence[ObjectInfo]:
    from sqlite_recovery_tui.formats import generations, sidecars

    roots = (generations.ROOT, sidecars.ROOT)
    return [info for root in roots for page in store.list(root) for info in page]
