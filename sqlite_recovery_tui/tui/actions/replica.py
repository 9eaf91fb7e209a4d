"""What can be done with one replica's history."""

from __future__ import annotations

from sqlite_recovery_tui.tui.actions.action import CHOOSE, LOOK, MOVE, RESTORE, Action

NEEDS: dict[str, str] = {
    "point": "This line is not a restore point: move to one that begins with │ or ◆",
    "timeline": "The listing of this replica has not arrived, or failed",
}

ACTIONS = (
    Action(
        "replica.restore",
        "enter",
        "plan restore",
        "Plan a restore of the selected point.",
        RESTORE,
        ("point",),
    ),
    Action(
        "replica.preview",
        "v",
        "preview",
        "Look into the selected point without a restore: pages come as they are looked at.",
        LOOK,
        ("point", "previewable"),
    ),
    Action("replica.time", "g slash", "go to time", "Type the time to go back to.", CHOOSE, ("history",)),
    Action("replica.latest", "R", "newest", "Plan a restore of the newest state.", RESTORE, ("history",)),
    Action(
        "replica.older-mark",
        "right_square_bracket",
        "older mark",
        "Jump to the next older snapshot, gap, generation or level.",
        MOVE,
        ("timeline",),
    ),
    Action(
        "replica.newer-mark",
        "left_square_bracket",
        "newer mark",
        "Jump to the next newer snapshot, gap, generation or level.",
        MOVE,
        ("timeline",),
        footer=False,
    ),
    Action("replica.refresh", "r", "refresh", "List this replica again.", LOOK),
)
