"""`sqlrecover wal`: WAL segments of each replica, in Litestream's columns and the position."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sqlite_recovery_tui.cli.options import generation_option, replica_option, subcommand, target_argument
from sqlite_recovery_tui.cli.session import Session
from sqlite_recovery_tui.words import rfc3339

if TYPE_CHECKING:
    from sqlite_recovery_tui.replica.fleet import ReplicaState


@subcommand("wal")
@target_argument(required=False)
@replica_option
@generation_option
def command(session: Session, target: str | None, replica: str | None, generation: str | None) -> int:
    """List WAL segments: replica, generation, index and offset (decimal), bytes as stored, time.

    The last column is the position as `restore -index -offset` takes it (hexadecimal).
    """
    from sqlite_recovery_tui.cli.listing import need_generation, scan_all, show

    def rows(state: ReplicaState) -> Iterator[tuple[Sequence[object], dict[str, Any]]]:
        assert state.timeline is not None
        name = state.ref.replica.name
        for item in state.timeline.generations:
            for segment in item.segments if generation in (None, item.id) else ():
                yield (
                    (
                        name,
                        item.id,
                        segment.index,
                        segment.offset,
                        segment.size,
                        rfc3339(segment.time),
                        segment.position.label,
                    ),
                    {
                        "generation": item.id,
                        "index": segment.index,
                        "offset": segment.offset,
                        "size": segment.size,
                        "created": rfc3339(segment.time, fraction=True),
                        "object": segment.key,
                    },
                )

    heads = ("replica", "generation", "index", "offset", "size", "created", "position")
    states = scan_all(session, session.refs(target, replica))
    need_generation(states, generation)
    return show(session, "segments", states, heads, rows)
