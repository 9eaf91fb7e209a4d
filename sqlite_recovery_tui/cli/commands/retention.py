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
    from sqlite_recovery_tui.replicate.retention import RetentionPlan
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
def command(session: Session, target: str | None, replica: str | None, keep: timedelta | None) -> int:
    """List what the daemon's retention would remove if it ran now. Nothing is removed.

    A snapshot goes with the WAL that follows on it, once every time that is to be covered can be restored
    from a later snapshot. At most a quarter of a replica goes in one run.
    """
    from sqlite_recovery_tui.cli.listing import Section, scan_all, show
    from sqlite_recovery_tui.replicate.ship import RETENTION

    withheld: list[str] = []

    def rows(state: ReplicaState) -> Iterator[Row]:
        name = state.ref.replica.name
        own = state.ref.replica.retention
        kept = keep if keep is not None else RETENTION if own is None else own
        plan = _plan(session, state, kept)
        if plan.withheld:
            withheld.append(f"{name}: {plan.withheld}")
        for removal in plan.removals:
            start, end = removal.start, removal.end
            cells = (name, removal.generation, removal.index, rfc3339(start), rfc3339(end))
            yield (
                (*cells, removal.objects, size(removal.size)),
                {
                    "generation": removal.generation,
                    "index": removal.index,
                    "start": rfc3339(start, fraction=True),
                    "end": rfc3339(end, fraction=True),
                    "objects": [key for step in removal.steps for key in step],
                    "size": removal.size,
                },
            )

    heads = ("replica", "generation", "index", "from", "to", "objects", "size")
    states = scan_all(session, session.refs(target, replica))
    code = show(session, states, Section("removals", heads, rows))
    for line in withheld:
        session.err.note(line)
    return code


def _plan(session: Session, state: ReplicaState, kept: timedelta) -> RetentionPlan:
    """Return what would go of one replica; its listing is read anew, sidecars and all."""
    from contextlib import closing

    from sqlite_recovery_tui.replicate.retention import RetentionPlan, decide
    from sqlite_recovery_tui.storage.open import open_store

    assert state.timeline is not None
    generations = state.timeline.generations
    if not generations:
        return RetentionPlan(withheld="it has no generations")
    with closing(open_store(state.ref.replica, clock=session.clock)) as store:
        objects = _listed(store)
    return decide(objects, now=session.clock.now(), retention=kept, present=generations[-1].id)


def _listed(store: Store) -> Sequence[ObjectInfo]:
    from sqlite_recovery_tui.formats import generations, sidecars

    roots = (generations.ROOT, sidecars.ROOT)
    return [info for root in roots for page in store.list(root) for info in page]
