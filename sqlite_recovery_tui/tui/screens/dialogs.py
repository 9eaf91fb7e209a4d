"""Small questions and texts over a screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from sqlite_recovery_tui.tui import actions, text


class Confirm(ModalScreen[bool]):
    """A question with a yes and a no; no is what enter gives."""

    CSS_PATH = "dialogs.tcss"
    VIEW = "question"
    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings("question")]

    def __init__(self, question: str, detail: str, *, yes: str, no: str) -> None:
        """Ask `question`; the buttons say what happens."""
        super().__init__()
        self.question, self.detail = question, detail
        self.yes, self.no = yes, no

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -small"):
            yield Static(text.content(self.question), classes="dialog-title")
            yield Static(text.lines(*text.safe_lines(self.detail)))
            with Horizontal(classes="dialog-buttons"):
                yield Button(text.content(f"{self.no} (n)"), id="no", compact=True)
                yield Button(text.content(f"{self.yes} (y)"), id="yes", compact=True)

    @on(Button.Pressed)
    def _pressed(self, message: Button.Pressed) -> None:
        self.dismiss(message.button.id == "yes")

    def action_yes(self) -> None:
        self.dismiss(True)

    def action_no(self) -> None:
        self.dismiss(False)

    def action_other(self) -> None:
        self.focus_next()


class TextDialog(ModalScreen[None]):
    """A text to read and copy."""

    CSS_PATH = "dialogs.tcss"
    VIEW = "reader"
    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings("reader")]

    def __init__(self, title: str, rows: Sequence[Content | str], *, copy: str) -> None:
        """Show `rows` under `title`; `copy` is what `y` copies."""
        super().__init__()
        self.heading, self.rows, self.copy = title, rows, copy

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -large"):
            yield Static(text.content(self.heading), classes="dialog-title")
            with VerticalScroll(classes="dialog-text"):
                yield Static(text.lines(*self.rows))
            keys = (" y ", "bold $text-primary"), "copy   ", (" esc ", "bold $text-primary"), "leave"
            yield Static(text.line(*keys), classes="dialog-keys")

    def action_leave(self) -> None:
        self.dismiss(None)

    def action_copy(self) -> None:
        self.app.copy_to_clipboard(self.copy)
        self.notify(f"Copied: {text.safe(self.copy, 200)}", markup=False)

    def action_up(self) -> None:
        self.query_one(VerticalScroll).scroll_up(animate=False)

    def action_down(self) -> None:
        self.query_one(VerticalScroll).scroll_down(animate=False)

    def action_page_up(self) -> None:
        self.query_one(VerticalScroll).scroll_page_up(animate=False)

    def action_page_down(self) -> None:
        self.query_one(VerticalScroll).scroll_page_down(animate=False)
