"""What can be done to find the commit at which something changed."""

from __future__ import annotations

from sqlite_recovery_tui.tui.actions.action import CHOOSE, CONSOLE, Action

ACTIONS = (
    Action(
        "replica.bisect",
        "b",
        "bisect",
        "Find the commit at which the answer to a query changed, and what it changed.",
        CHOOSE,
        ("history",),
        keeps=True,
    ),
    Action("bisect.other", "tab down up", "other line", "To the other line.", CONSOLE, footer=False),
    Action("bisect.leave", "escape", "leave", "Leave without a search.", CONSOLE, footer=False),
)
DIALOGS = ("bisect",)
