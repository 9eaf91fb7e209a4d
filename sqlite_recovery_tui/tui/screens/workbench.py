"""Inside a database: the checks while they run, its tables, their rows, and read-only SQL."""

from __future__ import annotations

import shlex
from collections.abc import Hashable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.progress import Progress
from sqlite_recovery_tui.tui import actions, phrases, text, verdicts
from sqlite_recovery_tui.tui.aim import at_state
from sqlite_recovery_tui.tui.inspection import Inspection, TableCount
from sqlite_recovery_tui.tui.live import COLUMNS as LIVE_COLUMNS
from sqlite_recovery_tui.tui.live import Live
from sqlite_recovery_tui.tui.look import Look
from sqlite_recovery_tui.tui.preview import RowSource
from sqlite_recovery_tui.tui.proof import Proof, Subject
from sqlite_recovery_tui.tui.screens.summary import role_style
from sqlite_recovery_tui.tui.screens.workbench_asking import PURPOSES
from sqlite_recovery_tui.tui.screens.workbench_preview import PreviewPane
from sqlite_recovery_tui.tui.screens.workbench_stepping import SteppingBench
from sqlite_recovery_tui.tui.sources import FileSource, PreviewSource, Source
from sqlite_recovery_tui.tui.widgets.ask_line import AskLine
from sqlite_recovery_tui.tui.widgets.problem import Problem, way
from sqlite_recovery_tui.tui.widgets.record_table import RecordTable
from sqlite_recovery_tui.tui.widgets.rows import Cell, Column, ListSource, Row

if TYPE_CHECKING:
    from sqlite_recovery_tui.sqlite.messages import DatabaseSummary, TableInfo
    from sqlite_recovery_tui.tui.jobs import Job

__all__ = ["Subject", "WorkbenchScreen"]

TABLE_COLUMNS = (
    Column("name", "table", least=8, most=60, grow=True),
    Column("rows", "rows", least=6, most=14, align="right"),
)


class WorkbenchScreen(SteppingBench):
    """One database, opened as untrusted input by processes of its own."""

    VIEW = "workbench"
    ABOUT = "Look into a restored database: is it sound, what is in it, take rows out of it."
    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings("workbench")]
    CSS_PATH = ["base.tcss", "workbench.tcss"]
    AUTO_FOCUS = "#tables"

    def __init__(self, subject: Subject) -> None:
        """Look into `subject`."""
        super().__init__()
        self.subject = subject
        self.proof = Proof(subject)
        self.summary: DatabaseSummary | None = None
        self.counts: dict[str, TableCount] = {}
        self.live: Live | None = None

    def body(self) -> Iterable[Widget]:
        with Vertical(id="proof", classes="panel"):
            yield Static("", id="subject")
            yield Static("", id="checks")
        with Horizontal(id="bench"):
            yield RecordTable(TABLE_COLUMNS, id="tables", empty="reading the schema…")
            yield PreviewPane(id="right")
        yield AskLine(PURPOSES["sql"], id="sql-line")

    @property
    def crumb(self) -> str:
        return "workbench" if self.subject.draft is None else "preview"

    @property
    def list(self) -> RecordTable:
        return self.table_list

    @property
    def rows(self) -> RowSource:
        return self.pane.rows

    @property
    def shown(self) -> TableInfo | None:
        """The table in the preview; None while an answer to SQL is."""
        return self.pane.look.table if self.pane.look is not None else None

    def facts(self) -> Iterator[str]:
        if isinstance(self.focused, RecordTable) and self.focused.current is not None:
            yield "row"
        if self.inspection.busy or (self.live is not None and self.live.running):
            yield "busy"
        if self.query_one(Problem).error is not None:
            yield "broken"
        if self.pane.look is not None:
            yield "table"
        if self.pane.look is not None or self.pane.sql:
            yield "rows"
        if self.asked:
            yield "statement"
        yield "preview" if self.subject.draft is not None else "whole"
        if self.can_step:
            yield "scratch"
        if self.console.production_of(self.subject.name) is not None:
            yield "production"
        if self.live is not None and self.live.is_there:
            yield "live"

    def copyable(self) -> str | None:
        if self.focused is self.preview:
            value = self.rows.value(self.preview.cursor, self.preview.column)
            return value.text if value is not None else None
        draft = self.subject.draft
        return str(self.subject.path) if draft is None else draft.plan.reached.label

    def equivalent(self) -> str | None:
        path, pane = self.subject.path, self.pane
        if self.subject.draft is not None:
            return None
        if pane.look is None:
            words = ["query", str(path), pane.sql] if pane.sql else ["tables", str(path)]
        else:
            words = ["tables", str(path), pane.look.table.name]
        return shlex.join(["sqlrecover", *words])

    # life

    def on_mount(self) -> None:
        self.source = self._source()
        self.inspection = Inspection(self.console.engine, self.console, self, self.source)
        self.pane.inspection, self.pane.advanced = self.inspection, self._advanced
        self.begin_asking()
        self.redraw()
        self._read()
        self._prove()
        self._begin_live()
        self.begin_stepping()

    def _begin_live(self) -> None:
        """Count what production has, where the configuration names one."""
        production = self.console.production_of(self.subject.name)
        if production is not None and self.subject.draft is None:
            path = self.subject.path
            self.live = Live(self.console.engine, self, path, production, self._live_changed)
            self.live.count()

    def _live_changed(self) -> None:
        if self.live is not None and self.live.is_there and self.list.columns != LIVE_COLUMNS:
            self.list.columns = LIVE_COLUMNS
            self.query_one("#bench").add_class("-live")
        self._show_proof()
        self._show_tables()

    def job_changed(self, job: Job[Any]) -> None:
        if job.kind in ("promote", "undo", "rescue") and not job.running and self.live is not None:
            self.live.count()

    def _read(self) -> None:
        """Read header and schema, again if need be."""
        self.list.empty = "reading the schema…"
        self.inspection.open(then=self._opened, failed=self._broken, progress=self._advanced)

    def on_unmount(self) -> None:
        self.inspection.close()
        self.end_stepping()
        if self.live is not None:
            self.live.close()

    def _source(self) -> Source:
        draft = self.subject.draft
        if draft is None:
            return FileSource(self.subject.path)
        return PreviewSource(draft.place, draft.plan, self.console.scratch_dir, self.console.clock)

    def _advanced(self, progress: Progress) -> None:
        """Say what comes while an answer is waited for."""
        table = self.list if not self.tables else self.preview
        if progress.phase and not table.source.row_count():
            amount = phrases.size(progress.done) if progress.unit == "bytes" else f"{progress.done:,}"
            table.empty = f"{progress.phase}… {amount}"
            table.redraw()
        self._show_proof()

    def _prove(self) -> None:
        self.proof = Proof(self.subject)
        self.inspection.prove(self.proof, changed=self._checked)
        self.ask_assertions(self._show_proof)
        self._show_proof()

    def _opened(self, opened: tuple[DatabaseSummary, tuple[TableInfo, ...]]) -> None:
        self.summary, self.tables = opened
        self.list.empty = "This database has no tables."
        self.redraw()
        if self.subject.draft is None:  # counting reads everything
            self.inspection.count(self.tables, partial=self._counted, failed=self._broken)

    def _counted(self, counts: dict[str, TableCount]) -> None:
        self.counts = counts
        if self.shown is not None and (count := counts.get(self.shown.name)) and count != self.pane.count:
            self.pane.counted(count)
        self._show_tables()
        self.refresh_frame()

    def _broken(self, error: RecoverError) -> None:
        self.list.empty = "The schema could not be read."
        self.query_one(Problem).show(error, [way("r", "read it again")])
        self.redraw()

    # drawing

    def redraw(self) -> None:
        self._show_proof()
        self._show_tables()
        self.pane.tell()
        self.refresh_frame()

    def _title(self) -> Content:
        time, summary = self.subject.time, self.summary
        status = self.asserted.verdict(self.proof.status)
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

    def _checked(self) -> None:
        self._show_proof()
        verdicts.keep(self.console, self.proof)

    def _show_proof(self) -> None:
        self.query_one("#subject", Static).update(self._title())
        self.query_one("#checks", Static).update(text.lines(*self._standing()))
        self.refresh_frame()

    def _standing(self) -> Iterator[Content]:
        if self.stood is not None:
            yield self.stood
        yield from self.proof.lines()
        yield from self.asserted.lines()
        if self.live is not None and (words := self.live.words()):
            yield text.line(*words)

    def _show_tables(self) -> None:
        shown = [table for table in self.tables if self.pattern.matches(table.name)]
        self.list.empty = "no table has such a name" if self.tables else self.list.empty
        self.list.reload(ListSource(self._table_row(table) for table in shown))

    def tables_filtered(self) -> None:
        self._show_tables()

    def _table_row(self, table: TableInfo) -> Row:
        kind = "" if table.kind == "table" else f" {table.kind}"
        name = Cell(f"{table.name}{kind}", "" if not kind else "muted")
        return Row(table.name, (name, self._count_cell(table), *self._live_cells(table)))

    def _live_cells(self, table: TableInfo) -> tuple[Cell, ...]:
        if self.live is None or not self.live.is_there:
            return ()
        if table.kind != "table":
            return Cell(""), Cell("")
        count = self.counts.get(table.name)
        return self.live.cells(table.name, count.rows if count is not None else None)

    def _count_cell(self, table: TableInfo) -> Cell:
        count = self.counts.get(table.name)
        if count is None:
            waiting = "–" if self.subject.draft is not None else "…"
            return Cell("" if table.kind == "view" else waiting, "muted")
        return Cell(f"{count.rows:,}") if count.rows is not None else Cell("✗", "bad")

    # the preview

    @on(RecordTable.Moved, "#tables")
    def _table_chosen(self, message: RecordTable.Moved) -> None:
        self._show_table(message.key)

    def _show_table(self, name: Hashable | None) -> None:
        """Preview a table the way it was looked at last, unless it is there already."""
        table = next((table for table in self.tables if table.name == name), None)
        if table is not None and table is not self.shown:
            look = self.looks.get(table.name) or Look.at(table)
            self.pane.look_at(look, self.counts.get(table.name))

    @on(PreviewPane.Changed)
    def _preview_changed(self) -> None:
        if (look := self.pane.look) is not None:
            self.looks[look.table.name] = look
        self._show_proof()

    # actions

    def do_again(self) -> None:
        """Ask once more for what could not be read: the schema, the rows, or the answer."""
        self.query_one(Problem).show(None)
        if self.summary is None:
            self._read()
            self.redraw()
        elif self.pane.look is not None:
            self.pane.look_at(self.pane.look, self.pane.count, row=self.preview.cursor)
        else:
            self.pane.ask(self.pane.sql)

    def do_open(self) -> None:
        if self.focused is self.list:
            self._show_table(self.list.current_key)  # an answer to SQL may have taken its place
            self.set_focus(self.preview)
            return
        spot = self.pane.spot()
        if spot is not None:
            from sqlite_recovery_tui.tui.screens.cell import CellScreen

            cell = self.rows.value(self.preview.cursor, self.preview.column)
            assert cell is not None
            self.console.push_screen(
                CellScreen(self.subject.name, spot, cell, self.source, self.pane.seconds)
            )

    def do_promote(self) -> None:
        production = self.console.production_of(self.subject.name)
        if production is not None:
            self.console.open_promote(self.subject.path, production)

    def do_diff(self) -> None:
        """Show which rows differ from production, with the cursor on the table it is on here."""
        production = self.console.production_of(self.subject.name)
        if production is not None:
            self.console.open_diff(self.subject.path, production, table=self.list.current_key)

    def do_restore(self) -> None:
        """Plan the restore of what is previewed, exactly that state."""
        draft = self.subject.draft
        if draft is not None:
            self.console.open_plan(draft.place, at_state(draft.plan.point))

    def do_check(self) -> None:
        self._prove()

    def do_stop(self) -> None:
        self.inspection.stop()
        if self.live is not None:
            self.live.stop()

    def do_report(self) -> None:
        from sqlite_recovery_tui.tui.screens.dialogs import TextDialog

        rows = list(self.proof.everything())
        title = f"{self.subject.name}: {self.proof.status.word}"
        self.console.push_screen(TextDialog(title, rows, copy="\n".join(row.plain for row in rows)))
