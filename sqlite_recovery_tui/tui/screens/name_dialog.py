"""Typing a database's name, which is how a dangerous act is confirmed."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from sqlite_recovery_tui.tui import actions, text
from sqlite_recovery_tui.tui.widgets.field import Field


class NameDialog(ModalScreen[str | None]):
    """Asks for the name; only the right one can be submitted."""

    CSS_PATH = "dialogs.tcss"
    VIEW = "typed"
    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings("typed")]

    def __init__(self, question: str, detail: Content | str, name: str) -> None:
        """Ask for `name` under a question and what the answer means."""
        super().__init__()
        self.question, self.detail, self.wanted = question, detail, name

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(text.content(self.question), classes="dialog-title")
            yield Static(text.content(self.detail))
            yield Static(text.line("Type ", (self.wanted, "bold"), " to do it:"), classes="dialog-hint")
            yield Field("", placeholder=text.safe(self.wanted), id="name")
            yield Static("", id="typed")
            keys = (" enter ", "bold $text-primary"), "do it   ", (" esc ", "bold $text-primary"), "leave"
            yield Static(text.line(*keys), classes="dialog-keys")

    @on(Input.Changed)
    def _typed(self, message: Input.Changed) -> None:
        is_beginning = self.wanted.startswith(message.value)
        words = "" if is_beginning else "✗ that is another name"
        self.query_one("#typed", Static).update(text.line((words, "$text-error")))

    @on(Input.Submitted)
    def _submitted(self, message: Input.Submitted) -> None:
        if message.value == self.wanted:
            self.dismiss(message.value)
        else:
            self.query_one("#typed", Static).update(text.line(("✗ that is not the name", "$text-error")))

    def action_leave(self) -> None:
        self.dismiss(None)
