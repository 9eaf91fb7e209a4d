"""The preview of the workbench: rows of a table in some order, or of an answer, as they are looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from sqlite_recovery_tui.errors import Cancelled, RecoverError, StatementError
from sqlite_recovery_tui.progress import Progress
from sqlite_recovery_tui.tui import phrases, text
from sqlite_recovery_tui.tui.inspection import Inspection, TableCount
from sqlite_recovery_tui.tui.look import Look
from sqlite_recovery_tui.tui.preview import RowSource
from sqlite_recovery_tui.tui.widgets.problem import Problem
from sqlite_recovery_tui.tui.widgets.record_table import RecordTable
from sqlite_recovery_tui.tui.widgets.rows import ListSource

if TYPE_CHECKING:
    from sqlite_recovery_tui.sqlite.messages import RowPage
    from sqlite_recovery_tui.sqlite.values import Spot

SQL_ROWS = 1_000


class PreviewTable(RecordTable):
    """The table of the preview, which says when the cursor is pushed against its side."""

    @dataclass
    class Pushed(Message):
        """The cursor stands at the first (-1) or last (1) column and is moved on."""

        step: int

    def action_left(self) -> None:
        if self.column == 0:
            self.post_message(self.Pushed(-1))
        super().action_left()

    def action_right(self) -> None:
        if self.columns and self.column == len(self.columns) - 1:
            self.post_message(self.Pushed(1))
        super().action_right()


class PreviewPane(Vertical):
    """A title, what is wrong, and rows."""

    @dataclass
    class Changed(Message):
        """Rows have come, or cannot."""

    def __init__(self, *, id: str | None = None) -> None:
        """Show nothing until `look_at` or `ask`."""
        super().__init__(id=id)
        self.inspection: Inspection | None = None
        self.advanced: Callable[[Progress], None] | None = None
        self.look: Look | None = None
        """The table that is shown, and how; None while an answer to SQL is."""
        self.rows = RowSource()
        self.sql = ""
        self.count: TableCount | None = None
        """Rows of the whole table."""
        self.seconds: float | None = None
        """How long a condition or a statement may take."""
        self._counted_by_condition = False

    def compose(self) -> ComposeResult:
        yield Static("", id="preview-title")
        yield Problem()
        yield PreviewTable(id="preview", cursor="cell")

    @property
    def table(self) -> PreviewTable:
        return self.query_one(PreviewTable)

    @property
    def problem(self) -> Problem:
        return self.query_one(Problem)

    # what is shown

    def look_at(self, look: Look, count: TableCount | None, *, row: int = 0, column: int = 0) -> None:
        """Show rows of a table, with the cursor on a row and column of them."""
        same_rows = self.look is not None and self._has_same_rows(self.look, look)
        known = self.rows.count if same_rows else None
        self.look, self.sql, self.count = look, "", count
        self.rows = RowSource()
        self.rows.count = known if look.where else (count.rows if count is not None else None)
        self._counted_by_condition = same_rows and self._counted_by_condition
        self.problem.show(None)
        if look.pattern and not look.matching:
            self._clear("no column has such a name; / changes that")
            return
        self._clear("reading…")
        self._load(max(0, row - 1), row + self.table.page, at=(row, column))

    def counted(self, count: TableCount) -> None:
        """Take how many rows the whole table has."""
        self.count = count
        if self.look is not None and not self.look.where and count.rows is not None:
            self.rows.count = count.rows
            self.table.reload()
        self.tell()

    def ask(self, sql: str) -> None:
        """Show the answer to a statement."""
        self.look, self.sql, self.count = None, sql, None
        self.rows = rows = RowSource()
        self.problem.show(None)
        limit = phrases.seconds(self.seconds) if self.seconds is not None else "without limit"
        self._clear(f"asking… {'at most ' if self.seconds is not None else ''}{limit}, x stops it")
        assert self.inspection is not None
        self.inspection.ask(
            lambda inspector, report: inspector.query(
                sql, limit=SQL_ROWS, seconds=self.seconds, progress=report.progress, cancel=report.cancel
            ),
            then=lambda page: self._answered(rows, page),
            failed=self.failed,
            progress=self.advanced,
        )

    def turn(self, **changes: object) -> None:
        """Look at the same table in another way, from its first row."""
        if self.look is not None:
            self.look_at(replace(self.look, first=0, **changes), self.count)  # type: ignore[arg-type]

    def failed(self, error: RecoverError, typed: str | None = None) -> None:
        """Show what went wrong, and where in what was typed; what was stopped on purpose is no failure."""
        if isinstance(error, Cancelled):
            self.table.empty = "stopped"
            self.table.redraw()
            return
        self.table.empty = ""
        self.table.redraw()
        source = typed if typed is not None else (self.look.where if self.look is not None else self.sql)
        self.problem.show(error, marks(error, source))
        self.post_message(self.Changed())

    def spot(self) -> Spot | None:
        """Return where the value under the cursor stands; None where there is none."""
        from sqlite_recovery_tui.sqlite.values import Spot

        if self.rows.value(self.table.cursor, self.table.column) is None:
            return None
        row, column = self.table.cursor, self.table.column
        name = self.rows.columns[column]
        if self.look is None:
            return Spot(row, column, name, sql=self.sql)
        return Spot(row, column, name, self.look.table.name, self.look.view())

    def tell(self) -> None:
        """Bring the title up to date."""
        self.query_one("#preview-title", Static).update(text.line(" ", *self._words()))

    # loading

    def _clear(self, empty: str) -> None:
        self.table.empty = empty
        self.table.show((), ListSource())
        self.tell()

    @on(RecordTable.Wanted, "#preview")
    def _rows_wanted(self, message: RecordTable.Wanted) -> None:
        message.stop()
        if self.look is not None and message.table.source is self.rows:
            self._load(message.first, message.last)

    def _load(self, first: int, last: int, *, at: tuple[int, int] = (0, 0)) -> None:
        look, rows = self.look, self.rows
        assert look is not None
        assert self.inspection is not None
        offset, limit = rows.request(first, last)
        view, total = look.view(), rows.count
        seconds = self.seconds if look.where else None
        self.inspection.ask(
            lambda inspector, report: inspector.rows(
                look.table.name,
                offset=offset,
                limit=limit,
                view=view,
                total=total,
                seconds=seconds,
                progress=report.progress,
                cancel=report.cancel,
            ),
            then=lambda page: self._came(rows, page, at),
            failed=self.failed,
            progress=self.advanced,
        )

    def _came(self, rows: RowSource, page: RowPage, at: tuple[int, int]) -> None:
        if rows is not self.rows:
            return
        if rows.take(page):
            self._begin(at)
        else:
            self.table.reload()
        self.tell()
        self.post_message(self.Changed())

    def _begin(self, at: tuple[int, int]) -> None:
        """Show the first rows that came, and count those that a condition lets through."""
        look = self.look
        assert look is not None
        if not look.names:
            self.look = look = replace(look, names=self.rows.columns)
        self.table.empty = "no rows meet the condition" if look.where else "no rows"
        self.table.sort = self._sorted_column(look)
        self.table.show(self.rows.table_columns(), self.rows)
        row, column = at
        if column:
            self.table.column = min(column, len(self.rows.columns) - 1)
        if row:
            self.table.move_to(row, center=True)
        if look.where and self.rows.count is None and not self._counted_by_condition:
            self._counted_by_condition = True
            self._tally(look)

    def _tally(self, look: Look) -> None:
        rows = self.rows

        def counted(count: TableCount) -> None:
            if rows is self.rows and count.rows is not None:
                rows.count = count.rows
                self.table.reload()
                self.tell()

        assert self.inspection is not None
        if self.inspection.counts_freely:
            self.inspection.tally(look.table.name, look.view(()), then=counted)

    def _answered(self, rows: RowSource, page: RowPage) -> None:
        if rows is not self.rows:
            return
        rows.take(page)
        rows.count = len(page.rows)
        if page.has_more and not rows.notice:
            rows.notice = f"more than {SQL_ROWS:,} rows; e exports all of them"
        self.table.empty = "no rows"
        self.table.sort = None
        self.table.show(rows.table_columns(), rows)
        self.tell()
        self.post_message(self.Changed())

    @on(PreviewTable.Pushed)
    def _pushed(self, message: PreviewTable.Pushed) -> None:
        """Bring the next columns when the cursor is pushed beyond the last."""
        message.stop()
        following = self.look.moved(message.step) if self.look is not None else None
        if following is not None:
            column = 0 if message.step > 0 else len(following.window) - 1
            self.look_at(following, self.count, row=self.table.cursor, column=column)

    # words

    def _words(self) -> list[text.Part]:
        words: list[text.Part] = []
        if self.look is not None:
            words = [(self.look.table.name, "bold"), (f"  {self._extent()}", text.MUTED), *self.look.words()]
            if self.count is not None and self.count.error is not None:
                words.append((f"  ✗ {self.count.error}", "$text-error"))
        elif self.sql:
            shown = self.rows.row_count()
            more = "the first " if self.rows.notice or shown >= SQL_ROWS else ""
            words = [("SQL", "bold")]
            if self.rows.columns:
                words.append((f"  {more}{phrases.many(shown, 'row')}", text.MUTED))
        if self.rows.notice:
            words.append((f"  ▲ {self.rows.notice}", "$text-warning"))
        return words

    def _extent(self) -> str:
        assert self.look is not None
        whole = self.count.rows if self.count is not None else None
        if not self.look.where:
            return phrases.many(whole, "row") if whole is not None else ""
        found = f"{self.rows.count:,}" if self.rows.count is not None else "…"
        return f"{found} of {phrases.many(whole, 'row')}" if whole is not None else f"{found} rows"

    def _sorted_column(self, look: Look) -> tuple[str, bool] | None:
        first = look.order_column
        if first is None or first not in self.rows.columns:
            return None
        return str(self.rows.columns.index(first)), look.descending

    @staticmethod
    def _has_same_rows(one: Look, other: Look) -> bool:
        return one.table == other.table and one.where == other.where


def marks(error: RecoverError, typed: str) -> list[Content]:
    """Return the line of what was typed that has the error, and a mark under its place."""
    if not isinstance(error, StatementError) or error.offset is None or not typed:
        return []
    from sqlite_recovery_tui.sqlite.statement import mark

    shown, before = (text.safe(part) for part in mark(typed, error.offset))
    return [
        text.line(("  ", ""), (shown, "")),
        text.line((" " * (2 + text.width(before)) + "▲ here", "bold $text-error")),
    ]
