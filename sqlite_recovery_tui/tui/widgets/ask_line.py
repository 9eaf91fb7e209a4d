"""The line of the workbench to type in: SQL, a condition, columns, a row; with history and completion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from sqlite_recovery_tui.tui import actions, text
from sqlite_recovery_tui.tui.completion import Completion
from sqlite_recovery_tui.tui.sql_history import SqlHistory
from sqlite_recovery_tui.tui.widgets.field import Field

Complete = Callable[[str, int], Completion]


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a line is typed for."""

    id: str
    label: str
    placeholder: str
    keeps: bool = False
    """Whether what was typed stays there afterwards."""


class AskField(Field):
    """The input itself, with keys for history and completion."""

    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings("ask")]

    @dataclass
    class Stepped(Message):
        """An older (-1) or newer (1) statement is wanted."""

        step: int

    @dataclass
    class Completing(Message):
        """The word in front of the cursor is to be completed."""

    def action_older(self) -> None:
        self.post_message(self.Stepped(-1))

    def action_newer(self) -> None:
        self.post_message(self.Stepped(1))

    def action_complete(self) -> None:
        self.post_message(self.Completing())

    def _on_paste(self, event: events.Paste) -> None:
        """Take all lines of what is pasted: SQL is often written in several."""
        event.stop()
        event.prevent_default()
        self.insert_text_at_cursor(" ".join(event.text.split("\n")).replace("\r", " ").replace("\t", " "))


class AskLine(Vertical):
    """A label that says what is typed, the field, and above them the names that fit."""

    DEFAULT_CSS = """
    AskLine { height: auto; background: $panel; }
    AskLine > .ask-names { display: none; height: 1; padding: 0 1; background: $surface;
        text-wrap: nowrap; text-overflow: ellipsis; }
    AskLine > .ask-names.-shown { display: block; }
    AskLine > Horizontal { height: 1; }
    AskLine .ask-label { width: auto; }
    AskLine AskField { width: 1fr; }
    """

    @dataclass
    class Submitted(Message):
        """The operator is done with typing."""

        purpose: Purpose
        typed: str

    @dataclass
    class Typed(Message):
        """What is typed has changed."""

        purpose: Purpose
        typed: str

    def __init__(self, purpose: Purpose, *, id: str | None = None) -> None:
        """Wait for `purpose`, whenever the field gets the focus without another."""
        super().__init__(id=id)
        self.home = self.purpose = purpose
        self.history = SqlHistory()
        self.complete: Complete | None = None
        self._place: int | None = None
        self._draft = ""
        self._completion: Completion | None = None
        self._chosen = -1
        self._setting = False

    def compose(self) -> ComposeResult:
        yield Static("", classes="ask-names")
        with Horizontal():
            yield Static(self._label(), classes="ask-label")
            yield AskField(placeholder=self.purpose.placeholder, id="sql")

    @property
    def field(self) -> AskField:
        return self.query_one(AskField)

    def begin(self, purpose: Purpose, value: str | None = None) -> None:
        """Let the operator type for `purpose`; `value` replaces what stands there."""
        other = purpose.id != self.purpose.id
        self.purpose = purpose
        self.query_one(".ask-label", Static).update(self._label())
        self.field.placeholder = purpose.placeholder
        if value is not None or other:
            self._set(value or "")
        self._place = None
        self.field.focus()

    def rest(self) -> None:
        """Go back to the purpose it has at home; what was typed for another is dropped."""
        self._show_names(None)
        if self.purpose.id == self.home.id:
            return
        self.purpose = self.home
        self.query_one(".ask-label", Static).update(self._label())
        self.field.placeholder = self.home.placeholder
        self._set("")

    def relabel(self, home: Purpose) -> None:
        """Say something else of what is typed at home."""
        if self.purpose.id == home.id:
            self.purpose = home
        self.home = home
        self.query_one(".ask-label", Static).update(self._label())

    def _label(self) -> Content:
        return text.line((f" {self.purpose.label} ›", "bold $text-primary"))

    def _set(self, value: str) -> None:
        with self.prevent(Input.Changed):
            self.field.value = value
        self.field.cursor_position = len(value)

    @on(Input.Submitted)
    def _submitted(self, message: Input.Submitted) -> None:
        message.stop()
        self._show_names(None)
        self.post_message(self.Submitted(self.purpose, message.value.strip()))

    @on(Input.Changed)
    def _changed(self, message: Input.Changed) -> None:
        message.stop()
        self._place = None
        self._show_names(None)
        self.post_message(self.Typed(self.purpose, message.value))

    # history

    @on(AskField.Stepped)
    def _stepped(self, message: AskField.Stepped) -> None:
        message.stop()
        if self.purpose.id != self.home.id:
            return
        if self._place is None:
            self._draft = self.field.value
        history = self.history
        step = history.older if message.step < 0 else history.newer
        place = step(self._place, self._draft)
        if place is None and message.step < 0:
            return
        self._place = place
        self._set(self._draft if place is None else history.statements[place])

    # completion

    @on(AskField.Completing)
    def _completing(self, message: AskField.Completing) -> None:
        message.stop()
        if self._completion is not None and len(self._completion.words) > 1:
            self._take(self._completion, (self._chosen + 1) % len(self._completion.words))
            return
        if self.complete is None:
            return
        found = self.complete(self.field.value, self.field.cursor_position)
        typed = self.field.value[found.start : self.field.cursor_position]
        if len(found.words) == 1:
            self._replace(found, found.words[0])
            self._show_names(None)
        elif found.words:
            if len(found.common) > len(typed):
                self._replace(found, found.common)
            self._chosen = -1
            self._show_names(found)

    def _take(self, completion: Completion, number: int) -> None:
        self._chosen = number
        self._replace(completion, completion.words[number])
        self._show_names(completion)

    def _replace(self, completion: Completion, word: str) -> None:
        value, cursor = self.field.value, self.field.cursor_position
        with self.prevent(Input.Changed):
            self.field.value = value[: completion.start] + word + value[cursor:]
        self.field.cursor_position = completion.start + len(word)

    def _show_names(self, completion: Completion | None) -> None:
        self._completion = completion
        names = self.query_one(".ask-names", Static)
        names.set_class(completion is not None, "-shown")
        if completion is None:
            return
        chosen = max(0, self._chosen)
        words = completion.words[chosen : chosen + 40]
        parts = [
            (f" {word} ", "reverse" if self._chosen == chosen + i else "") for i, word in enumerate(words)
        ]
        names.update(text.line((f"{len(completion.words)} names  ", text.MUTED), *parts))
