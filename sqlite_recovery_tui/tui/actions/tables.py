"""How one moves in every table."""

from __future__ import annotations

from sqlite_recovery_tui.tui.actions.action import MOVE, Action

ACTIONS = (
    Action("table.up", "up k", "", "One row up.", MOVE, footer=False),
    Action("table.down", "down j", "", "One row down.", MOVE, footer=False),
    Action("table.page-up", "pageup ctrl+b ctrl+u", "", "One page up.", MOVE, footer=False),
    Action("table.page-down", "pagedown ctrl+f ctrl+d", "", "One page down.", MOVE, footer=False),
    Action("table.first", "home ctrl+home", "", "To the first row.", MOVE, footer=False),
    Action("table.last", "end ctrl+end G", "", "To the last row.", MOVE, footer=False),
    Action("table.left", "left h", "", "One column to the left.", MOVE, footer=False),
    Action("table.right", "right l", "", "One column to the right.", MOVE, footer=False),
)
