"""What can be done with the history of acts."""

from __future__ import annotations

from sqlite_recovery_tui.tui.actions.action import CHOOSE, CONSOLE, LOOK, Action
from sqlite_recovery_tui.tui.actions.filtering import filtering

DIALOGS = ("report",)
NEEDS: dict[str, str] = {
    "acts": "Nothing has been recorded yet, or the filter leaves nothing",
}

ACTIONS = (
    Action(
        "history.open",
        "enter",
        "in full",
        "Show all that is known of this act: sources, what was shown, the command.",
        LOOK,
        ("row",),
    ),
    *filtering("history"),
    Action("history.mark", "space", "mark", "Mark this act, or take its mark away.", CHOOSE, ("row",)),
    Action(
        "history.export",
        "e",
        "export",
        "Write the marked acts, or all that are shown, as a report for the post-mortem.",
        LOOK,
        ("acts",),
        keeps=True,
    ),
    Action("history.refresh", "r", "refresh", "Read the history again.", LOOK, footer=False),
    Action("report.leave", "escape", "leave", "Write nothing.", CONSOLE, footer=False),
)
