"""Every key of a view, searchable, straight from the registry."""

from __future__ import annotations

from itertools import groupby
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from sqlite_recovery_tui.tui import actions, text
from sqlite_recovery_tui.tui.actions import Action
from sqlite_recovery_tui.tui.widgets.field import Field
from sqlite_recovery_tui.tui.widgets.record_table import RecordTable
from sqlite_recovery_tui.tui.widgets.rows import Cell, Column, ListSource, Row

COLUMNS = (
    Column("keys", "key", width=20),
    Column("does", "what it does", least=20, most=90, grow=True),
)


class HelpScreen(ModalScreen[None]):
    """The keys that work in one view; typing searches."""

    CSS_PATH = "dialogs.tcss"
    VIEW = "help"
    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings("help")]

    def __init__(self, view: str) -> None:
        """Explain `view`."""
        super().__init__()
        self.view = view

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -large"):
            yield Static(f"Keys in this view: {self.view}", classes="dialog-title")
            yield Field(placeholder="type to search", id="search")
            table = RecordTable(COLUMNS, ListSource(self._rows("")), empty="No key does that.")
            table.can_focus = False
            yield table
            yield Static(text.line((" esc ", "bold $text-primary"), "leave"), classes="dialog-keys")

    @on(Input.Changed)
    def _search(self, message: Input.Changed) -> None:
        self.query_one(RecordTable).show(COLUMNS, ListSource(self._rows(message.value)))

    def action_leave(self) -> None:
        self.dismiss(None)

    def action_up(self) -> None:
        self.query_one(RecordTable).action_up()

    def action_down(self) -> None:
        self.query_one(RecordTable).action_down()

    def action_page_up(self) -> None:
        self.query_one(RecordTable).action_page_up()

    def action_page_down(self) -> None:
        self.query_one(RecordTable).action_page_down()

    def _rows(self, wanted: str) -> list[Row]:
        rows: list[Row] = []
        found = [action for action in self._actions() if _matches(action, wanted)]
        for group, members in groupby(found, key=lambda action: action.group):
            rows.append(Row(f"group {group} {len(rows)}", (Cell(group, "accent"),), wide=True))
            rows += [
                Row(action.id, (Cell(f"  {action.shown_keys}", "strong"), action.description))
                for action in members
            ]
        return rows

    def _actions(self) -> list[Action]:
        own = sorted(actions.for_view(self.view), key=_group_order)
        return [*own, *actions.movements()]


def _group_order(action: Action) -> int:
    return actions.GROUPS.index(action.group)


def _matches(action: Action, wanted: str) -> bool:
    words = f"{action.description} {action.label} {action.group} {action.shown_keys}".lower()
    return all(word in words for word in wanted.lower().split())
