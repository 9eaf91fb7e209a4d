"""Labelled facts, one under another, whose values wrap beside their labels."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from sqlite_recovery_tui.tui import text

Fact = tuple[str, Content | str]
"""A label and its value; an empty label continues the fact above it."""


class FactSheet(Widget):
    """Facts with their labels in one column."""

    DEFAULT_CSS = """
    FactSheet { height: auto; }
    """

    def __init__(self, *, label_width: int = 14, id: str | None = None, classes: str | None = None) -> None:
        """Give labels `label_width` cells."""
        super().__init__(id=id, classes=classes)
        self.label_width = label_width
        self.facts: tuple[Fact, ...] = ()

    def show(self, facts: Sequence[Fact]) -> None:
        """Show these facts; the screen is laid out anew only when they take another height."""
        if tuple(facts) == self.facts:
            return
        self.facts = tuple(facts)
        self.refresh(layout=len(self._rows(self.size.width)) != self.size.height)

    @property
    def shown(self) -> str:
        """Everything that stands there, as plain text."""
        return "\n".join(f"{label} {text.content(value).plain}" for label, value in self.facts)

    def render(self) -> Content:
        return text.lines(*self._rows(self.size.width))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        return len(self._rows(width))

    def _rows(self, width: int) -> list[Content]:
        room = max(10, width - self.label_width)
        rows = []
        for label, value in self.facts:
            title = Content.styled(text.fit(text.safe(label), self.label_width), text.MUTED)
            for wrapped in text.content(value).wrap(room) or [Content("")]:
                rows.append(title + wrapped)
                title = Content(" " * self.label_width)
        return rows
