"""What can be done on the way from a restored database to production, and back."""

from __future__ import annotations

from sqlite_recovery_tui.tui.actions.action import CHOOSE, CONSOLE, LOOK, RESTORE, Action

NEEDS: dict[str, str] = {
    "promotable": "There is no plan that could be carried out",
    "unlocked": "An assertion does not hold in this database: take another moment, or overrule it with o",
    "locked": "No assertion stands in the way",
    "undoable": "There is no undo point of this database: nothing was promoted yet",
}

ACTIONS = (
    Action(
        "promote.run",
        "enter",
        "promote",
        "Put this database in production's place; asks for production's name.",
        RESTORE,
        ("promotable", "unlocked"),
        dangerous=True,
    ),
    Action(
        "promote.overrule",
        "o",
        "overrule",
        "Let it be promoted though an assertion does not hold; asks for the name of that one.",
        CHOOSE,
        ("locked",),
        only=True,
    ),
    Action(
        "promote.mode",
        "m",
        "other way",
        "Plan it another way: online, by a rename, by a log, or as the facts say.",
        CHOOSE,
    ),
    Action("promote.refresh", "r", "plan again", "Look at production again.", LOOK),
    Action(
        "promote.undo",
        "u",
        "take back",
        "Put back what production was before its newest promote; asks for its name.",
        RESTORE,
        ("undoable",),
        dangerous=True,
    ),
    Action("typed.leave", "escape", "leave", "Leave without typing the name.", CONSOLE, footer=False),
)
