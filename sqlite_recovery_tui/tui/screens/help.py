"""Every key of a view, searchable, straight from the registry; and the same as a command for a shell."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from sqlite_recovery_tui.tui import actions, text
from sqlite_recovery_tui.tui.actions import Action
from sqlite_recovery_tui.tui.screens.base import ConsoleScreen
from sqlite_recovery_tui.tui.widgets.field import Field
from sqlite_recovery_tui.tui.widgets.record_table import RecordTable
from sqlite_recovery_tui.tui.widgets.rows import Cell, Column, ListSource, Row

COLUMNS = (
    Column("keys", "key", least=12, most=18),
    Column("does", "what it does", least=20, most=110, grow=True),
)

_LOW = 30
"""Lines of a terminal in which a long command would leave no room for the keys."""
_COMMAND_LINES = 3
"""About what it gets there."""


class HelpScreen(ModalScreen[None]):
    """The keys that work in one view, those that cannot be used now with the reason; typing searches."""

    CSS_PATH = "dialogs.tcss"
    VIEW = "help"
    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings("help")]

    def __init__(self, about: ConsoleScreen) -> None:
        """Explain the screen `about`."""
        super().__init__()
        self.about = about

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -large"):
            yield Static(text.lines(*self._heading()), classes="dialog-title")
            yield Field(placeholder="type to search", id="search")
            table = RecordTable(COLUMNS, ListSource(self._rows("")), empty="No key does that.")
            table.can_focus = False
            yield table
            yield Static(
                text.line(
                    (" esc ", "bold $text-primary"),
                    "leave   ",
                    (" ↑ ↓ ", "bold $text-primary"),
                    "scroll   ",
                    ("greyed: not now", text.FAINT),
                ),
                classes="dialog-keys",
            )

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

    def _heading(self) -> Iterator[Content]:
        about = self.about
        yield text.line(f"Keys in this view: {about.VIEW}")
        if about.ABOUT:
            yield text.content(about.ABOUT, "not bold $foreground")
        command = about.equivalent()
        if command is not None:
            yield self._command(command)

    def _command(self, command: str) -> Content:
        size = self.app.size
        most = _COMMAND_LINES * size.width if size.height < _LOW else text.LIMIT
        whole = len(command) <= most
        label = "in a shell" if whole else "in a shell (leave and press y to copy all of it)"
        shown = text.content(command, "not bold $foreground", most)
        return text.line((f"{label}: ", f"not bold {text.MUTED}"), shown)

    def _rows(self, wanted: str) -> list[Row]:
        rows: list[Row] = []
        found = [action for action in self._actions() if _matches(action, wanted)]
        met = self.about.met(*found)
        for group, members in groupby(found, key=lambda action: action.group):
            rows.append(Row(f"group {group} {len(rows)}", (Cell(group, "accent"),), wide=True))
            for action in members:
                rows += self._rows_of(action, met)
        return rows

    def _rows_of(self, action: Action, met: set[str]) -> list[Row]:
        reason = self.about.why_not(action, met)
        keys = f"  {action.shown_keys}"
        if reason is None:
            return [Row(action.id, (Cell(keys, "strong"), action.description))]
        said = Row(f"{action.id} why not", ("", f"not now: {reason}"), role="muted")
        return [Row(action.id, (keys, action.description), role="muted"), said]

    def _actions(self) -> list[Action]:
        kind = actions.TABLE if self.about.query(RecordTable) else actions.SHEET
        found = [*self.about.offered(), *actions.movements(self.about.VIEW, kind)]
        return sorted(found, key=lambda action: actions.GROUPS.index(action.group))


def _matches(action: Action, wanted: str) -> bool:
    words = f"{action.description} {action.label} {action.group} {action.shown_keys}".lower()
    return all(word in words for word in wanted.lower().split())
