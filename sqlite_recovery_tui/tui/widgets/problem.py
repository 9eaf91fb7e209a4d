"""A failure, shown where it happened: what failed, on what, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widgets import Static

from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.tui import text, wording


class Problem(Static):
    """Nothing, until there is something wrong."""

    def __init__(self, *, id: str | None = None) -> None:
        """Start hidden."""
        super().__init__(id=id, classes="problem")
        self.error: RecoverError | None = None

    def show(self, error: RecoverError | None, ways: Sequence[Content | str] = ()) -> None:
        """Show `error` with the ways out of it; None hides."""
        self.error = error
        self.set_class(error is not None, "-shown")
        self.update(text.lines(*describe(error), *ways) if error is not None else "")

    @property
    def shown(self) -> str:
        """Everything that stands there, as plain text."""
        return str(self.content) if self.error is not None else ""


def describe(error: RecoverError) -> list[Content]:
    """Return an error as lines: the message, the object it is about, the hint."""
    rows = [text.line(("✗ ", "bold $text-error"), (wording.words(error), "bold"))]
    if error.object and error.object not in str(error):
        rows.append(text.line(("  on ", text.MUTED), error.object))
    if error.hint:
        rows.append(text.line(("  → ", "$text-accent"), wording.hint(error)))
    return rows


def way(key: str, words: str) -> Content:
    """Return one way out: a key and what it does."""
    return text.line(("  ", ""), (f" {key} ", "bold $text-primary on $panel"), " ", words)
