"""What there is to say about one replica, in labelled lines; used wherever one is described."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from textual.content import Content

from sqlite_recovery_tui.domain import Gap
from sqlite_recovery_tui.tui import phrases, text
from sqlite_recovery_tui.tui.state import Place
from sqlite_recovery_tui.tui.widgets.fact_sheet import Fact

if TYPE_CHECKING:
    from sqlite_recovery_tui.replica.timeline import Timeline
    from sqlite_recovery_tui.tui.screens.base import ConsoleScreen

SHOWN_GAPS = 3


def place_facts(place: Place, screen: ConsoleScreen) -> Iterator[Fact]:
    """Yield where a replica is, how far it reaches, and what is wrong with it."""
    yield "place", text.line((place.url, "bold"), (f"  {place.status.label}", role_style(place.status.role)))
    if place.error is not None:
        yield "problem", text.line((str(place.error), "bold $text-error"))
        yield "next step", text.line((place.error.hint or "press r to try again", "$text-accent"))
    if place.timeline is not None:
        yield from timeline_facts(place.timeline, screen)
    elif place.listing:
        yield "", text.line(("the first results are on their way…", text.MUTED))


def timeline_facts(timeline: Timeline, screen: ConsoleScreen) -> Iterator[Fact]:
    """Yield coverage, counts, gaps and warnings."""
    if timeline.newest is None or timeline.oldest is None:
        if not timeline.objects:
            yield "holds", "nothing: no snapshot and no WAL segment was found here"
    else:
        yield "back to", text.line((screen.in_full(timeline.newest.time), "$text-success"))
        yield "covered", coverage_line(timeline)
        yield "holds", holdings_line(timeline)
    yield from gap_facts(timeline)
    for warning in timeline.warnings:
        yield "note", text.line(("▲ ", "$text-warning"), warning)


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
    """Return what is stored."""
    snapshots = sum(len(generation.snapshots) for generation in timeline.generations)
    return text.line(
        phrases.many(len(timeline.generations), "generation"),
        f" · {phrases.many(snapshots, 'snapshot')}, {phrases.many(timeline.objects - snapshots, 'segment')}",
        f" · {phrases.size(timeline.size)}",
    )


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
    return f"{gap.message}; {', '.join(around)}" if around else gap.message


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
