"""The areas of the console: what a digit leads to from anywhere; each is a screen on the common stack."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite_recovery_tui.tui.screens.base import ConsoleScreen


@dataclass(frozen=True, slots=True)
class Area:
    """One area: its digit, the view that it is, and how its screen is made."""

    key: str
    id: str
    """The `VIEW` of its screen."""
    title: str
    """One word for the bar above and the palette."""
    description: str
    """One sentence for help and palette."""
    make: Callable[[], ConsoleScreen]


def _fleet() -> ConsoleScreen:
    from sqlite_recovery_tui.tui.screens.fleet import FleetScreen

    return FleetScreen()


def _jobs() -> ConsoleScreen:
    from sqlite_recovery_tui.tui.screens.jobs import JobsScreen

    return JobsScreen()


def _history() -> ConsoleScreen:
    from sqlite_recovery_tui.tui.screens.history import HistoryScreen

    return HistoryScreen()


def _scratches() -> ConsoleScreen:
    from sqlite_recovery_tui.tui.screens.scratches import ScratchesScreen

    return ScratchesScreen()


def _browse() -> ConsoleScreen:
    from sqlite_recovery_tui.tui.screens.browse import BrowseScreen

    return BrowseScreen()


AREAS: tuple[Area, ...] = (
    Area("1", "fleet", "fleet", "Go to the fleet: every replica, how far it goes back.", _fleet),
    Area("2", "jobs", "jobs", "Go to the jobs of this session, running and ended.", _jobs),
    Area("3", "scratches", "scratches", "Go to the scratch databases: list, open, delete.", _scratches),
    Area("4", "history", "history", "Go to the history: what was done, when, by whom.", _history),
    Area("5", "browse", "browse", "Go and look through a bucket for replicas.", _browse),
)
"""In the order of their digits."""
BY_ID = {area.id: area for area in AREAS}
