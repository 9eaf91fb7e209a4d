"""`sqlrecover snapshots`: snapshots of each replica, in Litestream's columns and the position."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlite_recovery_tui.cli.options import generation_option, replica_option, subcommand, target_argument
from sqlite_recovery_tui.cli.session import Session
from sqlite_recovery_tui.words import rfc3339

if TYPE_CHECKING:
    from sqlite_recovery_tui.cli.listing import Row
    from sqlite_recovery_tui.replica.fleet import ReplicaState


@subcommand("snapshots")
@target_argument(required=False)
@replica_option
@generation_option
def command(session: Session, target: str | None, replica: str | None, generation: str | None) -> int:
    """List snapshots: replica, generation, WAL index (decimal), bytes as stored, time.

    The last column is the position as `restore -index` takes it (hexadecimal). Of Litestream 0.5
    replicas the files that hold the whole database are listed, with the TXID it stood at.
    """
    from sqlite_recovery_tui.cli.listing import Section, need_generation, scan_all, show
    from sqlite_recovery_tui.cli.ltx import explain_bases, files_section

    def rows(state: ReplicaState) -> Iterator[Row]:
        assert state.timeline is not None
        name = state.ref.replica.name
        for item in state.timeline.generations:
            for snapshot in item.snapshots if generation in (None, item.id) else ():
                created = rfc3339(snapshot.time)
                label = f"{snapshot.index:08x}"
                yield (
                    (name, item.id, snapshot.index, snapshot.size, created, label),
                    {
                        "generation": item.id,
                        "index": snapshot.index,
                        "size": snapshot.size,
                        "created": rfc3339(snapshot.time, fraction=True),
                        "object": snapshot.key,
                    },
                )

    heads = ("replica", "generation", "index", "size", "created", "position")
    states = scan_all(session, session.refs(target, replica))
    need_generation(states, generation)
    sections = [Section("snapshots", heads, rows)]
    if generation is None:
        sections.append(files_section(states, lambda lineage: lineage.bases, beside_others=True))
    code = show(session, states, *sections)
    if generation is None and not session.out.as_json:
        explain_bases(session, states)
    return code
