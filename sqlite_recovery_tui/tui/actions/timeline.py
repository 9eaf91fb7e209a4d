"""How one moves on a timeline; the keys that go sideways also work beside it, in the list of objects."""

from __future__ import annotations

from sqlite_recovery_tui.tui.actions.action import MOVE, Action

ACTIONS = (
    Action("timeline.older", "left h", "older", "To the object stored before.", MOVE, ("timeline",)),
    Action("timeline.newer", "right l", "newer", "To the object stored after.", MOVE, ("timeline",)),
    Action("timeline.lane-up", "up k", "lane up", "To the lane above, at this time.", MOVE, ("timeline",)),
    Action(
        "timeline.lane-down", "down j", "lane down", "To the lane below, at this time.", MOVE, ("timeline",)
    ),
    Action("timeline.oldest", "home", "oldest", "To the oldest object of this lane.", MOVE, ("timeline",)),
    Action("timeline.newest", "end G", "newest", "To the newest object of this lane.", MOVE, ("timeline",)),
    Action("timeline.pan-left", "pageup", "pan back", "Look at the time before.", MOVE, ("timeline",)),
    Action("timeline.pan-right", "pagedown", "pan on", "Look at the time after.", MOVE, ("timeline",)),
)
SIDEWAYS = ("timeline.older", "timeline.newer")
"""What works in the list of objects too: it moves up and down, time goes sideways."""
