"""Every key the console knows, once: the keymap, the footer, the help and the palette come from here.

A key that is not in this list does not exist; one that cannot be used now says why.
"""

from __future__ import annotations

from dataclasses import dataclass

from textual.binding import Binding

EVERYWHERE = "app"
TABLE = "table"
DIALOGS = ("question", "reader", "help", "time")
"""Views that lie over a screen; only their own keys work in them."""

MOVE, LOOK, CHOOSE, RESTORE, PROVE, CONSOLE = "Move", "Look", "Choose", "Restore", "Prove", "Console"

NEEDS = {
    "row": "Nothing is selected yet",
    "point": "This line is not a restore point: move to one that begins with │ or ◆",
    "timeline": "The listing of this replica has not arrived, or failed",
    "history": "Nothing that could be restored was found here",
    "plan": "There is no plan yet: choose a moment that can be restored",
    "nearest-before": "There is no restore point before the time you asked for",
    "nearest-after": "There is no restore point after the time you asked for",
    "last-good": "Nothing is damaged here, or nothing before the damage can be restored",
    "next-good": "There is no snapshot behind the damage",
    "running": "It is not running",
    "restored": "There is no restored database yet",
    "failed": "It has not failed",
    "ended": "It still runs",
    "jobs": "No restore has been started yet",
    "busy": "Nothing is running that could be stopped",
    "other-replica": "No other replica of this database can serve this: it has none, or it is not listed yet",
    "previewable": "Only after a restore: this format keeps no index of pages to read single ones by",
    "whole": "This is a preview: checks need all of the database. R restores it first",
    "preview": "It is restored already",
    "copyable": "There is nothing to copy here",
}
"""What an action may need, and what to say where it is missing."""


@dataclass(frozen=True, slots=True)
class Action:
    """Something the operator can do: how to ask for it, where, and what it needs."""

    id: str
    """`view.verb`: where it applies, and the method `do_verb` of that view or of the application."""
    keys: str
    """Keys by their Textual names, separated by spaces; the first is the one shown."""
    label: str
    """One or two words for the footer."""
    description: str
    """One sentence for help and palette."""
    group: str
    needs: tuple[str, ...] = ()
    footer: bool = True
    dangerous: bool = False
    """It changes something that is not a scratch file."""
    only: bool = False
    """It is not even shown where something that it needs is missing."""
    priority: bool = False
    """The key works also while text is typed; never on a printable key."""

    @property
    def view(self) -> str:
        return self.id.partition(".")[0]

    @property
    def verb(self) -> str:
        return self.id.partition(".")[2].replace("-", "_")

    @property
    def method(self) -> str:
        """The method that does it."""
        return f"do_{self.verb}"

    @property
    def shown_key(self) -> str:
        """The first key as a person would name it."""
        return key_name(self.keys.split()[0])

    @property
    def shown_keys(self) -> str:
        """All keys as a person would name them."""
        return "  ".join(key_name(key) for key in self.keys.split())


ACTIONS: tuple[Action, ...] = (
    # welcome
    Action("welcome.open", "enter", "open", "Open what is typed or selected.", LOOK),
    Action("welcome.demo", "f2", "demo", "Build the sample incident and open it.", LOOK),
    # fleet
    Action("fleet.open", "enter", "open", "Show what this replica holds.", LOOK, ("row",)),
    Action(
        "fleet.latest",
        "R",
        "restore newest",
        "Plan a restore of this database's newest state, from the replica that reaches furthest.",
        RESTORE,
        ("row", "history"),
    ),
    Action(
        "fleet.time",
        "g slash",
        "go to time",
        "Type the time to go back to; the replica that comes closest is chosen.",
        CHOOSE,
        ("row", "history"),
    ),
    Action("fleet.refresh", "r", "refresh", "List every replica again.", LOOK),
    Action("fleet.place", "o", "other place", "Open another replica, configuration or the demo.", LOOK),
    # replica
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
    # plan
    Action("plan.run", "enter", "restore", "Run this plan into the output file.", RESTORE, ("plan",)),
    Action(
        "plan.output", "o", "output", "Change where the restored database is written.", RESTORE, ("plan",)
    ),
    Action("plan.time", "g slash", "other time", "Type another time to go back to.", CHOOSE),
    Action(
        "plan.other",
        "w",
        "other replica",
        "Plan the same from the next replica of this database.",
        CHOOSE,
        ("other-replica",),
        only=True,
    ),
    Action(
        "plan.preview",
        "v",
        "preview",
        "Look into what it leads to without a restore: pages come as they are looked at.",
        LOOK,
        ("plan", "previewable"),
        only=True,
    ),
    Action(
        "plan.nearest-before",
        "b",
        "take earlier",
        "Take the nearest restore point before the time asked for.",
        CHOOSE,
        ("nearest-before",),
        footer=False,
    ),
    Action(
        "plan.nearest-after",
        "a",
        "take later",
        "Take the nearest restore point after the time asked for.",
        CHOOSE,
        ("nearest-after",),
        footer=False,
    ),
    Action(
        "plan.last-good",
        "l",
        "last good",
        "Plan up to the last good commit before the damage.",
        CHOOSE,
        ("last-good",),
        footer=False,
    ),
    Action(
        "plan.next-good",
        "n",
        "next good",
        "Plan the next good snapshot behind the damage.",
        CHOOSE,
        ("next-good",),
        footer=False,
    ),
    Action(
        "plan.recipe", "m", "by hand", "Show the steps of this restore as shell commands.", LOOK, ("plan",)
    ),
    # a running or finished restore
    Action(
        "job.cancel",
        "x",
        "cancel",
        "Cancel this restore; asks first, leaves nothing behind.",
        RESTORE,
        ("running",),
    ),
    Action(
        "job.open",
        "enter",
        "look inside",
        "Open the restored database in the workbench.",
        LOOK,
        ("restored",),
    ),
    Action("job.retry", "r", "try again", "Run the same restore again.", RESTORE, ("failed",)),
    Action("job.plan", "p", "plan", "Go back to the plan, to change it.", RESTORE, ("ended",)),
    Action(
        "job.last-good",
        "l",
        "last good",
        "Plan up to the last good commit before the damage.",
        CHOOSE,
        ("last-good",),
        footer=False,
    ),
    Action(
        "job.next-good",
        "n",
        "next good",
        "Plan the next good snapshot behind the damage.",
        CHOOSE,
        ("next-good",),
        footer=False,
    ),
    Action(
        "job.other",
        "w",
        "other replica",
        "Plan the same from another replica of this database.",
        CHOOSE,
        ("failed", "other-replica"),
        footer=False,
    ),
    # all restores
    Action("jobs.open", "enter", "open", "Show this restore.", LOOK, ("row",)),
    Action("jobs.cancel", "x", "cancel", "Cancel this restore; asks first.", RESTORE, ("row", "running")),
    # workbench
    Action("workbench.open", "enter", "open", "Preview the table, or show the whole cell.", LOOK, ("row",)),
    Action("workbench.sql", "s", "SQL", "Ask the database in read-only SQL.", LOOK),
    Action("workbench.report", "v", "verdict", "Show everything the checks had to say.", PROVE),
    Action(
        "workbench.check", "c", "check again", "Run every check of this database again.", PROVE, ("whole",)
    ),
    Action(
        "workbench.restore",
        "R",
        "restore",
        "Plan a restore of what is previewed.",
        RESTORE,
        ("preview",),
        only=True,
    ),
    Action("workbench.stop", "x", "stop", "Stop the running query, or the checks.", PROVE, ("busy",)),
    # everywhere
    Action("app.back", "escape", "back", "Go back to where you came from; running work goes on.", CONSOLE),
    Action("app.help", "question_mark f1", "help", "Show every key of this view, searchable.", CONSOLE),
    Action("app.palette", "colon ctrl+p", "commands", "Find any action by name.", CONSOLE),
    Action(
        "app.copy", "y", "copy", "Copy the URL, position, command or value in view.", CONSOLE, ("copyable",)
    ),
    Action("app.times", "t", "times", "Show times in UTC, in local time, or as ages.", CONSOLE, footer=False),
    Action("app.jobs", "J", "jobs", "Show the restores of this session.", CONSOLE, ("jobs",), footer=False),
    Action("app.log", "ctrl+l", "log", "Show or hide what the program noted.", CONSOLE, footer=False),
    Action("app.theme", "ctrl+t", "theme", "Change to the next house theme.", CONSOLE, footer=False),
    Action("app.quit", "q", "quit", "Leave; asks first while a restore runs.", CONSOLE),
    Action("app.leave", "ctrl+q", "quit", "Leave, also while typing.", CONSOLE, footer=False, priority=True),
    # tables
    Action("table.up", "up k", "", "One row up.", MOVE, footer=False),
    Action("table.down", "down j", "", "One row down.", MOVE, footer=False),
    Action("table.page-up", "pageup ctrl+b ctrl+u", "", "One page up.", MOVE, footer=False),
    Action("table.page-down", "pagedown ctrl+f ctrl+d space", "", "One page down.", MOVE, footer=False),
    Action("table.first", "home ctrl+home", "", "To the first row.", MOVE, footer=False),
    Action("table.last", "end ctrl+end G", "", "To the last row.", MOVE, footer=False),
    Action("table.left", "left h", "", "One column to the left.", MOVE, footer=False),
    Action("table.right", "right l", "", "One column to the right.", MOVE, footer=False),
    # dialogs
    Action("question.yes", "y", "yes", "Do it.", CONSOLE, footer=False),
    Action("question.no", "n escape", "no", "Do not do it.", CONSOLE, footer=False),
    Action("question.other", "left right h l", "other", "To the other answer.", CONSOLE, footer=False),
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
    Action("time.leave", "escape", "leave", "Leave without a time.", CONSOLE, footer=False),
)
BY_ID = {action.id: action for action in ACTIONS}


def for_view(view: str) -> list[Action]:
    """Return what can be asked for in a view, its own actions first."""
    own = [action for action in ACTIONS if action.view == view]
    return own + [action for action in ACTIONS if action.view == EVERYWHERE]


def movements() -> list[Action]:
    """Return the keys that move in tables."""
    return [action for action in ACTIONS if action.view == TABLE]


def bindings(view: str) -> list[Binding]:
    """Return the key bindings of a view, a dialog, of tables, or of everywhere."""
    return [
        Binding(
            action.keys.replace(" ", ","),
            action.verb if view == TABLE or view in DIALOGS else f"app.act('{action.id}')",
            action.label or action.description,
            show=action.footer,
            priority=action.priority,
            tooltip=action.description,
            id=action.id,
        )
        for action in ACTIONS
        if action.view == view
    ]


_KEY_NAMES = {
    "question_mark": "?",
    "colon": ":",
    "slash": "/",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "escape": "esc",
    "pageup": "pgup",
    "pagedown": "pgdn",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
}


def key_name(key: str) -> str:
    """Return how a key is written on screen: `?`, `esc`, `ctrl+l`."""
    return "+".join(_KEY_NAMES.get(part, part) for part in key.split("+"))
