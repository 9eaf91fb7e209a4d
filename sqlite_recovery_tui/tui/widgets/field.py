"""A line to type in, into which nothing can be pasted that steers a terminal."""

from __future__ import annotations

from textual.widgets import Input


class Field(Input):
    """An input that keeps printable characters only, with a cursor that stands still."""

    def on_mount(self) -> None:
        self.cursor_blink = False

    def validate_value(self, value: str) -> str:
        """Drop what cannot be shown."""
        return value if value.isprintable() else "".join(each for each in value if each.isprintable())
