"""What can be done with one replica's history."""

from __future__ import annotations

from sqlite_recovery_tui.tui.actions.action import CHOOSE, LOOK, MOVE, RESTORE, Action

NEEDS: dict[str, str] = {
    "point": "This line is not a restore point: move to one that begins with │ or ◆",
    "timeline": "The listing of this replica has not arrived, or failed",
    "object": "Nothing stored is selected: move to a snapshot, a segment or an LTX file",
    "zoomed": "Everything is in view: + looks closer",
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
    Action("replica.time", "g", "go to time", "Type the time to go back to.", CHOOSE, ("history",)),
    Action("replica.latest", "R", "newest", "Plan a restore of the newest state.", RESTORE, ("history",)),
    Action("replica.zoom-in", "plus equals_sign", "zoom", "Look at less time, closer.", LOOK, ("timeline",)),
    Action(
        "replica.zoom-out",
        "minus",
        "zoom out",
        "Look at more time.",
        LOOK,
        ("timeline", "zoomed"),
        footer=False,
    ),
    Action(
        "replica.zoom-all",
        "0",
        "all",
        "Look at the whole history.",
        LOOK,
        ("timeline", "zoomed"),
        footer=False,
    ),
    Action(
        "replica.older-commit",
        "H",
        "commit before",
        "To the commit before: read from the object under the cursor.",
        MOVE,
        ("object",),
        footer=False,
    ),
    Action(
        "replica.newer-commit",
        "L",
        "commit after",
        "To the commit after: read from the object under the cursor.",
        MOVE,
        ("object",),
        footer=False,
    ),
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
    Action(
        "replica.pan-left",
        "less_than_sign",
        "pan back",
        "Move the window to the time before.",
        MOVE,
        ("timeline", "zoomed"),
        footer=False,
    ),
    Action(
        "replica.pan-right",
        "greater_than_sign",
        "pan on",
        "Move the window to the time after.",
        MOVE,
        ("timeline", "zoomed"),
        footer=False,
    ),
    Action(
        "replica.open", "i", "open object", "Look into the stored object under the cursor.", LOOK, ("object",)
    ),
    Action("replica.refresh", "r", "refresh", "List this replica again.", LOOK),
)
