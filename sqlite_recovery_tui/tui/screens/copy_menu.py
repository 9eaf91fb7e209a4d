"""What a screen has to copy, where that is more than one thing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from sqlite_recovery_tui.tui import actions, text
from sqlite_recovery_tui.tui.widgets.record_table import RecordTable
from sqlite_recovery_tui.tui.widgets.rows import Cell, Column, ListSource, Row

Copy = tuple[str, str]
"""What something is, and the words to copy."""

COLUMNS = (
    Column("what", "what", least=8, most=16),
    Column("words", "copies", least=20, most=400, grow=True),
)


class CopyMenu(ModalScreen["Copy | None"]):
    """Asks what to copy; the first is what the key would have copied alone."""

    CSS_PATH = "dialogs.tcss"
    VIEW = "copy"
    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings("copy")]

    def __init__(self, copies: Sequence[Copy]) -> None:
        """Offer `copies`."""
        super().__init__()
        self.copies = tuple(copies)

    def compose(self) -> ComposeResult:
        rows = [
            Row(number, (Cell(what, "strong"), words)) for number, (what, words) in enumerate(self.copies)
        ]
        with Vertical(classes="dialog -large"):
            yield Static("Copy what?", classes="dialog-title")
            table = RecordTable(COLUMNS, ListSource(rows))
            table.styles.height = len(rows) + 1
            yield table
            keys = (" enter ", "bold $text-primary"), "copy   ", (" esc ", "bold $text-primary"), "leave"
            yield Static(text.line(*keys), classes="dialog-keys")

    @on(RecordTable.Activated)
    def action_take(self) -> None:
        self.dismiss(self.copies[self.query_one(RecordTable).cursor])

    def action_leave(self) -> None:
        self.dismiss(None)
