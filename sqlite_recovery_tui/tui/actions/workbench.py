"""What can be done inside a database."""

from __future__ import annotations

from sqlite_recovery_tui.tui.actions.action import LOOK, PROVE, RESTORE, Action

NEEDS: dict[str, str] = {
    "busy": "Nothing is running that could be stopped",
    "whole": "This is a preview: checks need all of the database. R restores it first",
    "preview": "It is restored already",
}

ACTIONS = (
    Action("workbench.open", "enter", "open", "Preview the table, or show the whole cell.", LOOK, ("row",)),
    Action("workbench.sql", "s", "SQL", "Ask the database in read-only SQL.", LOOK),
    Action("workbench.report", "v", "verdict", "Show everything the checks had to say.", PROVE),
    Action(
        "workbench.check", "c", "check again", "Run every check of this database again.", PROVE, ("whole",)
    ),
    Action(
        "workbench.restore",
        "R",
        "restore",
        "Plan a restore of what is previewed.",
        RESTORE,
        ("preview",),
        only=True,
    ),
    Action("workbench.stop", "x", "stop", "Stop the running query, or the checks.", PROVE, ("busy",)),
)
