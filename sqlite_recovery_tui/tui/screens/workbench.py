"""Inside a restored database: the checks while they run, its tables, their rows, and read-only SQL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.progress import Progress
from sqlite_recovery_tui.tui import actions, phrases, text
from sqlite_recovery_tui.tui.aim import at_state
from sqlite_recovery_tui.tui.inspection import Inspection, TableCount
from sqlite_recovery_tui.tui.preview import RowSource
from sqlite_recovery_tui.tui.proof import Proof, Subject
from sqlite_recovery_tui.tui.screens.base import ConsoleScreen
from sqlite_recovery_tui.tui.screens.summary import role_style
from sqlite_recovery_tui.tui.sources import FileSource, PreviewSource, Source
from sqlite_recovery_tui.tui.widgets.field import Field
from sqlite_recovery_tui.tui.widgets.problem import Problem
from sqlite_recovery_tui.tui.widgets.record_table import RecordTable
from sqlite_recovery_tui.tui.widgets.rows import Cell, Column, ListSource, Row

if TYPE_CHECKING:
    from sqlite_recovery_tui.sqlite.messages import DatabaseSummary, RowPage, TableInfo

__all__ = ["Subject", "WorkbenchScreen"]

TABLE_COLUMNS = (
    Column("name", "table", least=8, most=60, grow=True),
    Column("rows", "rows", least=6, most=14, align="right"),
)
SQL_SECONDS = 10.0
SQL_ROWS = 1_000


class WorkbenchScreen(ConsoleScreen):
    """One restored database, opened as untrusted input by processes of its own."""

    VIEW = "workbench"
    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings("workbench")]
    CSS_PATH = ["base.tcss", "workbench.tcss"]
    AUTO_FOCUS = "#tables"
    TYPING_HINT = "ask"

    def __init__(self, subject: Subject) -> None:
        """Look into `subject`."""
        super().__init__()
        self.subject = subject
        self.proof = Proof(subject)
        self.summary: DatabaseSummary | None = None
        self.tables: tuple[TableInfo, ...] = ()
        self.counts: dict[str, TableCount] = {}
        self.shown: TableInfo | None = None
        """The table in the preview; None while an answer to SQL is."""
        self.rows = RowSource()
        self.sql = ""

    def body(self) -> Iterable[Widget]:
        with Vertical(id="proof", classes="panel"):
            yield Static("", id="subject")
            yield Static("", id="checks")
        with Horizontal(id="bench"):
            yield RecordTable(TABLE_COLUMNS, id="tables", empty="reading the schema…")
            with Vertical(id="right"):
                yield Static("", id="preview-title")
                yield Problem()
                yield RecordTable(id="preview", cursor="cell")
        with Horizontal(id="sql-line"):
            yield Static(text.line((" sql ›", "bold $text-primary")), id="sql-label")
            yield Field(placeholder="SELECT … (read-only, s to type)", id="sql")

    @property
    def crumb(self) -> str:
        return "workbench" if self.subject.draft is None else "preview"

    @property
    def list(self) -> RecordTable:
        return self.query_one("#tables", RecordTable)

    @property
    def preview(self) -> RecordTable:
        return self.query_one("#preview", RecordTable)

    def facts(self) -> Iterator[str]:
        if isinstance(self.focused, RecordTable) and self.focused.current is not None:
            yield "row"
        if self.inspection.busy:
            yield "busy"
        yield "preview" if self.subject.draft is not None else "whole"

    def copyable(self) -> str | None:
        if self.focused is self.preview:
            value = self.rows.value(self.preview.cursor, self.preview.column)
            return value.text if value is not None else None
        draft = self.subject.draft
        return str(self.subject.path) if draft is None else draft.plan.reached.label

    # life

    def on_mount(self) -> None:
        self.source = self._source()
        self.inspection = Inspection(self.console.engine, self.console, self, self.source)
        self.redraw()
        self.inspection.open(then=self._opened, failed=self._broken, progress=self._advanced)
        self._prove()

    def on_unmount(self) -> None:
        self.inspection.close()

    def _source(self) -> Source:
        draft = self.subject.draft
        if draft is None:
            return FileSource(self.subject.path)
        return PreviewSource(draft.place, draft.plan, self.console.scratch_dir, self.console.clock)

    def _advanced(self, progress: Progress) -> None:
        """Say what comes while an answer is waited for."""
        table = self.list if not self.tables else self.preview
        if not table.source.row_count():
            amount = phrases.size(progress.done) if progress.unit == "bytes" else f"{progress.done:,}"
            table.empty = f"{progress.phase}… {amount}"
            table.redraw()
        self._show_proof()

    def _prove(self) -> None:
        self.proof = Proof(self.subject)
        self.inspection.prove(self.proof, changed=self._show_proof)
        self._show_proof()

    def _opened(self, opened: tuple[DatabaseSummary, tuple[TableInfo, ...]]) -> None:
        self.summary, self.tables = opened
        self.list.empty = "This database has no tables."
        self.redraw()
        if self.subject.draft is None:  # counting reads everything
            self.inspection.count(self.tables, partial=self._counted, failed=self._broken)

    def _counted(self, counts: dict[str, TableCount]) -> None:
        self.counts = counts
        if self.shown is not None and self.shown.name in counts:
            self.rows.count = counts[self.shown.name].rows
            self.preview.reload()
        self.redraw()

    def _broken(self, error: RecoverError) -> None:
        self.list.empty = "The schema could not be read."
        self.query_one(Problem).show(error)
        self.redraw()

    # drawing

    def redraw(self) -> None:
        self.query_one("#subject", Static).update(self._title())
        self._show_proof()
        self.list.reload(ListSource(self._table_row(table) for table in self.tables))
        self._show_preview_title()
        self.refresh_frame()

    def _title(self) -> Content:
        time, summary = self.subject.time, self.summary
        status = self.proof.status
        moment = f" as of {self.moment(time)}" if time is not None else ""
        size = f" · {phrases.size(summary.size_bytes)}" if summary is not None else ""
        return text.line(
            (self.subject.name, "bold $text-primary"),
            moment,
            ("  " + status.label, role_style(status.role)),
            (f"{size} · {self._where()}", text.MUTED),
        )

    def _where(self) -> str:
        """Say where the database lies, or how much of it has been fetched."""
        draft, fetched = self.subject.draft, self.source.fetched
        if draft is None:
            return str(self.subject.path)
        amount = f"{phrases.size(fetched.transferred)} fetched · " if fetched is not None else ""
        return f"{amount}{draft.place.url}"

    def _show_proof(self) -> None:
        self.query_one("#subject", Static).update(self._title())
        self.query_one("#checks", Static).update(text.lines(*self.proof.lines()))
        self.refresh_frame()

    def _table_row(self, table: TableInfo) -> Row:
        kind = "" if table.kind == "table" else f" {table.kind}"
        return Row(
            table.name, (Cell(f"{table.name}{kind}", "" if not kind else "muted"), self._count_cell(table))
        )

    def _count_cell(self, table: TableInfo) -> Cell:
        count = self.counts.get(table.name)
        if count is None:
            waiting = "–" if self.subject.draft is not None else "…"
            return Cell("" if table.kind == "view" else waiting, "muted")
        return Cell(f"{count.rows:,}") if count.rows is not None else Cell("✗", "bad")

    def _show_preview_title(self) -> None:
        words: list[text.Part] = []
        if self.shown is not None:
            words = [(self.shown.name, "bold")]
            count = self.counts.get(self.shown.name)
            if count is not None and count.rows is not None:
                words.append((f"  {phrases.many(count.rows, 'row')}", text.MUTED))
            elif count is not None and count.error is not None:
                words.append((f"  ✗ {count.error}", "$text-error"))
        elif self.sql:
            shown = self.rows.row_count()
            more = "the first " if self.rows.notice or shown >= SQL_ROWS else ""
            words = [("SQL", "bold"), (f"  {more}{phrases.many(shown, 'row')}", text.MUTED)]
        if self.rows.notice:
            words.append((f"  ▲ {self.rows.notice}", "$text-warning"))
        self.query_one("#preview-title", Static).update(text.line(" ", *words))

    # the preview

    @on(RecordTable.Moved, "#tables")
    def _table_chosen(self, message: RecordTable.Moved) -> None:
        table = next((table for table in self.tables if table.name == message.key), None)
        if table is not None and table is not self.shown:
            self._preview(table)

    def _preview(self, table: TableInfo) -> None:
        self.shown, self.sql = table, ""
        self.rows = RowSource()
        count = self.counts.get(table.name)
        self.rows.count = count.rows if count is not None else None
        self.query_one(Problem).show(None)
        self.preview.empty = "reading…"
        self.preview.show((), ListSource())
        self._show_preview_title()
        self._load(0, self.preview.page)

    @on(RecordTable.Wanted, "#preview")
    def _rows_wanted(self, message: RecordTable.Wanted) -> None:
        if self.shown is not None and message.table.source is self.rows:
            self._load(message.first, message.last)

    def _load(self, first: int, last: int) -> None:
        table, rows = self.shown, self.rows
        assert table is not None
        offset, limit = rows.request(first, last)
        self.inspection.rows(
            table.name,
            offset,
            limit,
            then=lambda page: self._page(rows, page),
            failed=self._preview_failed,
            progress=self._advanced,
        )

    def _page(self, rows: RowSource, page: RowPage) -> None:
        if rows is not self.rows:
            return
        if rows.take(page):
            self.preview.empty = "no rows"
            self.preview.show(rows.table_columns(), rows)
        else:
            self.preview.reload()
        self._show_preview_title()
        self._show_proof()

    def _preview_failed(self, error: RecoverError) -> None:
        self.preview.empty = ""
        self.query_one(Problem).show(error)
        self.refresh_frame()

    # SQL

    @on(Input.Submitted, "#sql")
    def _ask(self, message: Input.Submitted) -> None:
        self.sql = message.value.strip()
        if not self.sql:
            return
        self.shown = None
        self.rows = rows = RowSource()
        self.query_one(Problem).show(None)
        self.preview.empty = f"asking… at most {SQL_SECONDS:.0f} s, x stops it"
        self.preview.show((), ListSource())
        self.query_one("#preview-title", Static).update(text.line(" ", ("SQL", "bold")))
        self.inspection.query(
            self.sql,
            SQL_ROWS,
            SQL_SECONDS,
            then=lambda page: self._answered(rows, page),
            failed=self._preview_failed,
            progress=self._advanced,
        )
        self.set_focus(self.preview)

    def _answered(self, rows: RowSource, page: RowPage) -> None:
        rows.take(page)
        rows.count = len(page.rows)
        if page.has_more and not rows.notice:
            rows.notice = f"more than {SQL_ROWS:,} rows; the rest is not shown"
        self.preview.empty = "no rows"
        if rows is self.rows:
            self.preview.show(rows.table_columns(), rows)
            self._show_preview_title()

    # actions

    def do_open(self) -> None:
        if self.focused is self.list:
            self.set_focus(self.preview)
            return
        value = self.rows.value(self.preview.cursor, self.preview.column)
        if value is not None:
            from sqlite_recovery_tui.tui.screens.cell import cell_dialog

            self.console.push_screen(cell_dialog(self.rows.columns[self.preview.column], value))

    def do_sql(self) -> None:
        self.query_one("#sql", Input).focus()

    def do_restore(self) -> None:
        """Plan the restore of what is previewed, exactly that state."""
        draft = self.subject.draft
        if draft is not None:
            self.console.open_plan(draft.place, at_state(draft.plan.point))

    def do_check(self) -> None:
        self._prove()

    def do_stop(self) -> None:
        self.inspection.stop()

    def do_report(self) -> None:
        from sqlite_recovery_tui.tui.screens.dialogs import TextDialog

        rows = list(self.proof.everything())
        title = f"{self.subject.name}: {self.proof.status.word}"
        self.console.push_screen(TextDialog(title, rows, copy="\n".join(row.plain for row in rows)))

    def do_back(self) -> None:
        if self.focused is self.list or self.focused is None:
            self.console.back()
        else:
            self.set_focus(self.list)

    def leave_typing(self) -> None:
        self.set_focus(self.list)
