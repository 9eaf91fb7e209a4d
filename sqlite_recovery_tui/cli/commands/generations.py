"""`sqlrecover generations`: generations of each replica, in Litestream's columns and a few more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sqlite_recovery_tui.cli.options import replica_option, subcommand, target_argument
from sqlite_recovery_tui.cli.session import Session
from sqlite_recovery_tui.cli.text import go_duration
from sqlite_recovery_tui.words import rfc3339, size

if TYPE_CHECKING:
    from sqlite_recovery_tui.replica.fleet import ReplicaState


@subcommand("generations")
@target_argument(required=False)
@replica_option
def command(session: Session, target: str | None, replica: str | None) -> int:
    """List generations, oldest first: name of the replica, id, lag, start and end, contents.

    The lag is how long after the generation's end the database last changed; where the database is
    not known, how long ago that end is.
    """
    from sqlite_recovery_tui.cli.listing import scan_all, show
    from sqlite_recovery_tui.replica.live import changed_at

    def rows(state: ReplicaState) -> Iterator[tuple[Sequence[object], dict[str, Any]]]:
        database = state.ref.database
        live = (changed_at(database.path) if database else None) or session.clock.now()
        assert state.timeline is not None
        for item in state.timeline.generations:
            lag = live - item.end
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
    return show(session, "generations", scan_all(session, session.refs(target, replica)), heads, rows)
