"""What can be done with the fleet."""

from __future__ import annotations

from sqlite_recovery_tui.tui.actions.action import CHOOSE, LOOK, RESTORE, Action

ACTIONS = (
    Action("fleet.open", "enter", "open", "Show what this replica holds.", LOOK, ("row",)),
    Action(
        "fleet.latest",
        "R",
        "restore newest",
        "Plan a restore of this database's newest state, from the replica that reaches furthest.",
        RESTORE,
        ("row", "history"),
    ),
    Action(
        "fleet.time",
        "g slash",
        "go to time",
        "Type the time to go back to; the replica that comes closest is chosen.",
        CHOOSE,
        ("row", "history"),
    ),
    Action("fleet.refresh", "r", "refresh", "List every replica again.", LOOK),
    Action("fleet.place", "o", "other place", "Open another replica, configuration or the demo.", LOOK),
)
