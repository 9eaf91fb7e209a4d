"""What production holds beside a restored database: rows per table, counted in the background."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlite_recovery_tui.errors import Cancelled, NotFoundError, RecoverError
from sqlite_recovery_tui.tui import text, wording
from sqlite_recovery_tui.tui.engine import Engine, Owner, Queue, Report, Request
from sqlite_recovery_tui.tui.widgets.rows import Cell, Column

COLUMNS = (
    Column("name", "table", least=8, most=60, grow=True),
    Column("rows", "scratch", least=7, most=14, align="right"),
    Column("live", "live", least=5, most=14, align="right"),
    Column("difference", "live has", least=8, most=20),
)
Rows = dict[str, int | None]
"""By table; None where it is not there."""


class Live:
    """Production beside one scratch database, for one screen."""

    def __init__(
        self, engine: Engine, screen: Owner, scratch: Path, production: Path, changed: Callable[[], None]
    ) -> None:
        """Count nothing yet; `changed` is called at every news."""
        self._engine = engine
        self._screen = screen
        self._scratch, self._production = scratch, production
        self._changed = changed
        self._counting: Request[Any] | None = None
        self.rows: Rows = {}
        self.reason = ""
        """Why there is nothing to compare with."""

    @property
    def is_there(self) -> bool:
        """Whether anything of it is known."""
        return bool(self.rows)

    @property
    def running(self) -> bool:
        return self._counting is not None and self._counting.running

    def count(self) -> None:
        """Count every table of production, in a process of its own."""

        def work(report: Report) -> Rows:
            return _count(self._scratch, self._production, report)

        self._engine.drop(self._counting)
        self._counting = self._engine.ask(
            Queue.CHECK, self._screen, work, then=self._found, failed=self._failed, partial=self._found
        )

    def stop(self) -> None:
        """Stop counting; what is counted stays."""
        if self._counting is not None:
            self._counting.stop()

    def close(self) -> None:
        """Stop counting for good."""
        self._engine.drop(self._counting)

    def _found(self, rows: Rows) -> None:
        self.rows, self.reason = rows, ""
        self._changed()

    def _failed(self, error: RecoverError) -> None:
        if not isinstance(error, Cancelled):
            self.reason = wording.words(error)
        self._changed()

    def cells(self, table: str, scratch_rows: int | None) -> tuple[Cell, Cell]:
        """Return how many rows production has of a table, and how many more or fewer those are."""
        if table not in self.rows:
            waiting = "…" if self.running else ""
            return Cell(waiting, "muted"), Cell(waiting, "muted")
        live = self.rows[table]
        if live is None:
            return Cell("–", "muted"), Cell("✗ no such table", "bad")
        return Cell(f"{live:,}"), _difference(live, scratch_rows)

    def words(self) -> list[text.Part]:
        """Say why there is nothing to compare with, in a line; nothing when there is."""
        return [("○ live  ", text.MUTED), (self.reason, text.MUTED)] if self.reason else []


def _count(scratch: Path, production: Path, report: Report) -> Rows:
    from sqlite_recovery_tui.verify.diff import comparing

    if not production.is_file():
        raise NotFoundError(f"there is no file {production} here to compare with", object=str(production))
    rows: Rows = {}
    with comparing(scratch, production) as diff:
        for table in diff.tables():
            rows[table] = diff.count(table, left=False, progress=report.progress, cancel=report.cancel)
            report.partial(dict(rows))
    return rows


def _difference(live: int, scratch: int | None) -> Cell:
    if scratch is None:
        return Cell("…", "muted")
    if live == scratch:
        return Cell("as many", "muted")
    return (
        Cell(f"▼ {scratch - live:,} fewer", "warn") if live < scratch else Cell(f"▲ {live - scratch:,} more")
    )
