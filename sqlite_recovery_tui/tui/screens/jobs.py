"""The jobs of this session: what each does, how far it is, how it ended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from textual import events, on
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from sqlite_recovery_tui.tui import actions, phrases, text, wording
from sqlite_recovery_tui.tui.jobs import Job
from sqlite_recovery_tui.tui.screens.base import ConsoleScreen
from sqlite_recovery_tui.tui.screens.job import ask_to_cancel, rate_words, step_line
from sqlite_recovery_tui.tui.screens.summary import role_style
from sqlite_recovery_tui.tui.widgets.record_table import RecordTable
from sqlite_recovery_tui.tui.widgets.rows import Cell, Column, ListSource, Row

COLUMNS = (
    Column("number", "no.", width=4, align="right"),
    Column("state", "state", width=12),
    Column("title", "what", least=34, most=100, grow=True),
    Column("step", "step", least=8, most=28, drop=1),
    Column("rate", "rate", width=12, align="right", drop=2),
    Column("progress", "progress", width=17),
)


class JobsScreen(ConsoleScreen):
    """One row per job, newest first."""

    VIEW = "jobs"
    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings("jobs")]
    CSS_PATH = ["base.tcss", "jobs.tcss"]

    def body(self) -> Iterable[Widget]:
        yield RecordTable(COLUMNS, empty="Nothing has been started yet: a restore begins at a plan (R).")
        with Vertical(id="about", classes="panel"):
            yield Static("", id="selected")

    @property
    def crumb(self) -> str:
        return "jobs"

    @property
    def selected(self) -> Job[Any] | None:
        if not self.ready:
            return None
        number = self.query_one(RecordTable).current_key
        return next((job for job in self.console.jobs.all if job.number == number), None)

    def facts(self) -> Iterator[str]:
        job = self.selected
        if job is not None:
            yield "row"
            yield "running" if job.running else "ended"
            if job.repeatable:
                yield "again"

    def copyable(self) -> str | None:
        return (self.selected.command or self.selected.into) if self.selected is not None else None

    def on_mount(self) -> None:
        self.set_interval(1.0, self._tick)
        self.redraw()

    def _tick(self) -> None:
        if self.console.jobs.running:
            self.redraw()

    @on(events.ScreenResume)
    def _looked_at(self) -> None:
        for job in self.console.jobs.all:
            job.seen = job.seen or not job.running
        self.redraw()

    def job_changed(self, job: Job[Any]) -> None:
        if self.is_current and not job.running:
            job.seen = True
        self.redraw()

    def redraw(self) -> None:
        rows = [self._row(job) for job in reversed(self.console.jobs.all)]
        self.query_one(RecordTable).reload(ListSource(rows))
        self._describe()

    @on(RecordTable.Moved)
    def _describe(self) -> None:
        job = self.selected
        self.query_one("#about").display = job is not None
        if job is not None:
            self.query_one("#selected", Static).update(text.lines(*self._about(job)))

    def _about(self, job: Job[Any]) -> Iterator[Content]:
        yield text.line((job.status.label, role_style(job.status.role)), "  ", (job.title, "bold"))
        if job.running and job.progress is not None:
            yield step_line(job)
        if job.error is not None:
            yield text.line((wording.words(job.error), "$text-error"))
            if job.error.hint:
                yield text.line(("→ ", "$text-accent"), wording.hint(job.error))
        if job.into:
            yield text.line(("into     ", text.MUTED), job.into)
        if job.command:
            yield text.line(("same as  ", text.MUTED), (job.command, text.MUTED))

    def _row(self, job: Job[Any]) -> Row:
        return Row(
            job.number,
            (
                str(job.number),
                Cell(job.status.label, job.status.role),
                job.title,
                Cell(job.phase if job.running else "", "muted"),
                Cell(rate_words(job) if job.running else "", "muted"),
                self._progress(job),
            ),
        )

    def _progress(self, job: Job[Any]) -> str:
        """Say how far a job is and how long it still takes, or how long it took."""
        if not job.running:
            took = phrases.seconds(job.elapsed(self.console.clock.monotonic()))
            return f"took {took}" if job.ended is not None else ""
        words = [f"{job.fraction:.0%}"] if job.fraction is not None else []
        if (left := job.seconds_left) is not None:
            words.append(f"{phrases.seconds(left)} left" if not words else phrases.seconds(left))
        return " · ".join(words)

    # actions

    def do_open(self) -> None:
        if self.selected is not None:
            self.console.open_job(self.selected)

    def do_cancel(self) -> None:
        if self.selected is not None:
            ask_to_cancel(self, self.selected)

    def do_retry(self) -> None:
        if self.selected is not None:
            self.console.jobs.retry(self.selected)
