"""`sqlrecover wal`: WAL segments of each replica, in Litestream's columns and the position."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

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
    from datetime import datetime

    from sqlite_recovery_tui.cli.listing import Row
    from sqlite_recovery_tui.replica.fleet import ReplicaState
    from sqlite_recovery_tui.replica.generations import Generation
    from sqlite_recovery_tui.replica.wal_times import WalTimes


@subcommand("wal")
@target_argument(required=False)
@replica_option
@generation_option
@level_option
@click.option("--commits", is_flag=True, help="Tell how many commits each holds, and when they were made.")
def command(
    session: Session,
    target: str | None,
    replica: str | None,
    *,
    generation: str | None,
    level: str,
    commits: bool,
) -> int:
    """List WAL segments: replica, generation, index and offset (decimal), bytes as stored, time.

    The last column is the position as `restore -index -offset` takes it (hexadecimal). Of Litestream
    0.5 replicas the LTX files are listed: there `wal` is the old name of `ltx`. With --commits three more
    columns tell what `sqlrecover replicate` noted of WALs that have ended; no segment is read for that.
    """
    from sqlite_recovery_tui.cli.listing import Section, need_generation, scan_all, show
    from sqlite_recovery_tui.cli.ltx import files_section, has_ltx, of_level, tell_other_levels

    def rows(state: ReplicaState) -> Iterator[Row]:
        assert state.timeline is not None
        name = state.ref.replica.name
        for item in state.timeline.generations:
            if generation not in (None, item.id):
                continue
            times = _times(session, state, item) if commits else {}
            for number, segment in enumerate(item.segments):
                held = _held(item, number, times) if commits else ()
                yield (
                    (
                        name,
                        item.id,
                        segment.index,
                        segment.offset,
                        segment.size,
                        rfc3339(segment.time),
                        segment.position.label,
                        *_cells(held, commits),
                    ),
                    {
                        "generation": item.id,
                        "index": segment.index,
                        "offset": segment.offset,
                        "size": segment.size,
                        "created": rfc3339(segment.time, fraction=True),
                        "object": segment.key,
                        **_members(held, commits),
                    },
                )

    more = ("commits", "first made", "last made") if commits else ()
    heads = ("replica", "generation", "index", "offset", "size", "created", "position", *more)
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


def _times(session: Session, state: ReplicaState, generation: Generation) -> Mapping[int, WalTimes]:
    from contextlib import closing

    from sqlite_recovery_tui.replica.commit_times import times_of
    from sqlite_recovery_tui.storage.open import open_store

    with closing(open_store(state.ref.replica, clock=session.clock)) as store:
        return times_of(store, generation, cancel=session.cancel)


def _held(generation: Generation, number: int, times: Mapping[int, WalTimes]) -> tuple[datetime, ...] | None:
    """Return when the commits of a segment were made; None where that was not noted."""
    segments = generation.segments
    own = times.get(segments.indexes[number])
    if own is None:
        return None
    is_last = segments.indexes[number + 1 : number + 2].tolist() != [segments.indexes[number]]
    return own.between(segments.offsets[number], None if is_last else segments.offsets[number + 1])


def _cells(held: tuple[datetime, ...] | None, commits: bool) -> tuple[object, ...]:
    if not commits:
        return ()
    if not held:
        return ("-" if held is None else 0, "-", "-")
    return (len(held), rfc3339(held[0], fraction=True), rfc3339(held[-1], fraction=True))


def _members(held: tuple[datetime, ...] | None, commits: bool) -> dict[str, Any]:
    if not commits:
        return {}
    return {"commits": None if held is None else [rfc3339(time, fraction=True) for time in held]}
