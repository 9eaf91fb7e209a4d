"""The digits: one action for each area."""

from __future__ import annotations

from sqlite_recovery_tui.tui.actions.action import GO, Action
from sqlite_recovery_tui.tui.areas import AREAS

ACTIONS = tuple(
    Action(f"area.{area.id}", area.key, area.title, area.description, GO, footer=False) for area in AREAS
)
