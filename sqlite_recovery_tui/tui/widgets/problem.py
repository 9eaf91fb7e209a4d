"""A failure, shown where it happened: what failed, on what, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widgets import Static

from sqlite_recovery_tui.errors import DamagedError, OutsideCoverage, RecoverError
from sqlite_recovery_tui.tui import text, wording


class Problem(Static):
    """Nothing, until there is something wrong."""

    def __init__(self, *, id: str | None = None) -> None:
        """Start hidden."""
        super().__init__(id=id, classes="problem")
        self.error: RecoverError | None = None

    def show(self, error: RecoverError | None, ways: Sequence[Content | str] = ()) -> None:
        """Show `error` with the ways out of it; None hides.

        Where the ways lead to the good points around it, they say what its hint does.
        """
        self.error = error
        self.set_class(error is not None, "-shown")
        if error is None:
            self.update("")
            return
        rows = describe(error, hint=not (ways and _has_points(error)))
        self.update(text.lines(*rows, *ways))

    @property
    def shown(self) -> str:
        """Everything that stands there, as plain text."""
        return str(self.content) if self.error is not None else ""


def _has_points(error: RecoverError) -> bool:
    match error:
        case DamagedError(last_good=before, next_good=after) | OutsideCoverage(before=before, after=after):
            return before is not None or after is not None
        case _:
            return False


def describe(error: RecoverError, *, hint: bool = True) -> list[Content]:
    """Return an error as lines: the message, the object it is about, the hint."""
    rows = [text.line(("✗ ", "bold $text-error"), (wording.words(error), "bold"))]
    if error.object and error.object not in str(error):
        rows.append(text.line(("  on ", text.MUTED), error.object))
    if hint and error.hint:
        rows.append(text.line(("  → ", "$text-accent"), wording.hint(error)))
    return rows


def way(key: str, words: str) -> Content:
    """Return one way out: a key and what it does."""
    return text.line(("  ", ""), (f" {key} ", "bold $text-primary on $panel"), " ", words)
