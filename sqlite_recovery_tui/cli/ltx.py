"""LTX files as the listing commands show them: in Litestream's columns, and which state each one ends in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sqlite_recovery_tui.cli.listing import Row, Section
from sqlite_recovery_tui.cli.reports import command_line
from sqlite_recovery_tui.cli.text import go_duration
from sqlite_recovery_tui.replica.lineage import to_json
from sqlite_recovery_tui.replica.ltx import SNAPSHOT_LEVEL
from sqlite_recovery_tui.words import plural, rfc3339, size

if TYPE_CHECKING:
    from datetime import datetime

    from sqlite_recovery_tui.cli.session import Session
    from sqlite_recovery_tui.domain import LtxFile
    from sqlite_recovery_tui.replica.fleet import ReplicaState
    from sqlite_recovery_tui.replica.ltx import LtxLineage

ALL_LEVELS = "all"


def files_section(
    states: Sequence[ReplicaState],
    chosen: Callable[[LtxLineage], Iterable[LtxFile]],
    *,
    beside_others: bool = False,
) -> Section:
    """Return the table of the files that `chosen` takes from each replica's LTX files.

    The last column is the TXID that `restore -txid` can be asked for because of the file.
    """
    by_replica = len(states) > len({state.ref.database_name for state in states})

    def rows(state: ReplicaState) -> Iterator[Row]:
        lineage = state.timeline.ltx if state.timeline else None
        if lineage is None:
            return
        reached = lineage.states()
        name = (state.ref.replica.name,) if by_replica else ()
        for file in chosen(lineage):
            point = reached.get(file.key)
            restores = point.reached.label if point else None
            cells = (*name, file.level, *_txids(file), file.size, rfc3339(file.time), restores or "-")
            yield cells, {**_member(file), "restores": restores}

    heads = ("level", "min_txid", "max_txid", "size", "created", "restores")
    return Section("files", (*(["replica"] if by_replica else ()), *heads), rows, beside_others)


def of_level(level: str) -> Callable[[LtxLineage], Iterator[LtxFile]]:
    """Return what takes the files of one level ("all": of every one), in Litestream's order."""

    def take(lineage: LtxLineage) -> Iterator[LtxFile]:
        for number, files in lineage.levels.items():
            if level in (ALL_LEVELS, str(number)):
                yield from sorted(files, key=lambda file: (file.min_txid, file.max_txid))

    return take


def history_section(changed: Callable[[ReplicaState], datetime]) -> Section:
    """Return the table of the histories that LTX files tell; `changed` gives when the database did last."""

    def rows(state: ReplicaState) -> Iterator[Row]:
        lineage = state.timeline.ltx if state.timeline else None
        if lineage is None:
            return
        details, lag = lineage.details, changed(state) - lineage.end
        yield (
            (
                state.ref.replica.name,
                lineage.id,
                go_duration(lag),
                rfc3339(lineage.start),
                rfc3339(lineage.end),
                details["first_txid"] or "-",
                details["last_txid"] or "-",
                len(lineage.lanes),
                lineage.objects,
                sum(gap.is_damage for gap in lineage.gaps),
                size(lineage.size),
            ),
            {
                "lag_seconds": lag.total_seconds(),
                **to_json(lineage),
                "gaps": [gap.to_json() for gap in lineage.gaps],
            },
        )

    heads = ("name", "history", "lag", "start", "end", "first_txid", "last_txid", "levels", "files", "gaps")
    return Section("ltx", (*heads, "size"), rows, beside_others=True)


def explain_history(session: Session, states: Sequence[ReplicaState]) -> None:
    """Say what LTX files have instead of generations, and which commands show it."""
    first = next((state.ref for state in states if has_ltx([state])), None)
    if first is not None:
        place = first.database_name or first.replica.url
        session.err.note(
            "LTX files (Litestream 0.5) know no generations: their TXIDs go on from one to the next"
        )
        session.err.note(
            f"what can be restored: {command_line('timeline', place)}; "
            f"the files: {command_line('ltx', '-level', ALL_LEVELS, place)}"
        )


def explain_bases(session: Session, states: Sequence[ReplicaState]) -> None:
    """Say what the LTX files are that a listing of snapshots shows."""
    found = [state.timeline.ltx for state in states if state.timeline and state.timeline.ltx]
    if any(SNAPSHOT_LEVEL in lineage.levels for lineage in found):
        session.err.note("level 9 files are snapshots: each holds the whole database as of its max_txid")
    if any(SNAPSHOT_LEVEL not in lineage.levels and lineage.bases for lineage in found):
        session.err.note("a file that begins with TXID 1 holds the whole database, also below level 9")


def plan_table(files: Sequence[LtxFile]) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    """Return the files of a plan as `litestream restore -dry-run` prints them: heads and rows."""
    heads = ("level", "file", "min_txid", "max_txid", "size", "timestamp")
    return heads, [(file.level, _name(file), *_txids(file), file.size, rfc3339(file.time)) for file in files]


def plan_members(files: Sequence[LtxFile]) -> list[dict[str, Any]]:
    """Return the files of a plan with the members that Litestream's JSON has, and the object's key."""
    return [
        {
            "level": file.level,
            "name": _name(file),
            "min_txid": _txids(file)[0],
            "max_txid": _txids(file)[1],
            "size": file.size,
            "timestamp": rfc3339(file.time, fraction=True),
            "object": file.key,
        }
        for file in files
    ]


def tell_other_levels(session: Session, states: Sequence[ReplicaState], level: str) -> None:
    """Say where the files are that a listing of `level` leaves out, or that there are none at all."""
    for state in states:
        if state.timeline is None:
            continue
        lineage = state.timeline.ltx
        if lineage is None:
            if state.timeline.objects:
                session.err.note(
                    f"{state.ref.label} holds no LTX files but {state.timeline.holds}: "
                    "see `sqlrecover generations`, `snapshots` and `wal`"
                )
            continue
        others = {number: len(files) for number, files in lineage.levels.items() if str(number) != level}
        if level != ALL_LEVELS and others:
            levels = f"level{'s' if len(others) > 1 else ''} {', '.join(map(str, others))}"
            session.err.note(f"{plural(sum(others.values()), 'more file')} at {levels}: add -level all")


def has_ltx(states: Sequence[ReplicaState]) -> bool:
    """Tell whether any of the replicas holds LTX files."""
    return any(state.timeline is not None and state.timeline.ltx is not None for state in states)


def _member(file: LtxFile) -> dict[str, Any]:
    low, high = _txids(file)
    return {
        "level": file.level,
        "min_txid": low,
        "max_txid": high,
        "size": file.size,
        "created": rfc3339(file.time, fraction=True),
        "object": file.key,
    }


def _txids(file: LtxFile) -> tuple[str, str]:
    low, _, high = file.label.partition("-")
    return low, high


def _name(file: LtxFile) -> str:
    return file.key.rpartition("/")[2]
