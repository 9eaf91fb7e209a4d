"""What was interrupted the last time, asked at the start: take it up again, discard it, or wait."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from sqlite_recovery_tui.tui import actions, phrases, text

MOST_SHOWN = 4
BUTTONS = (("resume", "Resume (r)"), ("discard", "Discard (d)"), ("later", "Later (esc)"))


class InterruptedDialog(ModalScreen[str]):
    """Answers `resume`, `discard` or `later`; discarding has to be said twice."""

    CSS_PATH = "dialogs.tcss"
    VIEW = "interrupted"
    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings("interrupted")]

    def __init__(self, described: Sequence[str]) -> None:
        """Ask about restores in these words."""
        super().__init__()
        self.described = described
        self.sure = False
        """Whether the next `discard` is meant."""

    def compose(self) -> ComposeResult:
        count = len(self.described)
        verb = "was" if count == 1 else "were"
        lines = [line for words in self.described[:MOST_SHOWN] for line in words.split("\n")]
        if count > MOST_SHOWN:
            lines.append(f"and {count - MOST_SHOWN} more")
        with Vertical(classes="dialog"):
            yield Static(f"{phrases.many(count, 'restore')} {verb} interrupted", classes="dialog-title")
            yield Static(text.lines(*lines))
            yield Static(self._hint(), id="hint", classes="dialog-hint")
            with Horizontal(classes="dialog-buttons"):
                for name, label in BUTTONS:
                    yield Button(label, id=name, compact=True)

    def _hint(self) -> str:
        if self.sure:
            return "Discarding deletes what was fetched. Press d again to do it."
        wait = "it waits" if len(self.described) == 1 else "they wait"
        return f"Resuming goes on from what was fetched, by the same plan. Later: {wait} among the jobs."

    @on(Button.Pressed)
    def _pressed(self, message: Button.Pressed) -> None:
        match message.button.id:
            case "discard":
                self.action_discard()
            case answer:
                self.dismiss(answer)

    def action_resume(self) -> None:
        self.dismiss("resume")

    def action_discard(self) -> None:
        if self.sure:
            self.dismiss("discard")
        self.sure = True
        self.query_one("#hint", Static).update(self._hint())

    def action_later(self) -> None:
        self.dismiss("later")

    def action_other(self) -> None:
        self.focus_next()
