"""How one moves on a screen that is one long sheet, without a table."""

from __future__ import annotations

from sqlite_recovery_tui.tui.actions.action import MOVE, Action

ACTIONS = (
    Action("sheet.up", "up k", "", "One line up.", MOVE, footer=False),
    Action("sheet.down", "down j", "", "One line down.", MOVE, footer=False),
    Action("sheet.page-up", "pageup ctrl+b ctrl+u", "", "One page up.", MOVE, footer=False),
    Action("sheet.page-down", "pagedown ctrl+f ctrl+d space", "", "One page down.", MOVE, footer=False),
    Action("sheet.first", "home ctrl+home", "", "To the top.", MOVE, footer=False),
    Action("sheet.last", "end ctrl+end G", "", "To the bottom.", MOVE, footer=False),
)
