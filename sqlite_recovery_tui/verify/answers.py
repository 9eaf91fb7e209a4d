"""What a question in SQL gives at one state of a database: rows, or the reason why it cannot be answered."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlite_recovery_tui.errors import StatementError, UsageError
from sqlite_recovery_tui.progress import CancelToken, ProgressFn, ignore_progress
from sqlite_recovery_tui.sqlite.inspector import Inspector
from sqlite_recovery_tui.sqlite.messages import Cell, RowPage

MOST_ROWS = 1000
_SHOWN_ROWS = 5


@dataclass(frozen=True)
class Answer:
    """One answer; two are equal where the same rows came, or the same failure."""

    rows: tuple[tuple[Cell, ...], ...] = ()
    has_more: bool = False
    failure: str = ""
    """SQLite's words, where the question cannot be answered: a table that is not there, say."""

    @property
    def text(self) -> str:
        """The answer in one line (raw)."""
        if self.failure:
            return self.failure
        if not self.rows:
            return "no rows"
        if len(self.rows) == 1 and not self.has_more:
            return _line(self.rows[0])
        shown = "; ".join(map(_line, self.rows[:_SHOWN_ROWS]))
        count = f"{len(self.rows):,}{' or more' if self.has_more else ''} rows"
        return f"{count}: {shown}{'; …' if len(self.rows) > _SHOWN_ROWS else ''}"

    def is_value(self, expected: str) -> bool:
        """Tell whether it is one value, and that is `expected` as SQL or `sqlrecover query` writes it."""
        if self.failure or self.has_more or len(self.rows) != 1 or len(self.rows[0]) != 1:
            return False
        cell = self.rows[0][0]
        if cell.text == expected:
            return True
        try:
            number = float(expected)
        except ValueError:
            return False
        return cell.type in ("integer", "real") and cell.value == number

    def to_json(self) -> dict[str, Any]:
        """Return the answer as the command line prints it."""
        return {"answer": self.text, "failed": bool(self.failure)}


def ask(
    database: Path,
    sql: str,
    *,
    seconds: float | None = 60.0,
    progress: ProgressFn = ignore_progress,
    cancel: CancelToken | None = None,
) -> Answer:
    """Ask a database, as untrusted input; at most 1,000 rows count.

    SQL that fails is an answer. Raises `TimedOut` after `seconds`, `DamagedError`, `InspectorError`,
    `Cancelled`.
    """
    with Inspector(database) as inspector:
        return answer_of(inspector, sql, seconds=seconds, progress=progress, cancel=cancel)


def answer_of(
    inspector: Inspector,
    sql: str,
    *,
    seconds: float | None,
    progress: ProgressFn = ignore_progress,
    cancel: CancelToken | None = None,
) -> Answer:
    """Ask a database that is open; see `ask`."""
    try:
        page = inspector.query(sql, limit=MOST_ROWS, seconds=seconds, progress=progress, cancel=cancel)
    except (StatementError, UsageError) as error:
        return Answer(failure=error.message)
    return _of(page)


def _of(page: RowPage) -> Answer:
    return Answer(page.rows, page.has_more)


def _line(row: tuple[Cell, ...]) -> str:
    return ", ".join(cell.text for cell in row)
