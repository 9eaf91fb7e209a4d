"""What can be done on the welcome."""

from __future__ import annotations

from sqlite_recovery_tui.tui.actions.action import LOOK, Action

ACTIONS = (
    Action("welcome.open", "enter", "open", "Open what is typed or selected.", LOOK),
    Action("welcome.demo", "f2", "demo", "Build the sample incident and open it.", LOOK),
)
