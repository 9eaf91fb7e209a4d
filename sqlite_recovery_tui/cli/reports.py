"""Plans and results of restores and checks, as lines for people and members for JSON."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sqlite_recovery_tui.words import both_zones, plural, size, span

if TYPE_CHECKING:
    from pathlib import Path

    from sqlite_recovery_tui.domain import Continuity
    from sqlite_recovery_tui.restore.plan import Plan
    from sqlite_recovery_tui.restore.run import RestoreResult
    from sqlite_recovery_tui.verify.integrity import IntegrityReport

SHOWN = 5
"""How many items of a list text shows; JSON has them all."""


def plan_facts(plan: Plan, *, why: str, seconds: float) -> Iterator[tuple[str, str]]:
    """Yield what a plan would do, name by name."""
    from sqlite_recovery_tui.restore.target import describe

    yield "from", f"{plan.replica} ({plan.url}): {why}"
    yield "asked for", describe(plan.requested)
    yield "reaches", both_zones(plan.point.time) + distance(plan.distance_seconds)
    yield "position", str(plan.reached)
    yield "base", f"{plan.route.base_text} ({size(plan.base.size)})"
    if plan.changes:
        yield "changes", f"{plan.route.changes_text}, up to {plan.changes[-1].label}"
    yield "fetches", f"{plural(plan.objects, 'object')}, {size(plan.fetch_bytes)}; about {span(seconds)}"
    for note in plan.notes:
        yield "note", note


def result_facts(
    result: RestoreResult, *, why: str, integrity: IntegrityReport | None
) -> Iterator[tuple[str, str]]:
    """Yield what a restore did and how far it can be trusted, name by name."""
    from sqlite_recovery_tui.restore.target import describe

    plan = result.plan
    reused = f", {result.objects_reused:,} of them from an earlier attempt" if result.objects_reused else ""
    yield "from", f"{plan.replica} ({plan.url}): {why}"
    yield "asked for", describe(plan.requested)
    yield "time", both_zones(result.time) + distance(result.distance_seconds)
    yield "position", str(result.position)
    yield (
        "size",
        f"{size(result.pages * result.page_size)}, {plural(result.pages, 'page')} of {result.page_size:,}",
    )
    fetched = f"{plural(result.objects, 'object')}{reused}, {size(result.bytes_fetched)}"
    yield "fetched", f"{fetched} in {span(result.duration_seconds)}"
    yield from continuity_facts(result.continuity, result.unproven)
    for lost in first_few(result.lost):
        yield "left out", lost
    for note in result.notes:
        yield "note", note
    yield "integrity", integrity_words(integrity)
    for message in first_few(integrity.messages if integrity else ()):
        yield "", message
    if result.undo is not None:
        yield "undo", f"what was there before is in {result.undo}"


def continuity_facts(verdict: Continuity, unproven: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the verdict on a chain and what it rests on."""
    meaning = {
        "proven": "proven: every checksum holds and nothing rests on trust",
        "consistent": "consistent: every checksum holds; what the format cannot prove is listed",
        "damaged": "damaged",
    }
    yield "continuity", meaning[verdict]
    for doubt in first_few(unproven):
        yield "unproven", doubt


def integrity_words(report: IntegrityReport | None) -> str:
    """Say what the checks of a database found."""
    if report is None:
        return "not checked"
    checks = ", ".join(f"{check.kind} {check.verdict}" for check in report.checks)
    notices = dict.fromkeys(check.notice for check in report.checks if check.notice)
    return "; ".join([f"{report.verdict} ({checks})", *notices])


def integrity_member(report: IntegrityReport | None, kind: str) -> dict[str, Any] | None:
    """Return the `integrity` member of a document."""
    if report is None:
        return None
    return {**report.to_json(), "kind": kind, "messages": list(report.messages)}


def distance(seconds: float | None) -> str:
    """Say how far a state is from the time that was asked for, as the end of a phrase."""
    if seconds is None:
        return ""
    if abs(seconds) < 0.001:
        return ", exactly the time asked for"
    side = "before" if seconds > 0 else "after"
    return f", {span(abs(seconds))} {side} the time asked for"


def first_few(items: Sequence[str]) -> Iterator[str]:
    """Yield at most `SHOWN` items, then how many more there are."""
    yield from items[:SHOWN]
    if len(items) > SHOWN:
        yield f"and {len(items) - SHOWN:,} more (--json lists all)"


def command_line(*words: str | Path) -> str:
    """Return a command of ours as a shell takes it."""
    return shlex.join(["sqlrecover", *map(str, words)])
