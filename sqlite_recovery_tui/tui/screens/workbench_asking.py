"""What the workbench is asked for by typing: SQL, conditions, names of tables and columns, rows."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from textual import on
from textual.content import Content
from textual.widgets import Input

from sqlite_recovery_tui.errors import UsageError
from sqlite_recovery_tui.folders import state_folder
from sqlite_recovery_tui.tui import phrases, sql_history, text
from sqlite_recovery_tui.tui.completion import Completion, Names, complete
from sqlite_recovery_tui.tui.engine import Queue
from sqlite_recovery_tui.tui.inspection import Inspection
from sqlite_recovery_tui.tui.screens.base import ConsoleScreen
from sqlite_recovery_tui.tui.screens.workbench_preview import PreviewPane, PreviewTable
from sqlite_recovery_tui.tui.sources import Source
from sqlite_recovery_tui.tui.widgets.ask_line import AskLine, Purpose
from sqlite_recovery_tui.tui.widgets.filter import Pattern
from sqlite_recovery_tui.tui.widgets.record_table import RecordTable

if TYPE_CHECKING:
    from sqlite_recovery_tui.sqlite.messages import RowPage, TableInfo
    from sqlite_recovery_tui.tui.look import Look
    from sqlite_recovery_tui.tui.proof import Subject

TIME_LIMITS: tuple[float | None, ...] = (10.0, 60.0, 600.0, None)
"""What statements and conditions may take, in seconds; None: as long as it takes."""
_NUMBER = re.compile(r"[\d_, .']+\Z")


def _purpose(id: str, label: str, placeholder: str) -> tuple[str, Purpose]:
    return id, Purpose(id, label, placeholder)


PURPOSES = dict(
    (
        _purpose("sql", "sql", "SELECT … (read-only, s to type; tab completes, ↑ brings back)"),
        _purpose("where", "where", "an SQL condition, as state = 'failed' AND id > 100; empty: all rows"),
        _purpose("tables", "tables /", "regex of names to keep; ! keeps the others; empty: all"),
        _purpose("columns", "columns /", "regex of names to keep; ! keeps the others; empty: all"),
        _purpose("row", "go to", "a row number, 50%, end, or =KEY for the first row at or behind a key"),
    )
)


class Asking(ConsoleScreen):
    """The part of the workbench that takes wishes; `WorkbenchScreen` shows what comes of them."""

    TYPING_HINT = "ask"
    subject: Subject
    source: Source
    inspection: Inspection

    def __init__(self) -> None:
        """Begin with nothing asked."""
        super().__init__()
        self.tables: tuple[TableInfo, ...] = ()
        self.looks: dict[str, Look] = {}
        """How each table was looked at last."""
        self.pattern = Pattern()
        """Which tables are listed."""
        self.asked = ""
        """The last statement."""
        self.functions: tuple[str, ...] = ()

    @property
    def table_list(self) -> RecordTable:
        return self.query_one("#tables", RecordTable)

    @property
    def pane(self) -> PreviewPane:
        return self.query_one(PreviewPane)

    @property
    def preview(self) -> PreviewTable:
        return self.pane.table

    @property
    def line(self) -> AskLine:
        return self.query_one(AskLine)

    def tables_filtered(self) -> None:
        """Show the tables that `pattern` leaves."""

    def begin_asking(self) -> None:
        """Set the time limit, and bring what was asked in earlier sessions and what can be called."""
        from sqlite_recovery_tui.sqlite.functions import function_names

        self._set_limit(TIME_LIMITS[0])
        self.line.complete = self._complete
        self.console.engine.ask(
            Queue.THINK,
            self,
            lambda _: (sql_history.load(state_folder()), function_names()),
            then=self._remember,
            failed=lambda _: None,
        )

    def _remember(self, found: tuple[list[str], tuple[str, ...]]) -> None:
        statements, self.functions = found
        self.line.history = sql_history.SqlHistory(statements)

    # typing

    def do_sql(self) -> None:
        self.line.begin(self.line.home)

    def do_where(self) -> None:
        look = self.pane.look
        self.line.begin(PURPOSES["where"], look.where if look is not None else "")

    def do_filter(self) -> None:
        look = self.pane.look
        if self.focused is self.preview and look is not None:
            self.line.begin(PURPOSES["columns"], look.pattern.typed)
        else:
            self.line.begin(PURPOSES["tables"], self.pattern.typed)

    def do_row(self) -> None:
        self.line.begin(PURPOSES["row"], "")

    @on(AskLine.Typed)
    def _typed(self, message: AskLine.Typed) -> None:
        if message.purpose.id == "tables":
            self._filter_tables(message.typed)

    @on(AskLine.Submitted)
    def _submitted(self, message: AskLine.Submitted) -> None:
        take: dict[str, Callable[[str], None]] = {
            "sql": self._ask_sql,
            "where": self._ask_where,
            "tables": self._keep_tables,
            "columns": self._keep_columns,
            "row": self._go_to,
        }
        take[message.purpose.id](message.typed)

    def leave_typing(self) -> None:
        purpose = self.line.purpose.id
        if purpose == "tables":
            self._filter_tables("")
        self.line.rest()
        self.set_focus(self.table_list if purpose in ("sql", "tables") else self.preview)

    def do_back(self) -> None:
        if isinstance(self.focused, Input):
            self.leave_typing()
        elif self.focused is self.table_list and self.pattern:
            self._filter_tables("")
        elif self.focused is self.table_list or self.focused is None:
            self.console.back()
        else:
            self.set_focus(self.table_list)

    def _done(self) -> None:
        self.line.rest()
        self.set_focus(self.preview)

    def _filter_tables(self, typed: str) -> None:
        try:
            self.pattern = Pattern.parse(typed)
        except UsageError as error:
            self.pane.problem.show(error)
            return
        if isinstance(self.pane.problem.error, UsageError):
            self.pane.problem.show(None)
        self.tables_filtered()

    def _keep_tables(self, _: str) -> None:
        self.line.rest()
        self.set_focus(self.table_list)

    def _keep_columns(self, typed: str) -> None:
        try:
            pattern = Pattern.parse(typed)
        except UsageError as error:
            self.pane.problem.show(error)
            return
        self.pane.turn(pattern=pattern)
        self._done()

    def _ask_where(self, typed: str) -> None:
        self.pane.turn(where=typed)
        self._done()

    def _ask_sql(self, typed: str) -> None:
        if not typed:
            return
        self.asked = typed
        self.line.history.add(typed)
        self.console.engine.ask(
            Queue.CLEAN,
            self.console,
            lambda _: sql_history.keep(state_folder(), typed),
            then=lambda _: None,
            failed=lambda _: None,
        )
        self.pane.ask(typed)
        self._done()

    # going

    def _go_to(self, typed: str) -> None:
        look, table = self.pane.look, self.preview
        if look is None or not typed:
            self._done()
            return
        count = self.pane.rows.row_count()
        if typed.startswith("="):
            self._go_to_key(look, typed[1:].strip())
        elif typed.lower() == "end":
            self._go_to_row(count - 1)
        elif typed.endswith("%") and _NUMBER.match(typed[:-1]):
            self._go_to_row(int(count * min(100.0, float(typed[:-1].replace(",", "."))) / 100))
        elif _NUMBER.match(typed):
            self._go_to_row(int(re.sub(r"\D", "", typed) or 0) - 1)
        else:
            self.pane.problem.show(
                UsageError(f"{text.safe(typed, 60)} is no row number", hint="=KEY goes to the row of a key")
            )
            return
        self.line.rest()
        self.set_focus(table)

    def _go_to_row(self, row: int) -> None:
        self.pane.problem.show(None)
        self.preview.move_to(max(0, row), center=True)

    def _go_to_key(self, look: Look, value: str) -> None:
        view = look.view(())
        self.inspection.ask(
            lambda inspector, report: inspector.locate(
                look.table.name, value, view=view, progress=report.progress, cancel=report.cancel
            ),
            then=self._located,
            failed=self.pane.failed,
        )

    def _located(self, row: int) -> None:
        rows = self.pane.rows
        if rows.count is None and row >= rows.row_count():
            rows.reach(row)
            self.preview.reload()
        if rows.count is not None and row >= rows.count:
            self.say("No key is as large: this is the last row")
        self._go_to_row(row)

    # SQL beside the rows

    def do_limit(self) -> None:
        following = TIME_LIMITS.index(self.pane.seconds) + 1
        self._set_limit(TIME_LIMITS[following % len(TIME_LIMITS)])
        seconds = self.pane.seconds
        self.say(f"Time limit: {phrases.seconds(seconds) if seconds is not None else 'none, x stops it'}")

    def _set_limit(self, seconds: float | None) -> None:
        self.pane.seconds = seconds
        limit = phrases.seconds(seconds).replace(".0", "") if seconds is not None else "no limit"
        self.line.relabel(replace(PURPOSES["sql"], label=f"sql {limit}"))

    def do_plan(self) -> None:
        statement = re.sub(r"\A\s*explain\s+query\s+plan\b", "", self.asked, flags=re.I)
        self.inspection.ask(
            lambda inspector, report: inspector.query(
                f"EXPLAIN QUERY PLAN {statement}", progress=report.progress, cancel=report.cancel
            ),
            then=lambda page: self._show_plan(statement, page),
            failed=self.pane.failed,
        )

    def _show_plan(self, statement: str, page: RowPage) -> None:
        from sqlite_recovery_tui.tui.screens.dialogs import TextDialog

        depths: dict[object, int] = {0: -1}
        rows: list[str | Content] = [text.line((statement.strip(), text.MUTED)), ""]
        for step, parent, _, detail in page.rows:
            depth = depths.get(parent.value, -1) + 1
            depths[step.value] = depth
            mark = "▲ " if detail.text.startswith("SCAN") else "• "
            rows.append(text.line("  " * depth, mark, detail.text))
        words = "\n".join(text.content(row).plain for row in rows)
        self.console.push_screen(TextDialog("query plan (▲ reads all of it)", rows, copy=words))

    def _complete(self, typed: str, cursor: int) -> Completion:
        if self.line.purpose.id not in ("sql", "where"):
            return Completion(cursor, ())
        look = self.pane.look
        tables = [(table.name, self._columns(table)) for table in self.tables]
        return complete(
            typed, cursor, Names(tables, self.functions), table=look.table.name if look is not None else ""
        )

    def _columns(self, table: TableInfo) -> tuple[str, ...]:
        look = self.looks.get(table.name)
        return look.names if look is not None else tuple(column.name for column in table.columns)
