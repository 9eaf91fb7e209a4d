"""What there is to say about a place in a replica's history: what it is, what it takes, what is proven."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from textual.content import Content

from sqlite_recovery_tui.domain import LtxFile, Position, WalSegment
from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.restore.target import AtPosition, AtTime, describe, of_point
from sqlite_recovery_tui.tui import entries, phrases, text, wording
from sqlite_recovery_tui.tui.aim import Aim
from sqlite_recovery_tui.tui.entries import Entry, Heading, Hole, Stored
from sqlite_recovery_tui.tui.known import Known, Shown
from sqlite_recovery_tui.tui.screens.summary import gap_words
from sqlite_recovery_tui.tui.widgets.fact_sheet import Fact

if TYPE_CHECKING:
    from sqlite_recovery_tui.restore.commits import ObjectCommits
    from sqlite_recovery_tui.restore.plan import Plan
    from sqlite_recovery_tui.tui.replica_work import Takes
    from sqlite_recovery_tui.tui.screens.base import ConsoleScreen

_FAR_SECONDS = 60.0
"""A state that lies further from the time asked for is pointed out."""


@dataclass(frozen=True)
class Spot:
    """Where the cursor stands: a line, a commit inside its object, and the time that led here."""

    entry: Entry
    commits: ObjectCommits | None = None
    """What its object holds, where that was read."""
    number: int | None = None
    """Which of these commits, counted from 0; None: the end of the object."""
    asked: AtTime | None = None
    """The time that was typed to come here."""

    @property
    def is_last(self) -> bool:
        """Whether it is the end of the object."""
        return self.number is None or self.commits is None or self.number == len(self.commits.commits) - 1

    @property
    def aim(self) -> Aim | None:
        """What to wish for to get this state; None where nothing can be restored."""
        if not isinstance(self.entry, Stored) or self.entry.point is None:
            return None
        if self.asked is not None and self.number is None:
            return Aim(self.asked)
        if self.is_last:
            return entries.aim_of(self.entry)
        assert self.commits is not None
        assert self.number is not None
        place = self.commits.commits[self.number].place
        assert isinstance(place, Position)
        return Aim(AtPosition(place.index, place.offset, place.generation))

    @property
    def time(self) -> datetime | None:
        """When the commit was made that the cursor stands at, where that is told."""
        if self.commits is None or not self.commits.commits or self.asked is not None:
            return None
        return self.commits.commits[-1 if self.number is None else self.number].time

    @property
    def label(self) -> str:
        """The position, to be copied."""
        match self.entry:
            case Stored(item, point=point):
                if not self.is_last and self.commits is not None and self.number is not None:
                    return self.commits.commits[self.number].place.label
                return (point.reached.label if point.end else item.label) if point is not None else item.key
            case Heading(lane):
                return lane.id
            case Hole(gap):
                return gap.object


def spot_facts(
    spot: Spot,
    takes: Takes | RecoverError | None,
    known: Known,
    screen: ConsoleScreen,
    *,
    reading: bool = False,
) -> Iterator[Fact]:
    """Yield all there is to say about a spot; `takes` is its plan, None while that is made."""
    match spot.entry:
        case Heading(lane):
            about = f": {lane.about}" if lane.about else ""
            yield lane.noun, text.line((lane.id, "bold"), about)
            yield "from", screen.in_full(lane.start)
            yield "to", screen.in_full(lane.end)
        case Hole(gap):
            yield "gap", text.line(("╳ ", "bold $text-error"), gap_words(gap))
            yield "object", gap.object
        case Stored(item, point=None, expired=expired):
            why = "its time has expired" if expired else "no snapshot connects to it"
            style = text.MUTED if expired else "$text-error"
            yield "point", text.line((f"✗ cannot be restored: {why}", style))
            yield "object", item.key
        case Stored() as entry:
            yield from _point_facts(spot, entry, screen, reading)
            yield from _asked_commit(spot, takes, screen)
            yield "restore", _cost(takes)
            yield "proof", _proof(takes, known, screen)


def _point_facts(spot: Spot, entry: Stored, screen: ConsoleScreen, reading: bool) -> Iterator[Fact]:
    assert entry.point is not None
    when = spot.time or entry.point.time
    yield "point", text.line((screen.in_full(when, fine=screen.has_class("-tall")), "bold"))
    if spot.asked is not None:
        away = (spot.asked.time - when).total_seconds()
        style = "$text-warning" if abs(away) > _FAR_SECONDS else text.MUTED
        typed = f" ({spot.asked.text})" if spot.asked.text else ""
        yield "asked", text.line((phrases.distance(away), style), (typed, text.MUTED))
    if spot.commits is None or not isinstance(entry.item, WalSegment):
        if reading:
            behind = "  ◌ reading its commits…"
        else:
            behind = f"  {entry.item.key}" if screen.has_class("-tall") else ""
        yield "exactly", text.line(describe(of_point(entry.point)), _merged(entry), (behind, text.MUTED))
    else:
        yield "exactly", _commit(spot, spot.commits, brief=screen.has_class("-short"))


def _asked_commit(spot: Spot, takes: Takes | RecoverError | None, screen: ConsoleScreen) -> Iterator[Fact]:
    """Yield the commit that a restore to the time asked for ends with, where commits are dated."""
    if spot.asked is None or takes is None or isinstance(takes, RecoverError):
        return
    point = takes.draft.plan.point
    if point.is_commit:
        yield "commit", text.line((screen.in_full(point.time), "bold"), f" · {point.reached.label}")


def _merged(entry: Stored) -> str:
    """Return that a file holds the work of several syncs as one state, where it does."""
    item = entry.item
    if not isinstance(item, LtxFile) or item.is_base or item.min_txid == item.max_txid:
        return ""
    return f" · {phrases.many(item.max_txid - item.min_txid + 1, 'sync')} in one state"


def _commit(spot: Spot, found: ObjectCommits, *, brief: bool) -> Content:
    """Return which commit of an object it is, exactly where, and what it changed."""
    if not found.commits:
        return text.line("no commit ends in this segment: its state is that of the one before")
    number = spot.number if spot.number is not None else len(found.commits) - 1
    commit = found.commits[number]
    notes = "".join(f" · {note}" for note in found.notes)
    whose = "its own" if commit.time is not None else "that of its segment"
    more = "" if brief else f" of {commit.database_pages:,}; the time is {whose}"
    return text.line(
        (f"commit {number + 1} of {len(found.commits)}", "bold"),
        f" · position {commit.place.label} · changes {phrases.many(commit.pages, 'page')}",
        (more + notes, text.MUTED),
    )


def _cost(takes: Takes | RecoverError | None) -> Content | str:
    if takes is None:
        return ""
    if isinstance(takes, RecoverError):
        return text.line((f"✗ {wording.words(takes)}", "$text-error"))
    plan = takes.draft.plan
    changes = plan.route.changes_text
    return text.line(
        f"{phrases.short_ids(plan.route.base_text)} ({phrases.clock(plan.base.time)})",
        f" + {changes}" if changes else " alone",
        f" · {phrases.size(plan.fetch_bytes)}",
        (f" · about {phrases.seconds(takes.draft.seconds)}", "bold"),
    )


def _proof(takes: Takes | RecoverError | None, known: Known, screen: ConsoleScreen) -> Content | str:
    """Return what is proven of exactly this state, or what would be, and what is known to be damaged."""
    if takes is None or isinstance(takes, RecoverError):
        return ""
    flaw = next((known.flaws[key] for key in takes.flawed if key in known.flaws), None)
    if flaw is not None:
        return text.line(("✗ damaged: ", "bold $text-error"), flaw.message)
    plan = takes.draft.plan
    shown = _shown(plan, known)
    if shown is not None:
        when = screen.short(shown.at)
        upto = "" if shown.place == str(plan.reached) else f" up to {shown.place.rpartition('/')[2]}"
        return text.line(
            ("✓ proven ", "bold $text-success"), (f"{when} by {shown.how}{upto}", "$text-success")
        )
    near = known.before(plan.point.time)
    if near is None:
        return text.line("○ no hole by name", ("; every checksum is verified on the way", text.MUTED))
    away = (plan.point.time - near.moment).total_seconds()
    where = f"{phrases.seconds(away)} before this" if away else near.place
    return text.line("○ no hole by name", (f" · proven {where} by {near.how}", "$text-success"))


def _shown(plan: Plan, known: Known) -> Shown | None:
    """Return how just this state was shown to be restorable; of the last of a WAL how far it was."""
    point = plan.point
    if point.end is not None or plan.reached != point.position:
        return known.of_state(plan.reached)
    return known.inside(point.position) if isinstance(point.position, Position) else None
