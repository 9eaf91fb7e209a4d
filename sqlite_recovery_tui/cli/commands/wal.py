"""`sqlrecover wal`: WAL segments of each replica, in Litestream's columns and the position."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlite_recovery_tui.cli.options import (
    generation_option,
    level_option,
    replica_option,
    subcommand,
    target_argument,
)
from sqlite_recovery_tui.cli.session import Session
from sqlite_recovery_tui.words import rfc3339

if TYPE_CHECKING:
    from sqlite_recovery_tui.cli.listing import Row
    from sqlite_recovery_tui.replica.fleet import ReplicaState


@subcommand("wal")
@target_argument(required=False)
@replica_option
@generation_option
@level_option
def command(
    session: Session, target: str | None, replica: str | None, generation: str | None, level: str
) -> int:
    """List WAL segments: replica, generation, index and offset (decimal), bytes as stored, time.

    The last column is the position as `restore -index -offset` takes it (hexadecimal). Of Litestream
    0.5 replicas the LTX files are listed: there `wal` is the old name of `ltx`.
    """
    from sqlite_recovery_tui.cli.listing import Section, need_generation, scan_all, show
    from sqlite_recovery_tui.cli.ltx import files_section, has_ltx, of_level, tell_other_levels

    def rows(state: ReplicaState) -> Iterator[Row]:
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
    sections = [Section("segments", heads, rows)]
    with_ltx = generation is None and has_ltx(states)
    if with_ltx:
        session.err.warning("of LTX files `wal` is the old name: use `sqlrecover ltx` instead")
        sections.append(files_section(states, of_level(level), beside_others=True))
    code = show(session, states, *sections)
    if with_ltx and not session.out.as_json:
        tell_other_levels(session, [state for state in states if has_ltx([state])], level)
    return code
