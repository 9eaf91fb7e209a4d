"""Small questions and texts over a screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from sqlite_recovery_tui.tui import text


class Confirm(ModalScreen[bool]):
    """A question with a yes and a no; no is what enter gives."""

    CSS_PATH = "dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes"),
        Binding("n,escape", "answer(False)", "No"),
        Binding("left,right,h,l", "app.focus_next", "Other answer", show=False),
    ]

    def __init__(self, question: str, detail: str, *, yes: str, no: str) -> None:
        """Ask `question`; the buttons say what happens."""
        super().__init__()
        self.question, self.detail = question, detail
        self.yes, self.no = yes, no

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -small"):
            yield Static(text.content(self.question), classes="dialog-title")
            yield Static(text.content(self.detail))
            with Horizontal(classes="dialog-buttons"):
                yield Button(text.content(f"{self.no} (n)"), id="no", variant="primary", compact=True)
                yield Button(text.content(f"{self.yes} (y)"), id="yes", variant="warning", compact=True)

    @on(Button.Pressed)
    def _pressed(self, message: Button.Pressed) -> None:
        self.dismiss(message.button.id == "yes")

    def action_answer(self, answer: bool) -> None:
        self.dismiss(answer)


class TextDialog(ModalScreen[None]):
    """A text to read and copy."""

    CSS_PATH = "dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "leave", "Leave"),
        Binding("y", "copy", "Copy"),
        Binding("j,down", "scroll('down')", "Down", show=False),
        Binding("k,up", "scroll('up')", "Up", show=False),
        Binding("pagedown,space", "scroll('page_down')", "Page down", show=False),
        Binding("pageup", "scroll('page_up')", "Page up", show=False),
    ]

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

    def action_scroll(self, how: str) -> None:
        scroll = self.query_one(VerticalScroll)
        getattr(scroll, f"scroll_{how}")(animate=False)
