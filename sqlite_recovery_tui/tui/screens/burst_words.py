"""What stands out of a replica's history, in words: where far more was written at once than usual."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlite_recovery_tui.tui import phrases, text
from sqlite_recovery_tui.tui.widgets.fact_sheet import Fact

if TYPE_CHECKING:
    from sqlite_recovery_tui.replica.timeline import Timeline
    from sqlite_recovery_tui.tui.screens.base import ConsoleScreen


def burst_facts(timeline: Timeline, screen: ConsoleScreen) -> Iterator[Fact]:
    """Yield the largest burst, which may be what went wrong, and the key that goes in front of it."""
    for burst in timeline.bursts[:1]:
        yield (
            "burst",
            text.line(
                ("▲ ", "$text-warning"),
                (screen.short(burst.item.time), "bold"),
                f" {phrases.size(burst.item.size)} at once, {burst.times:.0f}× the usual",
                ("  B goes before it", "$text-accent"),
            ),
        )
