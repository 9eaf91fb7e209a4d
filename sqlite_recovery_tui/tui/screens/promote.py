"""From a restored database to production: what would be lost, which way, who is in the way; and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import BindingType
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Static

from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.progress import Progress
from sqlite_recovery_tui.tui import actions, phrases, text
from sqlite_recovery_tui.tui.daemons import REST_SECONDS
from sqlite_recovery_tui.tui.engine import Queue, Report, Request
from sqlite_recovery_tui.tui.jobs import Job
from sqlite_recovery_tui.tui.jobs.promote import PromoteJob, UndoJob
from sqlite_recovery_tui.tui.screens.base import ConsoleScreen
from sqlite_recovery_tui.tui.screens.promote_assertions import (
    ask_to_overrule,
    assertion_facts,
    assertions_for,
    locking,
)
from sqlite_recovery_tui.tui.widgets.fact_sheet import Fact, FactSheet
from sqlite_recovery_tui.tui.widgets.problem import Problem, way
from sqlite_recovery_tui.tui.widgets.record_table import RecordTable
from sqlite_recovery_tui.tui.widgets.rows import Cell, Column, ListSource, Role, Row

if TYPE_CHECKING:
    from sqlite_recovery_tui.promote.choice import Mode
    from sqlite_recovery_tui.promote.loss import TableChange
    from sqlite_recovery_tui.promote.plan import PromotePlan
    from sqlite_recovery_tui.promote.run import PromoteResult
    from sqlite_recovery_tui.promote.undo import UndoPoint

COLUMNS = (
    Column("table", "table", least=8, most=60, grow=True),
    Column("live", "production", least=10, most=16, align="right"),
    Column("new", "new", least=10, most=16, align="right"),
    Column("change", "what happens", least=14, most=40),
)


class PromoteScreen(ConsoleScreen):
    """The plan of a promote; enter carries it out once the name is typed."""

    VIEW = "promote"
    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings("promote")]
    CSS_PATH = ["base.tcss", "promote.tcss"]

    def __init__(self, file: Path, database: Path) -> None:
        """Plan to put `file` in the place of `database`."""
        super().__init__()
        self.file, self.database = file, database
        self.mode: Mode | None = None
        self.overruled: tuple[str, ...] = ()
        """The assertions, by name, that may fail."""
        self.plan: PromotePlan | None = None
        self.points: list[UndoPoint] = []
        self.job: Job[PromoteResult] | None = None
        self._begun_at: datetime | None = None
        self._asking: Request[Any] | None = None
        self._phase = ""

    def body(self) -> Iterable[Widget]:
        yield Static("", id="title")
        yield Problem()
        with Vertical(id="facts", classes="panel"):
            yield FactSheet()
        yield RecordTable(COLUMNS, id="losses", empty="looking at both sides…")

    @property
    def crumb(self) -> str:
        return "promote"

    @property
    def table(self) -> RecordTable:
        return self.query_one("#losses", RecordTable)

    def facts(self) -> Iterator[str]:
        if self.plan is not None and self.plan.free_bytes >= self.plan.needed_bytes and not self._is_running:
            yield "promotable"
        if self.plan is not None:
            yield "locked" if locking(self.plan, self.overruled) else "unlocked"
        if self.points and not self._is_running:
            yield "undoable"

    @property
    def _is_running(self) -> bool:
        return self.job is not None and self.job.running

    def copyable(self) -> str | None:
        return self._command

    @property
    def _command(self) -> str:
        import shlex

        mode = ["-mode", self.mode] if self.mode else []
        return shlex.join(["sqlrecover", "promote", str(self.file), "-to", str(self.database), *mode])

    # the plan

    def on_mount(self) -> None:
        self._plan()
        self.set_interval(REST_SECONDS, self._ask_daemons)

    def on_unmount(self) -> None:
        self.console.engine.drop(self._asking)

    def _plan(self) -> None:
        self.console.engine.drop(self._asking)
        self.plan = None
        mode = self.mode
        asserted = assertions_for(self.console, self.file, self.database)
        settings = self.console.settings

        def work(report: Report) -> tuple[PromotePlan, list[UndoPoint]]:
            from sqlite_recovery_tui.promote import undo
            from sqlite_recovery_tui.promote.beside import Beside
            from sqlite_recovery_tui.promote.plan import make_plan

            points = undo.points(Beside(self.database))
            report.partial(points)
            plan = make_plan(
                self.file,
                self.database,
                mode=mode,
                assertions=asserted(),
                socket=settings.daemon.control_socket if settings else None,
                progress=report.progress,
                cancel=report.cancel,
            )
            return plan, points

        self._asking = self.console.engine.ask(
            Queue.CHECK,
            self,
            work,
            then=self._planned,
            failed=self._failed,
            progress=self._advanced,
            partial=self._found_points,
        )
        self.redraw()

    def _planned(self, found: tuple[PromotePlan, list[UndoPoint]]) -> None:
        self.plan, self.points = found
        self.query_one(Problem).show(None)
        self.table.empty = "Every table has as many rows on both sides."
        self.redraw()

    def _found_points(self, points: list[UndoPoint]) -> None:
        self.points = points
        self.refresh_frame()

    def _failed(self, error: RecoverError) -> None:
        self.table.empty = ""
        self.query_one(Problem).show(error, [way("m", "try another way"), way("r", "look again")])
        self.redraw()

    def _advanced(self, progress: Progress) -> None:
        self._phase = f"{progress.phase} {progress.detail}".strip()
        self.redraw()

    # drawing

    def redraw(self) -> None:
        self.query_one("#title", Static).update(
            text.line(
                " ",
                (self.file.name, "bold $text-primary"),
                (" in the place of ", text.MUTED),
                (str(self.database), "bold"),
            )
        )
        self.query_one(FactSheet).show(list(self._facts()))
        changed = [table for table in self.plan.tables if table.is_changed] if self.plan else []
        rows = [_row(table) for table in sorted(changed, key=lambda table: table.difference)]
        self.table.reload(ListSource(rows))
        self.refresh_frame()

    def _facts(self) -> Iterator[Fact]:
        job, plan = self.job, self.plan
        if job is not None:
            step = f"  {job.phase}" if job.running else ""
            yield "", text.line((f"{job.status.label}{step}", "bold"))
        if job is not None and job.result is not None:
            yield "checked", job.result.checked.words
            yield from self._replication()
            if job.result.undo is not None:
                yield "undo point", f"{job.result.undo.name} (u takes it back)"
        if job is not None and job.error is not None:
            yield "", text.line((f"✗ {job.error}", "$text-error"))
            if job.error.hint:
                yield "", f"→ {job.error.hint}"
        if plan is None:
            yield "", text.line((f"◌ {self._phase or 'planning'}", text.MUTED))
            return
        yield from _plan_facts(plan)
        yield from assertion_facts(plan.assertions, self.overruled)

    def _replication(self) -> Iterator[Fact]:
        """Yield whether the new state is at the replicas, where a daemon brings it there."""
        daemon = self.console.daemons.of_database(self.database)
        if daemon is not None and self._begun_at is not None:
            console = self.console
            yield "replication", daemon.again(self._begun_at, console.time_style, console.now())

    # what happens

    def _ask_daemons(self) -> None:
        if self._begun_at is not None:
            self.console.daemons.refresh()

    def daemons_changed(self) -> None:
        self.redraw()

    def job_changed(self, job: Job[Any]) -> None:
        if job is not self.job:
            return
        job.seen = not job.running
        if not job.running:
            self._ask_daemons()
            self._plan()
        self.redraw()

    def do_refresh(self) -> None:
        self._plan()

    def do_mode(self) -> None:
        from sqlite_recovery_tui.promote.choice import MODES

        ways: tuple[Mode | None, ...] = (None, *MODES)
        self.mode = ways[(ways.index(self.mode) + 1) % len(ways)]
        self.say(f"Way: {self.mode or 'what the facts say'}")
        self._plan()

    def do_overrule(self) -> None:
        def overruled(name: str) -> None:
            self.overruled = (*self.overruled, name)
            self.redraw()

        if self.plan is not None and (found := locking(self.plan, self.overruled)):
            ask_to_overrule(self.console, found[0], overruled)

    def do_run(self) -> None:
        from sqlite_recovery_tui.tui.screens.name_dialog import NameDialog

        plan = self.plan
        if plan is None:
            return
        lost = f"Rows: {_rows_words(plan)}. " if plan.tables else ""
        kept = "What is there now is kept; u takes it back." if plan.live.exists else ""

        def typed(name: str | None) -> None:
            if name is not None:
                job = PromoteJob(
                    plan=plan,
                    confirm=name,
                    clock=self.console.clock,
                    settings=self.console.settings,
                    overrule=self.overruled,
                )
                self._begun_at = self.console.now()
                self.job = self.console.jobs.start(job)

        question = f"Put it in production's place, {plan.choice.mode}?"
        self.console.push_screen(NameDialog(question, f"{lost}{kept}", plan.name), typed)

    def do_undo(self) -> None:
        from sqlite_recovery_tui.tui.screens.name_dialog import NameDialog

        point = self.points[0]

        def typed(name: str | None) -> None:
            if name is not None:
                job = UndoJob(
                    database=self.database,
                    point=point,
                    confirm=name,
                    clock=self.console.clock,
                    settings=self.console.settings,
                )
                self._begun_at = self.console.now()
                self.job = self.console.jobs.start(job)

        made = self.in_full(point.made)
        detail = f"Kept {made}. What is there now becomes an undo point in turn."
        question = "Put back what production was?"
        self.console.push_screen(NameDialog(question, detail, self.database.name), typed)


def _plan_facts(plan: PromotePlan) -> Iterator[Fact]:
    from sqlite_recovery_tui.promote.choice import daemon_words

    live = plan.live
    yield "way", text.line((plan.choice.mode, "bold"), f": {plan.choice.why}")
    for warning in plan.choice.warnings:
        yield "", text.line((f"▲ {warning}", "$text-warning"))
    if live.exists:
        yield "production", f"{phrases.size(live.size)} at {live.beside}"
        if said := daemon_words(live, plan.choice.mode):
            yield "daemon", said
        who = ", ".join(map(str, live.applications))
        yield "open in", who or f"no {'other ' if said else ''}process that can be seen from here"
    else:
        yield "production", f"{live.beside} is {live.state}"
    yield "new", f"{phrases.size(plan.new.size)}, checked: {plan.integrity.verdict}"
    if plan.tables:
        yield "rows", _rows_words(plan)
    enough = plan.free_bytes >= plan.needed_bytes
    space = f"{phrases.size(plan.needed_bytes)} needed, {phrases.size(plan.free_bytes)} free"
    yield "space", space if enough else text.line((f"✗ {space}", "$text-error"))


def _rows_words(plan: PromotePlan) -> str:
    if not plan.lost_rows and not plan.won_rows:
        return "as many in every table"
    return f"{plan.lost_rows:,} fewer where tables shrink, {plan.won_rows:,} more where they grow"


def _row(table: TableChange) -> Row:
    words, role = _change(table)
    return Row(table.table, (table.table, _count(table.live_rows), _count(table.new_rows), Cell(words, role)))


def _change(table: TableChange) -> tuple[str, Role]:
    if table.new_rows is None:
        return "▼ the table goes away", "bad"
    if table.live_rows is None:
        return "▲ the table comes back", "ok"
    rows = phrases.many(abs(table.difference), "row")
    return (f"▼ {rows} fewer", "warn") if table.difference < 0 else (f"▲ {rows} more", "ok")


def _count(rows: int | None) -> str:
    return "–" if rows is None else f"{rows:,}"
