"""What can be done with one stored object, taken apart."""

from __future__ import annotations

from sqlite_recovery_tui.tui.actions.action import LOOK, MOVE, PROVE, Action
from sqlite_recovery_tui.tui.actions.filtering import filtering

NEEDS: dict[str, str] = {
    "dissected": "It is being read, or could not be",
    "frames": "Only a WAL segment has frames and transactions",
    "unread": "All of it was read already",
    "earlier-object": "There is none before it in its lane",
    "later-object": "There is none behind it in its lane",
}

ACTIONS = (
    Action(
        "object.open", "enter", "open", "Go into the transaction, or take the page apart.", LOOK, ("row",)
    ),
    Action(
        "object.frames",
        "f",
        "frames",
        "Change between the transactions of a segment and its frames.",
        LOOK,
        ("frames", "dissected"),
        only=True,
    ),
    Action(
        "object.previous",
        "left_square_bracket",
        "previous",
        "To the object before this one in its lane.",
        MOVE,
        ("earlier-object",),
    ),
    Action(
        "object.next",
        "right_square_bracket",
        "next",
        "To the object behind this one in its lane.",
        MOVE,
        ("later-object",),
    ),
    Action(
        "object.prove",
        "c",
        "read it all",
        "Read all of it, so that its checksums are proven or not.",
        PROVE,
        ("dissected", "unread"),
        only=True,
    ),
    Action("object.refresh", "r", "again", "Read it again.", LOOK, footer=False),
    *filtering("object"),
)
