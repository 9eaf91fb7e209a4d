"""What can be done while looking through buckets and folders for replicas."""

from __future__ import annotations

from sqlite_recovery_tui.tui.actions.action import LOOK, Action
from sqlite_recovery_tui.tui.actions.filtering import filtering

NEEDS: dict[str, str] = {
    "looking": "Nothing is being looked through",
    "looked": "Type first where to look",
}

ACTIONS = (
    Action(
        "browse.open",
        "enter",
        "open",
        "Show what this replica holds, or look through this place.",
        LOOK,
        ("row",),
    ),
    Action("browse.place", "o", "other place", "Type where to look: a bucket, a prefix, a folder.", LOOK),
    *filtering("browse"),
    Action("browse.again", "r", "look again", "Look through the same place again.", LOOK, ("looked",)),
    Action("browse.stop", "x", "stop", "Stop looking; what was found stays.", LOOK, ("looking",)),
)
