"""The log at the bottom of any screen: it follows its end, is filtered, and can be copied."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from sqlite_recovery_tui.tui import actions, text
from sqlite_recovery_tui.tui.logbook import LogBook, Note
from sqlite_recovery_tui.tui.widgets.field import Field
from sqlite_recovery_tui.tui.widgets.record_table import RecordTable
from sqlite_recovery_tui.tui.widgets.rows import Cell, Column, MadeSource, Role, Row

LEVELS = ((logging.NOTSET, "everything"), (logging.WARNING, "warnings and errors"), (logging.ERROR, "errors"))
COLUMNS = (
    Column("time", "time", width=8),
    Column("level", "level", width=8),
    Column("words", "what", least=20, most=400, grow=True),
)
FOLLOW_SECONDS = 0.5


class LogPane(Vertical):
    """The log book, following its end until the cursor leaves it."""

    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings("log")]
    DEFAULT_CSS = """
    LogPane {
        dock: bottom; height: 30%; min-height: 7; margin-bottom: 1;
        border-top: solid $border; background: $surface;
        & > #log-title { height: 1; padding: 0 1; color: $foreground; }
        & > #log-filter { display: none; }
        & > #log-filter.-shown { display: block; }
    }
    """

    class Left(Message):
        """The operator goes back to the screen; the pane stays."""

    class Chosen(Message):
        """Lines of the log are to be read in full."""

        def __init__(self, notes: Sequence[Note]) -> None:
            """Carry `notes`."""
            super().__init__()
            self.notes = tuple(notes)

    class Copied(Message):
        """Lines of the log are to be copied."""

        def __init__(self, words: str) -> None:
            """Carry the lines."""
            super().__init__()
            self.words = words

    def __init__(self, book: LogBook, *, came_from: Widget | None = None) -> None:
        """Show `book`; `came_from` had the focus before."""
        super().__init__()
        self.book = book
        self.came_from = came_from
        self.level = 0
        self.wanted = ""
        self._seen = -1
        self._notes: Sequence[Note] = ()

    def compose(self) -> ComposeResult:
        yield Static("", id="log-title")
        yield Field(placeholder="keep lines with these words", id="log-filter")
        yield RecordTable(COLUMNS, id="log-lines", empty="Nothing was noted yet.")

    @property
    def lines(self) -> RecordTable:
        return self.query_one("#log-lines", RecordTable)

    def on_mount(self) -> None:
        self.follow()
        self.lines.focus()
        self.call_after_refresh(self.lines.action_last)
        self.set_interval(FOLLOW_SECONDS, self.follow)

    def follow(self) -> None:
        """Show what was noted since the last time; the cursor stays at the end if it was there."""
        if self._seen == self.book.written:
            return
        self._seen = self.book.written
        at_end = self.lines.cursor >= len(self._notes) - 1
        self._show()
        if at_end:
            self.lines.action_last()

    def _show(self) -> None:
        notes = self._notes = self.book.worth(LEVELS[self.level][0], self.wanted)
        self.lines.reload(MadeSource(range(len(notes)), lambda number: _row(number, notes[number])))
        kept = f" with “{text.safe(self.wanted, 40)}”" if self.wanted else ""
        self.query_one("#log-title", Static).update(
            text.line(
                ("log ", "bold"),
                (f"{LEVELS[self.level][1]}{kept}: {len(notes):,} of {len(self.book.notes):,}", text.MUTED),
            )
        )

    # actions

    def action_filter(self) -> None:
        field = self.query_one("#log-filter", Field)
        field.add_class("-shown")
        field.focus()

    def action_level(self) -> None:
        self.level = (self.level + 1) % len(LEVELS)
        self._show()
        self.lines.action_last()

    def action_open(self) -> None:
        if self._notes:
            self.post_message(self.Chosen([self._notes[self.lines.cursor]]))

    def action_copy(self) -> None:
        if self._notes:
            self.post_message(self.Copied(self._notes[self.lines.cursor].line))

    def action_copy_all(self) -> None:
        if self._notes:
            self.post_message(self.Copied("\n".join(note.line for note in self._notes)))

    def action_leave(self) -> None:
        """Leave the filter first, then the pane."""
        field = self.query_one("#log-filter", Field)
        if field.has_class("-shown"):
            field.value = ""
            field.remove_class("-shown")
            self.lines.focus()
        else:
            self.post_message(self.Left())

    @on(Input.Changed)
    def _filter_typed(self, message: Input.Changed) -> None:
        message.stop()
        self.wanted = message.value
        self._show()
        self.lines.action_last()

    @on(Input.Submitted)
    def _filter_kept(self, message: Input.Submitted) -> None:
        message.stop()
        self.lines.focus()

    @on(RecordTable.Activated)
    def _clicked(self) -> None:
        self.action_open()

    @on(RecordTable.Activated)
    @on(RecordTable.Moved)
    @on(RecordTable.Wanted)
    @on(RecordTable.HeaderClicked)
    def _keep(self, message: Message) -> None:
        """Tell nobody else: a screen takes every table's news for its own."""
        message.stop()

    def on_click(self, event: events.Click) -> None:
        event.stop()


def _row(number: int, note: Note) -> Row:
    role: Role = "bad" if note.level >= logging.ERROR else "warn" if note.level >= logging.WARNING else ""
    level = logging.getLevelName(note.level).lower()
    return Row(number, (Cell(note.time, "muted"), Cell(level, role or "muted"), Cell(note.words, role)))
