"""What an action is: how to ask for it, where, and what it needs."""

from __future__ import annotations

from dataclasses import dataclass

MOVE, LOOK, CHOOSE, RESTORE, PROVE = "Move", "Look", "Choose", "Restore", "Prove"
GO, CONSOLE = "Go to", "Console"
GROUPS = (RESTORE, CHOOSE, LOOK, PROVE, MOVE, GO, CONSOLE)
"""The headings of the help, in its order."""


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
    """It changes something that is not a scratch file: the padlock must be open."""
    keeps: bool = False
    """It writes or deletes files where the console runs: not in one that only reads for good."""
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


_KEY_NAMES = {
    "question_mark": "?",
    "colon": ":",
    "slash": "/",
    "comma": ",",
    "full_stop": ".",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "plus": "+",
    "equals_sign": "=",
    "minus": "-",
    "less_than_sign": "<",
    "greater_than_sign": ">",
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
