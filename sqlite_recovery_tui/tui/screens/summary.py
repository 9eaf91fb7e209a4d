"""What there is to say about one replica, in labelled lines; used wherever one is described."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from textual.content import Content

from sqlite_recovery_tui.domain import Gap
from sqlite_recovery_tui.replica.grain import Grain, describe_grain
from sqlite_recovery_tui.tui import phrases, standing, text, wording
from sqlite_recovery_tui.tui.screens.burst_words import burst_facts
from sqlite_recovery_tui.tui.state import Place
from sqlite_recovery_tui.tui.widgets.fact_sheet import Fact

if TYPE_CHECKING:
    from sqlite_recovery_tui.replica.lineage import Lineage
    from sqlite_recovery_tui.replica.timeline import Timeline
    from sqlite_recovery_tui.tui.screens.base import ConsoleScreen

SHOWN_GAPS = 3


def why_no_history(places: Sequence[Place]) -> str:
    """Say why nothing of a database can be restored now; empty where its replicas simply hold nothing."""
    database = places[0].database
    if any(place.listing for place in places):
        return f"{database} is still being listed: press the key again when a replica of it is there"
    if any(place.error is None for place in places):
        return ""
    which = "The replica" if len(places) == 1 else "None of the replicas"
    cannot = "cannot" if len(places) == 1 else "can"
    return (
        f"{which} of {database} {cannot} be listed, so there is nothing to plan with: "
        "what failed stands beside it. r lists again, o opens another place"
    )


def place_facts(place: Place, screen: ConsoleScreen) -> Iterator[Fact]:
    """Yield where a replica is, how far it reaches, and what is wrong with it."""
    console = screen.console
    stands = standing.sentence(place, console.history, console.time_style, console.now())
    if stands is not None:
        yield "stands", stands
    daemon = console.daemons.of(place)
    if daemon is not None:
        yield "daemon", daemon.words(console.time_style, console.now())
    if place.aged is not None:
        yield "as of", text.line((f"◌ {standing.aged(place, console.now())}", "$text-warning"))
    yield "place", text.line((place.url, "bold"), (f"  {place.status.label}", role_style(place.status.role)))
    if place.error is not None:
        yield "problem", text.line((wording.words(place.error), "bold $text-error"))
        yield "next step", text.line((wording.hint(place.error) or "press r to try again", "$text-accent"))
    if place.timeline is not None:
        yield from timeline_facts(place.timeline, screen)
    elif place.listing:
        yield "", text.line(("the first results are on their way…", text.MUTED))


def timeline_facts(timeline: Timeline, screen: ConsoleScreen, grain: Grain | None = None) -> Iterator[Fact]:
    """Yield coverage, how far apart its points are where that is known, counts, gaps and warnings."""
    if timeline.newest is None or timeline.oldest is None:
        if not timeline.objects:
            yield "holds", "nothing: no snapshot and no change was found here"
    else:
        yield "back to", text.line((screen.in_full(timeline.newest.time), "$text-success"))
        yield "covered", coverage_line(timeline)
        if grain is not None and grain.periods:
            yield "points every", describe_grain(grain, screen.console.now())
        yield "holds", holdings_line(timeline)
    if screen.has_class("-tall"):
        for lineage in timeline.lineages:
            yield from (("", text.content(remark, text.MUTED)) for remark in lineage.remarks)
    yield from gap_facts(timeline)
    if not any(place.pending for place in screen.console.listings.places if place.timeline is timeline):
        yield from burst_facts(timeline, screen)
    for warning in timeline.warnings:
        yield "note", text.line(("▲ ", "$text-warning"), wording.words(warning))


def coverage_line(timeline: Timeline) -> Content:
    """Return from when to when, and how much of it is covered."""
    spans = timeline.coverage()
    total = sum(span.length.total_seconds() for span in spans)
    return text.line(
        f"{phrases.utc(spans[0].start)} → {phrases.utc(spans[-1].end)}",
        f" · {phrases.seconds(total)}",
        f" in {len(spans)} spans" if len(spans) > 1 else "",
    )


def holdings_line(timeline: Timeline) -> Content:
    """Return what is stored, layout by layout."""
    kinds = groupby(timeline.lineages, key=lambda lineage: lineage.lanes[0].noun)
    parts = [f"{kind} · " for kind in (_holdings(list(members)) for _, members in kinds)]
    return text.line(*parts, phrases.size(timeline.size))


def _holdings(lineages: Sequence[Lineage]) -> str:
    """Return how many lanes, snapshots and changes lineages of one layout have."""
    lanes = [lane for lineage in lineages for lane in lineage.lanes]
    bases = base_count(lineages)
    changes = sum(lineage.objects for lineage in lineages) - bases
    return (
        f"{phrases.many(len(lanes), lanes[0].noun)}: "
        f"{phrases.many(bases, 'snapshot')}, {phrases.many(changes, lanes[0].change_noun)}"
    )


def base_count(lineages: Iterable[Lineage]) -> int:
    """Return how many objects there are that a restore can begin with."""
    return sum(len(lineage.bases) for lineage in lineages)


def gap_facts(timeline: Timeline) -> Iterator[Fact]:
    """Yield the holes that are damage, the first few in full."""
    holes = timeline.holes
    for gap in holes[:SHOWN_GAPS]:
        yield "gap", text.line(("╳ ", "bold $text-error"), gap_words(gap))
    if len(holes) > SHOWN_GAPS:
        yield "", f"and {phrases.many(len(holes) - SHOWN_GAPS, 'more gap')}"


def gap_words(gap: Gap) -> str:
    """Return what a gap means: what is missing and what can be restored around it."""
    around = []
    if gap.before is not None:
        around.append(f"good up to {phrases.utc(gap.before.time)}")
    if gap.after is not None:
        around.append(f"again from {phrases.utc(gap.after.time)}")
    message = phrases.short_ids(wording.words(gap.message))
    return f"{message}; {', '.join(around)}" if around else message


def role_style(role: str) -> str:
    """Return the style in which text of a role is written."""
    return {
        "ok": "$text-success",
        "warn": "$text-warning",
        "bad": "bold $text-error",
        "muted": text.MUTED,
        "accent": "$text-primary",
        "strong": "bold",
    }.get(role, "")
