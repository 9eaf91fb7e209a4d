"""What the screen of a replica asks of the engine; every function here runs in a worker's thread."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlite_recovery_tui.tui import entries, laying, work
from sqlite_recovery_tui.tui.widgets.timeline_index import Index, index_of

if TYPE_CHECKING:
    from sqlite_recovery_tui.domain import LtxFile, WalSegment
    from sqlite_recovery_tui.replica.timeline import Timeline
    from sqlite_recovery_tui.restore.commits import ObjectCommits
    from sqlite_recovery_tui.tui.aim import Aim
    from sqlite_recovery_tui.tui.engine import Report
    from sqlite_recovery_tui.tui.state import Place
    from sqlite_recovery_tui.tui.work import Draft

REST_SECONDS = 0.08
"""How long the cursor stays at a place before its restore is planned: on a long history that is real work."""


@dataclass(frozen=True)
class Takes:
    """What a restore takes."""

    draft: Draft
    flawed: tuple[str, ...] = ()
    """Keys of its objects that are known not to hold."""


@dataclass(frozen=True)
class Laid:
    """A history laid out: as lines, and over time."""

    lines: entries.EntryList
    index: Index | None


def lay_out(timeline: Timeline) -> Laid:
    """Lay a history out."""
    return Laid(laying.build(timeline), index_of(timeline))


def draft(
    place: Place, timeline: Timeline, aim: Aim, scratch: Path, *, flawed: Collection[str], report: Report
) -> Takes:
    """Plan the restore of a state; says which of the objects `flawed` it needs."""
    made = work.draft(place, work.in_time(place, timeline, aim, report), aim, scratch)
    if not flawed:
        return Takes(made)
    route = made.plan.route
    return Takes(made, tuple(item.key for item in (route.base, *route.changes) if item.key in flawed))


def commits(place: Place, timeline: Timeline, item: WalSegment | LtxFile, report: Report) -> ObjectCommits:
    """Read the commits of one object."""
    from sqlite_recovery_tui.restore.commits import commits as read
    from sqlite_recovery_tui.storage.open import open_store

    store = open_store(place.ref.replica)
    try:
        return read(store, timeline, item, identities=place.ref.identities, cancel=report.cancel)
    finally:
        store.close()


def proofs(history: Any, url: str) -> tuple[Any, ...]:
    """Return what the history tells of a replica; nothing while there is no history."""
    return tuple(history.proofs(url)) if history is not None else ()
