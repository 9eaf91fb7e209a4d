"""What can be done with the fleet."""

from __future__ import annotations

from sqlite_recovery_tui.tui.actions.action import CHOOSE, LOOK, PROVE, RESTORE, Action
from sqlite_recovery_tui.tui.actions.filtering import filtering

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
        "g",
        "go to time",
        "Type the time to go back to; the replica that comes closest is chosen.",
        CHOOSE,
        ("row", "history"),
    ),
    *filtering("fleet"),
    Action(
        "fleet.prove",
        "v",
        "prove",
        "Read every object of the marked replicas, or of this one, and prove their chains.",
        PROVE,
        ("row", "timeline"),
    ),
    Action("fleet.mark", "space", "mark", "Mark this replica, or take its mark away.", CHOOSE, ("row",)),
    Action(
        "fleet.mark-all",
        "a",
        "mark all",
        "Mark every replica in view; again: take every mark away.",
        CHOOSE,
        ("row",),
        footer=False,
    ),
    Action("fleet.refresh", "r", "refresh", "List the marked replicas again, or every one.", LOOK),
    Action(
        "fleet.pause", "p", "pause", "Stop listing again by itself, or go on with it.", LOOK, footer=False
    ),
    Action(
        "fleet.interval",
        "i",
        "interval",
        "List again by itself every 10 s, 30 s, minute, 5 minutes, or not.",
        LOOK,
        footer=False,
    ),
    Action("fleet.place", "o", "other place", "Open another replica, configuration or the demo.", LOOK),
)
