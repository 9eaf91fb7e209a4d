"""What can be done with scratch databases."""

from __future__ import annotations

from sqlite_recovery_tui.tui.actions.action import CHOOSE, LOOK, RESTORE, Action
from sqlite_recovery_tui.tui.actions.filtering import filtering

NEEDS: dict[str, str] = {
    "due": "Nothing is due: no limit is set (scratch-keep, scratch-max), or none is reached",
}

ACTIONS = (
    Action("scratches.open", "enter", "look inside", "Open it in the workbench.", LOOK, ("row",)),
    Action(
        "scratches.delete",
        "d",
        "delete",
        "Delete the marked scratch databases, or this one; asks first.",
        RESTORE,
        ("row",),
        keeps=True,
    ),
    Action(
        "scratches.expire",
        "e",
        "expire",
        "Delete what is too old or too much by the configuration; asks first.",
        RESTORE,
        ("due",),
        keeps=True,
    ),
    Action(
        "scratches.promote",
        "P",
        "promote",
        "See what it would mean to put it in production's place, and do it.",
        RESTORE,
        ("row", "production"),
    ),
    Action("scratches.mark", "space", "mark", "Mark this one, or take its mark away.", CHOOSE, ("row",)),
    *filtering("scratches"),
    Action("scratches.refresh", "r", "refresh", "Look again.", LOOK, footer=False),
)
