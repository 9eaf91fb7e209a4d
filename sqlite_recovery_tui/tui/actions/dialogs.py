"""The keys of what lies over a screen."""

from __future__ import annotations

from sqlite_recovery_tui.tui.actions.action import CONSOLE, LOOK, MOVE, Action

ACTIONS = (
    Action("question.yes", "y", "yes", "Do it.", CONSOLE, footer=False),
    Action("question.no", "n escape", "no", "Do not do it.", CONSOLE, footer=False),
    Action("question.other", "left right h l", "other", "To the other answer.", CONSOLE, footer=False),
    Action("interrupted.resume", "r", "resume", "Go on from what was fetched.", CONSOLE, footer=False),
    Action("interrupted.discard", "d", "discard", "Delete what was fetched.", CONSOLE, footer=False),
    Action("interrupted.later", "escape q", "later", "Leave it among the jobs.", CONSOLE, footer=False),
    Action("interrupted.other", "left right h l", "other", "To another answer.", CONSOLE, footer=False),
    Action("reader.leave", "escape q enter", "leave", "Leave the text.", CONSOLE, footer=False),
    Action("reader.copy", "y", "copy", "Copy the text.", CONSOLE, footer=False),
    Action("reader.up", "up k", "up", "One line up.", MOVE, footer=False),
    Action("reader.down", "down j", "down", "One line down.", MOVE, footer=False),
    Action("reader.page-up", "pageup", "page up", "One page up.", MOVE, footer=False),
    Action("reader.page-down", "pagedown space", "page down", "One page down.", MOVE, footer=False),
    Action("help.leave", "escape", "leave", "Leave the help.", CONSOLE, footer=False),
    Action("help.up", "up", "up", "One line up.", MOVE, footer=False),
    Action("help.down", "down", "down", "One line down.", MOVE, footer=False),
    Action("help.page-up", "pageup", "page up", "One page up.", MOVE, footer=False),
    Action("help.page-down", "pagedown", "page down", "One page down.", MOVE, footer=False),
    Action("copy.take", "enter y", "copy", "Copy what is selected.", CONSOLE, footer=False),
    Action("copy.leave", "escape q", "leave", "Copy nothing.", CONSOLE, footer=False),
    Action("log.filter", "slash", "filter", "Keep the lines with some words.", LOOK),
    Action("log.level", "v", "level", "Show everything, warnings and errors, or errors only.", LOOK),
    Action("log.open", "enter", "whole line", "Show the whole line.", LOOK),
    Action("log.copy", "y", "copy line", "Copy the line.", LOOK),
    Action("log.copy-all", "Y", "copy all", "Copy every line that is shown.", LOOK),
    Action("log.leave", "escape", "back to the screen", "Leave the filter, then the log.", LOOK),
    Action("time.show", "tab", "show", "Go to the time, and plan nothing yet.", CONSOLE, footer=False),
    Action("time.leave", "escape", "leave", "Leave without a time.", CONSOLE, footer=False),
)
