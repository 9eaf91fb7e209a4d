"""The line above a table that keeps only the rows a pattern fits: regex, `!` turns it round, with a count."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static

from sqlite_recovery_tui.errors import UsageError
from sqlite_recovery_tui.tui import actions, text
from sqlite_recovery_tui.tui.widgets.field import Field

INVERSE = "!"
_ESCAPED = re.compile(r"\\.")


@dataclass(frozen=True, slots=True)
class Pattern:
    """What a row must look like to stay: a regular expression, found anywhere, or not found at all."""

    typed: str = ""
    expression: re.Pattern[str] | None = None
    inverse: bool = False

    @classmethod
    def parse(cls, typed: str) -> Pattern:
        """Read what an operator typed: `!` in front keeps what does not fit, small letters fit capitals too.

        Raises `UsageError` for what is no regular expression.
        """
        wanted = typed.removeprefix(INVERSE)
        if not wanted:
            return cls(typed)
        has_capitals = any(letter.isupper() for letter in _ESCAPED.sub("", wanted))
        try:
            expression = re.compile(wanted, 0 if has_capitals else re.IGNORECASE)
        except (re.error, OverflowError, RecursionError) as error:
            raise UsageError(
                f"not a regular expression: {error}", hint="a \\ before a sign means the sign itself"
            ) from error
        return cls(typed, expression, typed.startswith(INVERSE))

    def __bool__(self) -> bool:
        """Tell whether it leaves anything out."""
        return self.expression is not None

    def matches(self, row: str) -> bool:
        """Tell whether a row of this text stays."""
        if self.expression is None:
            return True
        return (self.expression.search(row) is None) is self.inverse


class FilterBar(Horizontal):
    """Not there until `/` is pressed; stays while it leaves anything out, and says how much."""

    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings("filter")]
    DEFAULT_CSS = """
    FilterBar { display: none; height: 1; background: $panel; }
    FilterBar.-shown { display: block; }
    FilterBar > .filter-sign { width: 3; color: $primary; text-style: bold; }
    FilterBar > Input, FilterBar > Input:focus {
        width: 1fr; min-width: 12; height: 1; border: none; padding: 0; background: $panel;
    }
    FilterBar > .filter-count { width: auto; max-width: 70%; padding: 0 1; }
    """

    @dataclass
    class Changed(Message):
        """Another pattern is to be gone by."""

        bar: FilterBar

    @dataclass
    class Kept(Message):
        """The operator is done with typing."""

        bar: FilterBar

    @dataclass
    class Steered(Message):
        """The cursor of the table is to move while one types."""

        bar: FilterBar
        step: int

    def __init__(self) -> None:
        """Start without a pattern."""
        super().__init__()
        self.pattern = Pattern()
        self.error: UsageError | None = None
        self._counts = (0, 0)

    def compose(self) -> ComposeResult:
        yield Static(" / ", classes="filter-sign")
        field = Field(id="filter", placeholder="regex · !regex keeps the others", select_on_focus=False)
        field.can_focus = False  # until it is shown; a screen gives the focus to the first that takes it
        yield field
        yield Static(classes="filter-count")

    @property
    def typing(self) -> bool:
        """True while the cursor is in it."""
        return self.query_one(Input).has_focus

    def begin(self) -> None:
        """Let the operator type."""
        self.add_class("-shown")
        self.query_one(Input).can_focus = True
        self.query_one(Input).focus()

    def clear(self) -> None:
        """Leave nothing out any more."""
        self.error = None
        self.remove_class("-shown")
        field = self.query_one(Input)
        field.can_focus = False
        with self.prevent(Input.Changed):
            field.value = ""
        if self.pattern:
            self.pattern = Pattern()
            self.post_message(self.Changed(self))

    def count(self, shown: int, all_of_them: int) -> None:
        """Say how many rows stay of how many."""
        self._counts = (shown, all_of_them)
        self._tell()

    def action_up(self) -> None:
        self.post_message(self.Steered(self, -1))

    def action_down(self) -> None:
        self.post_message(self.Steered(self, 1))

    @on(Input.Changed)
    def _typed(self, message: Input.Changed) -> None:
        message.stop()
        try:
            self.pattern, self.error = Pattern.parse(message.value), None
        except UsageError as error:
            self.error = error
            self._tell()
            return
        self._tell()
        self.post_message(self.Changed(self))

    @on(Input.Submitted)
    def _submitted(self, message: Input.Submitted) -> None:
        message.stop()
        self.post_message(self.Kept(self))

    def _tell(self) -> None:
        shown, count = self._counts
        line = self.query_one(".filter-count", Static)
        if self.error is not None:
            line.update(text.line(("✗ ", "bold $text-error"), str(self.error)))
        else:
            words = f"{shown:,} of {count:,}"
            line.update(text.line((words, "$text-warning" if self.pattern and not shown else text.MUTED)))
