"""What is pointed out on a replica's timeline: what was asked for, damage, proofs, and the newest state."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlite_recovery_tui.tui import phrases
from sqlite_recovery_tui.tui.entries import EntryList, Stored
from sqlite_recovery_tui.tui.known import Flaw, Known
from sqlite_recovery_tui.tui.steps import Steps
from sqlite_recovery_tui.tui.widgets.timeline import ASKED, NEWEST
from sqlite_recovery_tui.tui.widgets.timeline_paint import FAULT
from sqlite_recovery_tui.tui.widgets.timeline_pins import Pin

_MOST = 2_000
"""Pins of one kind; more of them would only lie on one another."""


def pins(lines: EntryList, known: Known, asked: datetime | None, now: datetime) -> list[Pin]:
    """Return all pins, the ones that matter most first."""
    found = [Pin(asked, ASKED, "asked", "bold $text-accent", urgent=True)] if asked is not None else []
    found += list(_damage(lines, known))
    newest = lines.timeline.newest
    if newest is not None:
        found.append(Pin(newest.time, NEWEST, f"newest {phrases.age(newest.time, now)}", "$text-primary"))
    found += [Pin(shown.moment, "✓", "proven", "$text-success") for shown in known.shown[:_MOST]]
    return found


def _damage(lines: EntryList, known: Known) -> Iterator[Pin]:
    for flaw in list(known.flaws.values())[:_MOST]:
        where = _where(lines, flaw)
        if where is not None:
            yield Pin(where[0], FAULT, "damaged", "bold $text-error", where[1], urgent=True)


def _where(lines: EntryList, flaw: Flaw) -> tuple[datetime, int | None] | None:
    """Return when a damaged object was stored and in which lane; the last good state's time for a hole."""
    place = lines.places.get(flaw.key)
    entry = lines.entries[place] if place is not None else None
    if isinstance(entry, Stored) and place is not None:
        return entry.item.time, Steps(lines).block_of(place)
    return (flaw.last_good.time, None) if flaw.last_good is not None else None
