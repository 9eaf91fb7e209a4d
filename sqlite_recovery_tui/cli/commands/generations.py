"""`sqlrecover generations`: generations of each replica, in Litestream's columns and a few more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from sqlite_recovery_tui.cli.options import replica_option, subcommand, target_argument
from sqlite_recovery_tui.cli.session import Session
from sqlite_recovery_tui.cli.text import go_duration
from sqlite_recovery_tui.words import rfc3339, size

if TYPE_CHECKING:
    from sqlite_recovery_tui.cli.listing import Row
    from sqlite_recovery_tui.replica.fleet import ReplicaState


@subcommand("generations")
@target_argument(required=False)
@replica_option
def command(session: Session, target: str | None, replica: str | None) -> int:
    """List generations, oldest first: name of the replica, id, lag, start and end, contents.

    The lag is how long after the generation's end the database last changed; where the database is
    not known, how long ago that end is. Litestream 0.5 has no generations: of its LTX files the one
    history is shown, with the first and the last TXID that can be restored.
    """
    from sqlite_recovery_tui.cli.listing import Section, scan_all, show
    from sqlite_recovery_tui.cli.ltx import explain_history, history_section
    from sqlite_recovery_tui.replica.live import changed_at

    def changed(state: ReplicaState) -> datetime:
        database = state.ref.database
        return (changed_at(database.path) if database else None) or session.clock.now()

    def rows(state: ReplicaState) -> Iterator[Row]:
        assert state.timeline is not None
        for item in state.timeline.generations:
            lag = changed(state) - item.end
            yield (
                (
                    state.ref.replica.name,
                    item.id,
                    go_duration(lag),
                    rfc3339(item.start),
                    rfc3339(item.end),
                    len(item.snapshots),
                    len(item.segments),
                    len(item.gaps),
                    size(item.size),
                ),
                {
                    "generation": item.id,
                    "lag_seconds": lag.total_seconds(),
                    "start": rfc3339(item.start, fraction=True),
                    "end": rfc3339(item.end, fraction=True),
                    "snapshots": len(item.snapshots),
                    "segments": len(item.segments),
                    "gaps": [gap.to_json() for gap in item.gaps],
                    "size": item.size,
                },
            )

    heads = ("name", "generation", "lag", "start", "end", "snapshots", "segments", "gaps", "size")
    states = scan_all(session, session.refs(target, replica))
    code = show(session, states, Section("generations", heads, rows), history_section(changed))
    if not session.out.as_json:
        explain_history(session, states)
    return code
