"""What lies over the history: one act in full, and where to write the report on several."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from sqlite_recovery_tui.history import telling
from sqlite_recovery_tui.tui import actions, phrases, text
from sqlite_recovery_tui.tui.screens.dialogs import TextDialog
from sqlite_recovery_tui.tui.screens.history_rows import Told
from sqlite_recovery_tui.tui.widgets.fact_sheet import FactSheet
from sqlite_recovery_tui.tui.widgets.field import Field


class ActDialog(TextDialog):
    """All that is known of one act; `y` copies the command that does the same again."""

    def __init__(self, told: Told) -> None:
        """Show what was read of `told`."""
        entry = told.entry
        facts = list(telling.facts(entry))
        rows = [f"{name}: {value}" if name else f"  {value}" for name, value in facts]
        super().__init__(telling.title(entry), rows, copy=entry.command or "\n".join(rows))
        self.facts = facts

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -large"):
            yield Static(text.content(self.heading), classes="dialog-title")
            with VerticalScroll(classes="dialog-text") as scroll:
                scroll.styles.max_height = "54vh"  # so that the keys below stay in view on any terminal
                yield FactSheet(label_width=11)
            copied = "copy command   " if self.copy.startswith("sqlrecover ") else "copy   "
            keys = (" y ", "bold $text-primary"), copied, (" esc ", "bold $text-primary"), "leave"
            yield Static(text.line(*keys), classes="dialog-keys")

    def on_mount(self) -> None:
        self.query_one(FactSheet).show(self.facts)


class ReportDialog(ModalScreen[Path | None]):
    """Asks for the file of a report; says what will be in it."""

    CSS_PATH = "dialogs.tcss"
    VIEW = "report"
    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings("report")]

    def __init__(self, told: Sequence[Told], name: str) -> None:
        """Offer `name` for the report on these acts."""
        super().__init__()
        self.told = tuple(told)
        self.name_offered = name

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(
                text.content(f"Export {phrases.many(len(self.told), 'act')} as a report"),
                classes="dialog-title",
            )
            yield Field(self.name_offered, id="path")
            yield Static(text.content(self._span(), text.MUTED))
            yield Static(
                text.content(
                    "Markdown for the post-mortem: what happened when, what was chosen, proven and lost, "
                    "and the commands to repeat it. Mark acts with space, or filter, to choose others.",
                    text.MUTED,
                ),
                classes="dialog-hint",
            )
            keys = (" enter ", "bold $text-primary"), "write it   ", ("esc ", "bold $text-primary"), "leave"
            yield Static(text.line(*keys), classes="dialog-keys")

    def _span(self) -> str:
        first = min(told.entry.started for told in self.told)
        last = max(told.entry.started for told in self.told)
        return f"{phrases.utc(first)} → {phrases.utc(last)}"

    @on(Input.Submitted)
    def _submitted(self, message: Input.Submitted) -> None:
        if message.value.strip():
            self.dismiss(Path(message.value.strip()).expanduser())

    def action_leave(self) -> None:
        self.dismiss(None)
