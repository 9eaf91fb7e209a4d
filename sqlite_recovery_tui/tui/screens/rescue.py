"""Rows back into production: the exact statements first, then by the typed name, and how to take it back."""

from __future__ import annotations

import shlex
from collections import OrderedDict
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Static

from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.progress import Progress
from sqlite_recovery_tui.tui import actions, phrases, text
from sqlite_recovery_tui.tui.engine import Queue, Report, Request
from sqlite_recovery_tui.tui.jobs.rescue import RescueJob, Wish
from sqlite_recovery_tui.tui.screens.base import ConsoleScreen
from sqlite_recovery_tui.tui.widgets.fact_sheet import Fact, FactSheet
from sqlite_recovery_tui.tui.widgets.problem import Problem, way
from sqlite_recovery_tui.tui.widgets.record_table import RecordTable
from sqlite_recovery_tui.tui.widgets.rows import Cell, Column, ListSource, Row

if TYPE_CHECKING:
    from sqlite_recovery_tui.promote.rescue import RescuePlan, TableRescue
    from sqlite_recovery_tui.tui.jobs import Job

COLUMNS = (
    Column("number", "", least=3, most=12, align="right"),
    Column("statement", "statements, in one transaction", least=20, most=2000, grow=True),
)
PAGE_ROWS = 200
KEPT_ROWS = 2_000
MOST_TABLES = 6


class Statements:
    """The statements of a plan as a table's source: loaded in pages around what is looked at."""

    def __init__(self, count: int) -> None:
        """Have `count` of them, none loaded."""
        self._count = count
        self._loaded: OrderedDict[int, str] = OrderedDict()

    def take(self, first: int, statements: list[str]) -> None:
        """Take a page."""
        self._loaded.update(enumerate(statements, first))
        while len(self._loaded) > KEPT_ROWS:
            self._loaded.popitem(last=False)

    def row_count(self) -> int:
        return self._count

    def row(self, index: int) -> Row | None:
        found = self._loaded.get(index)
        return Row(index, (Cell(f"{index + 1:,}", "muted"), found)) if found is not None else None

    def index_of(self, key: Hashable) -> int | None:
        return key if isinstance(key, int) and key < self._count else None


class RescueScreen(ConsoleScreen):
    """What a rescue would write; enter writes it once the name is typed."""

    VIEW = "rescue"
    ABOUT = "See the exact statements that give production rows back, and run them in one transaction."
    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings("rescue")]
    CSS_PATH = ["base.tcss", "diff.tcss"]

    def __init__(self, wish: Wish) -> None:
        """Plan what is wished for."""
        super().__init__()
        self.wish = wish
        self.plan: RescuePlan | None = None
        self.job: RescueJob | None = None
        self._planning: Request[Any] | None = None
        self._phase = ""

    def body(self) -> Iterable[Widget]:
        yield Static("", id="title")
        yield Problem()
        with Vertical(id="facts", classes="panel"):
            yield FactSheet()
        yield RecordTable(COLUMNS, id="statements", empty="comparing…")
        yield Static("", id="statement")

    @property
    def crumb(self) -> str:
        return "rescue"

    @property
    def table(self) -> RecordTable:
        return self.query_one("#statements", RecordTable)

    @property
    def _is_running(self) -> bool:
        return self.job is not None and self.job.running

    def facts(self) -> Iterator[str]:
        if self.plan is not None and self.plan.rows and not self._is_running:
            yield "writable"

    def copyable(self) -> str:
        return self.wish.command

    def equivalent(self) -> str:
        return self.wish.command

    # the plan

    def on_mount(self) -> None:
        self._plan()

    def on_unmount(self) -> None:
        self.console.engine.drop(self._planning)
        self._let_go()

    def _let_go(self) -> None:
        plan, self.plan = self.plan, None
        if plan is not None:
            plan.__exit__(None, None, None)

    def _plan(self) -> None:
        self.console.engine.drop(self._planning)
        self._let_go()
        wish = self.wish

        def work(report: Report) -> RescuePlan:
            from sqlite_recovery_tui.promote.rescue import plan_rescue

            return plan_rescue(
                wish.scratch,
                wish.database,
                wish.tables,
                update=wish.update,
                where=wish.where,
                progress=report.progress,
                cancel=report.cancel,
            )

        self._planning = self.console.engine.ask(
            Queue.CHECK, self, work, then=self._planned, failed=self._failed, progress=self._advanced
        )
        self.table.empty = "comparing…"
        self.table.reload(ListSource())
        self.redraw()

    def _planned(self, plan: RescuePlan) -> None:
        self.plan = plan
        self.query_one(Problem).show(None)
        self.table.empty = "Production lacks none of these rows: nothing would be written."
        source = Statements(plan.rows)
        source.take(0, plan.sample)
        self.table.show(COLUMNS, source)
        self.redraw()

    def _failed(self, error: RecoverError) -> None:
        self.table.empty = ""
        self.query_one(Problem).show(error, [way("r", "compare again")])
        self.redraw()

    def _advanced(self, progress: Progress) -> None:
        self._phase = f"{progress.phase} {progress.detail}".strip()
        self.redraw()

    @on(RecordTable.Wanted, "#statements")
    def _wanted(self, message: RecordTable.Wanted) -> None:
        message.stop()
        plan, source, first = self.plan, self.table.source, message.first
        count = max(PAGE_ROWS, message.last - first + 1)

        def came(statements: list[str]) -> None:
            if isinstance(source, Statements):
                source.take(first, statements)
                self.table.redraw()
                self._show_statement()

        if plan is not None:
            # One at a time, and only here: they are read from a file with one place to read at.
            self.console.engine.ask(
                Queue.BROWSE, self, lambda _: plan.statements(first, count), then=came, failed=self._failed
            )

    @on(RecordTable.Moved, "#statements")
    def _moved(self) -> None:
        self._show_statement()

    def _show_statement(self) -> None:
        """Show all of the statement under the cursor."""
        row = self.table.current
        words = row.cells[1] if row is not None else ""
        self.query_one("#statement", Static).update(text.content(words))

    # drawing

    def redraw(self) -> None:
        self.query_one("#title", Static).update(
            text.line(
                ("rows of ", text.MUTED),
                (self.wish.scratch.name, "bold $text-primary"),
                (" into ", text.MUTED),
                (str(self.wish.database), "bold"),
            )
        )
        self.query_one(FactSheet).show(list(self._facts()))
        self.refresh_frame()

    def _facts(self) -> Iterator[Fact]:
        yield from self._job_facts()
        plan = self.plan
        chosen = f"{phrases.many(self.wish.rows, 'row')} of " if self.wish.rows else ""
        yield "chosen", f"{chosen}{', '.join(self.wish.tables) or 'every table'}"
        yield (
            "changed too",
            _switch(
                self.wish.update, "rows that changed in live are set back (c)", "no: only what is missing (c)"
            ),
        )
        if plan is None:
            if self.query_one(Problem).error is None:
                yield "", text.line((f"◌ {self._phase or 'comparing'}", text.MUTED))
            return
        for table in plan.tables[:MOST_TABLES]:
            yield table.name, _table_words(table)
        if len(plan.tables) > MOST_TABLES:
            yield "", f"and {phrases.many(len(plan.tables) - MOST_TABLES, 'table')} more"
        triggers = sorted({name for table in plan.tables for name in table.triggers})
        if triggers:
            names = ", ".join(triggers)
            yield (
                "triggers",
                _switch(self.wish.triggers, f"▲ act on it: {names} (T)", f"kept out: {names} (T)"),
            )
        yield "keys", "foreign keys are checked before the commit; a row that changed meanwhile ends it all"

    def _job_facts(self) -> Iterator[Fact]:
        job = self.job
        if job is None:
            return
        step = f"  {job.phase}" if job.running else ""
        yield "", text.line((f"{job.status.label}{step}", "bold"))
        if job.result is not None:
            yield "written", f"{phrases.many(job.result.rows, 'row')} in one transaction"
            yield "to undo it", _undo_line(self.wish.database, job.result.undo)
        if job.error is not None:
            yield "", text.line((f"✗ {job.error}", "$text-error"))
            if job.error.hint:
                yield "", f"→ {job.error.hint}"

    # what happens

    def job_changed(self, job: Job[Any]) -> None:
        if job is not self.job:
            return
        job.seen = not job.running
        if not job.running:
            self._plan()
        self.redraw()

    def do_again(self) -> None:
        self._plan()

    def do_update(self) -> None:
        self.wish = replace(self.wish, update=not self.wish.update)
        self._plan()

    def do_triggers(self) -> None:
        self.wish = replace(self.wish, triggers=not self.wish.triggers)
        self.redraw()

    def do_run(self) -> None:
        from sqlite_recovery_tui.tui.screens.name_dialog import NameDialog

        plan = self.plan
        if plan is None:
            return

        def typed(name: str | None) -> None:
            if name is None or self.plan is not plan:
                return
            self.plan = None  # the job's from now on
            self.table.reload(ListSource())
            job = RescueJob(
                wish=self.wish,
                plan=plan,
                confirm=name,
                clock=self.console.clock,
                settings=self.console.settings,
            )
            self.job = job
            self.console.jobs.start(job)

        question = f"Write {phrases.many(plan.rows, 'row')} into production?"
        detail = "One transaction: all of them or none. SQL that takes it back is saved beside it first."
        self.console.push_screen(NameDialog(question, detail, plan.name), typed)


def _undo_line(database: Path, undo: Path) -> str:
    """Return the command that takes it back, by the name that the database goes by here."""
    named = database.with_name(undo.name)
    shown = named if named.absolute() == undo else undo
    return f"sqlite3 {shlex.quote(str(database))} < {shlex.quote(str(shown))}"


def _table_words(table: TableRescue) -> str:
    parts = [
        f"{count:,} to {verb}"
        for count, verb in ((table.inserts, "insert"), (table.updates, "update"))
        if count
    ]
    behind = f"; ▲ live has no column {', '.join(table.left_only)}" if table.left_only else ""
    return " · ".join(parts) + behind


def _switch(is_on: bool, yes: str, no: str) -> str:
    return f"✓ {yes}" if is_on else f"○ {no}"
