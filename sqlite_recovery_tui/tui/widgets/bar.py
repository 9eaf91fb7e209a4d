"""A bar: how much of something is done."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from sqlite_recovery_tui.tui import text


class Bar(Widget):
    """How much of the current step is done."""

    DEFAULT_CSS = "Bar { height: 1; }"
    fraction: float | None = None

    def show(self, fraction: float | None) -> None:
        """Show a fraction from 0 to 1; None while nobody knows."""
        self.fraction = fraction
        self.refresh()

    def render(self) -> Content:
        width = max(1, self.size.width - 6)
        if self.fraction is None:
            return Content.styled("━" * width, text.FAINT)
        full = round(width * self.fraction)
        return text.line(
            ("━" * full, "$text-success"),
            ("━" * (width - full), "$panel-lighten-2"),
            (f"{self.fraction:>5.0%}", "bold"),
        )
