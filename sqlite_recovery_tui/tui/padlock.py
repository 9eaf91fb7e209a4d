"""The padlock: closed until somebody opens it, and in a browser for good."""

from __future__ import annotations

from typing import Literal

from sqlite_recovery_tui.tui import actions

ReadOnly = bool | Literal["always"]
"""Whether a console begins closed; `always`: nobody can open it."""
CLOSED, OPEN = "⊘ read-only", "▲ unlocked"
NOT_HERE = "The padlock cannot be opened here: this console only reads"
ONLY_READS = "Not here: this console only reads, and restores to scratch files"
NEEDED = "Read-only: K opens the padlock first"


class Padlock:
    """Whether actions that change more than scratch files can be chosen."""

    def __init__(self, read_only: ReadOnly = True) -> None:
        """Begin closed, open, or closed for good."""
        self.for_good = read_only == "always"
        self.closed = bool(read_only)

    @property
    def label(self) -> str:
        """A glyph and a word."""
        return CLOSED if self.closed else OPEN

    @property
    def why_not(self) -> str:
        """Say what keeps a dangerous action from being chosen."""
        return NOT_HERE if self.for_good else NEEDED

    def open(self) -> None:
        """Let dangerous actions be chosen, unless it is closed for good."""
        self.closed = self.for_good

    def close(self) -> None:
        """Keep dangerous actions from being chosen."""
        self.closed = True


def what_opening_means() -> str:
    """Say what can be done with the padlock open that cannot be done now."""
    behind = [action.description for action in actions.ACTIONS if action.dangerous]
    if not behind:
        return (
            "Nothing changes by opening it: every action of this version reads replicas "
            "and writes scratch files only."
        )
    return "Then these can be chosen; each still asks before it does anything:\n" + "\n".join(
        f"• {description}" for description in behind
    )
