"""What can be done wherever one is."""

from __future__ import annotations

from sqlite_recovery_tui.tui.actions.action import CHOOSE, CONSOLE, Action

NEEDS: dict[str, str] = {
    "burst": "Nothing stands out here: no write was far larger than the usual ones",
    "jobs": "No restore has been started yet",
    "copyable": "There is nothing to copy here",
}

ACTIONS = (
    Action("app.back", "escape", "back", "Go back to where you came from; running work goes on.", CONSOLE),
    Action("app.help", "question_mark f1", "help", "Show every key of this view, searchable.", CONSOLE),
    Action("app.palette", "colon ctrl+p", "commands", "Find any action by name.", CONSOLE),
    Action(
        "app.copy", "y", "copy", "Copy the URL, position, command or value in view.", CONSOLE, ("copyable",)
    ),
    Action(
        "app.burst",
        "B",
        "before burst",
        "Go right before the largest write, perhaps what went wrong; again: before the next one.",
        CHOOSE,
        ("burst",),
        footer=False,
    ),
    Action("app.times", "t", "times", "Show times in UTC, in local time, or as ages.", CONSOLE, footer=False),
    Action("app.jobs", "J", "jobs", "Show the restores of this session.", CONSOLE, ("jobs",), footer=False),
    Action(
        "app.padlock",
        "K",
        "padlock",
        "Open or close the padlock: open, actions that change more than scratch files can be chosen.",
        CONSOLE,
        footer=False,
    ),
    Action("app.log", "ctrl+l", "log", "Show or hide what the program noted.", CONSOLE, footer=False),
    Action("app.theme", "ctrl+t", "theme", "Change to the next house theme.", CONSOLE, footer=False),
    Action("app.quit", "q", "quit", "Leave; asks first while a restore runs.", CONSOLE),
    Action("app.leave", "ctrl+q", "quit", "Leave, also while typing.", CONSOLE, footer=False, priority=True),
)
