"""What there is to say about the plan of a restore: where it leads, what it takes, what else there is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from sqlite_recovery_tui.domain import RestorePoint
from sqlite_recovery_tui.errors import DamagedError, OutsideCoverage, RecoverError, StorageError
from sqlite_recovery_tui.restore.target import AtTime, describe, of_point
from sqlite_recovery_tui.tui import phrases, text, wording
from sqlite_recovery_tui.tui.aim import Aim
from sqlite_recovery_tui.tui.state import Other, Place
from sqlite_recovery_tui.tui.widgets.fact_sheet import Fact
from sqlite_recovery_tui.tui.widgets.problem import way

if TYPE_CHECKING:
    from sqlite_recovery_tui.restore.plan import Plan
    from sqlite_recovery_tui.tui.screens.base import ConsoleScreen
    from sqlite_recovery_tui.tui.work import Draft

_FAR_SECONDS = 60.0
"""A state that lies further from the time asked for is pointed out."""


def plan_facts(
    draft: Draft, aim: Aim, others: Sequence[Other], following: Place | None, screen: ConsoleScreen
) -> Iterator[Fact]:
    """Yield what a plan gives, from where, at what price, and what must be known about it.

    `following` is the replica that the key for another one leads to.
    """
    plan = draft.plan
    stop = stops_at(draft, aim)
    if stop is not None:
        yield "you get", text.line((screen.in_full(stop.time), "bold $text-warning"))
        yield "", "the last good commit in front of the damage"
        yield "lost", text.line(("✗ ", "bold $text-error"), wording.words(aim.damage))
    else:
        fine = plan.distance_seconds is not None and phrases.is_near(plan.distance_seconds)
        yield "you get", text.line((screen.in_full(plan.point.time, fine=fine), "bold $text-success"))
    if stop is None and plan.distance_seconds is not None:
        style = "$text-warning" if abs(plan.distance_seconds) > _FAR_SECONDS else text.MUTED
        yield "", text.line((phrases.distance(plan.distance_seconds), style))
    yield "exactly", text.line(describe(of_point(plan.point)), ("  " + plan.format, text.MUTED))
    yield "takes", cost_line(draft)
    yield "proof", "no hole by name; every checksum is verified on the way"
    if (proven := screen.console.history.last_proof(draft.place.url)) is not None:
        moment = screen.in_full(proven.at)
        yield "", text.line(("✓ ", "$text-success"), f"proven by {proven.how}: {moment}")
    yield from _replica_facts(draft, others, following)
    warnings = draft.place.timeline.warnings if draft.place.timeline is not None else ()
    for note in dict.fromkeys((*plan.notes, *warnings)):
        yield "note", text.line(("▲ ", "$text-warning"), wording.words(note))


def _replica_facts(draft: Draft, others: Sequence[Other], following: Place | None) -> Iterator[Fact]:
    """Yield why this replica was chosen, and what each other one would give."""
    if draft.why and others:
        yield "from", text.line(draft.place.replica, (f": {wording.words(draft.why)}", text.MUTED))
    label = "other replica" if len(others) == 1 else "others"
    for other in others:
        key = "  w" if other.place is following else ""
        yield label, _other_line(other, draft) + text.content(key, "bold $text-primary")
        label = ""


def _other_line(other: Other, draft: Draft) -> Content:
    if other.plan is None:
        return text.line(other.place.replica, (f"  ✗ {wording.words(other.error)}", text.MUTED))
    return text.line(
        other.place.replica,
        f"  {phrases.utc(other.plan.point.time)}, {_compared(other.plan, draft.plan)}",
        (f" · {phrases.size(other.plan.fetch_bytes)}", text.MUTED),
    )


def _compared(other: Plan, plan: Plan) -> str:
    """Say how another replica's state differs; stored times differ also where the state does not."""
    if plan.point.end is not None and other.point.end is not None and other.reached == plan.reached:
        return "the same state"
    newer = (other.point.time - plan.point.time).total_seconds()
    if abs(newer) < 0.001:
        return "the same moment"
    return f"{phrases.seconds(abs(newer))} {'newer' if newer > 0 else 'older'}"


def cost_line(draft: Draft) -> Content:
    """Return what a restore fetches and about how long it takes."""
    plan = draft.plan
    changes = plan.route.changes_text
    return text.line(
        f"{phrases.short_ids(plan.route.base_text)} ({phrases.clock(plan.base.time)})",
        f" + {changes}" if changes else " alone",
        f" · {phrases.size(plan.fetch_bytes)} in {phrases.many(plan.objects, 'object')}",
        (f" · about {phrases.seconds(draft.seconds)}", "bold"),
    )


def stops_at(draft: Draft, aim: Aim) -> RestorePoint | None:
    """Return where the restore will stop when that is in front of the plan's own point."""
    last_good = aim.damage.last_good if aim.damage is not None else None
    return last_good if last_good is not None and last_good.time < draft.plan.point.time else None


def why_none(error: RecoverError | None, pending: Sequence[Place], doing: str) -> str:
    """Say why there is no plan to run, and what to do."""
    if isinstance(error, StorageError):
        return "Nothing was restored: without a listing there is no plan. r lists the replicas again"
    if error is not None:
        return "Nothing was restored: this cannot be planned. What can be done instead stands on the screen"
    waits = f"it waits for the listing of {', '.join(place.replica for place in pending)}"
    return (
        f"Nothing runs yet: the plan is being made ({waits if pending else doing}). "
        "Press the key again when it stands here, or esc to leave it"
    )


def failures(places: Sequence[Place], told: RecoverError | None) -> Iterator[Content]:
    """Yield which other replicas cannot be listed either, and how far each was known to reach."""
    for place in places:
        if isinstance(place.error, StorageError) and place.error is not told:
            yield text.line(("✗ ", "bold $text-error"), f"{place.replica}: {wording.words(place.error)}")
    for place in places:
        newest = place.known.timeline.newest if place.known is not None and place.aged else None
        if newest is not None and isinstance(place.error, StorageError):
            yield text.line(
                ("  ◌ ", text.MUTED),
                f"{place.replica} reached {phrases.utc(newest.time)} when it was last listed",
            )


def ways_out(error: RecoverError | None, aim: Aim, following: Place | None) -> Iterator[Content]:
    """Yield what can be done instead of a plan that failed."""
    match error:
        case None:
            return
        case OutsideCoverage(before=before, after=after):
            yield from _offer("b", "take the newest before it:", before, aim)
            yield from _offer("a", "take the oldest after it:", after, aim)
        case DamagedError(last_good=before, next_good=after):
            yield from _offer("l", "take the last good commit:", before, aim)
            yield from _offer("n", "take the next good snapshot:", after, aim)
        case StorageError():
            yield way("r", "list the replicas again")
    if following is not None:
        yield way("w", f"plan from {following.replica} instead")
    yield way("g", "type another time")
    yield way("esc", "choose another point")


def _offer(key: str, words: str, point: RestorePoint | None, aim: Aim) -> Iterator[Content]:
    if point is not None:
        distance = ""
        if isinstance(aim.target, AtTime):
            distance = f" · {phrases.distance(aim.target.time - point.time)}"
        yield way(key, f"{words} {phrases.utc(point.time)}{distance}")
