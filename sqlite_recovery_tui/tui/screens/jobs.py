"""The restores of this session."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from sqlite_recovery_tui.tui import actions, phrases
from sqlite_recovery_tui.tui.screens.base import ConsoleScreen
from sqlite_recovery_tui.tui.state import RestoreJob
from sqlite_recovery_tui.tui.widgets.record_table import RecordTable
from sqlite_recovery_tui.tui.widgets.rows import Cell, Column, ListSource, Row

COLUMNS = (
    Column("number", "no.", width=4, align="right"),
    Column("state", "state", width=12),
    Column("database", "database", least=8, most=28),
    Column("replica", "replica", least=6, most=16, drop=3),
    Column("point", "as of", least=20, most=26),
    Column("progress", "progress", width=9, align="right"),
    Column("time", "took", width=11, align="right", drop=2),
    Column("output", "output", least=30, most=120, grow=True, drop=1, cut="middle"),
)


class JobsScreen(ConsoleScreen):
    """One row per restore, newest first."""

    VIEW = "jobs"
    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings("jobs")]

    def body(self) -> Iterable[Widget]:
        yield RecordTable(COLUMNS, empty="No restore has been started yet.")

    @property
    def crumb(self) -> str:
        return "restores"

    @property
    def selected(self) -> RestoreJob | None:
        number = self.query_one(RecordTable).current_key
        return next((job for job in self.console.jobs.all if job.number == number), None)

    def facts(self) -> Iterator[str]:
        job = self.selected
        if job is not None:
            yield "row"
            if job.running:
                yield "running"

    def copyable(self) -> str | None:
        return self.selected.command if self.selected is not None else None

    def on_mount(self) -> None:
        self.set_interval(1.0, self.redraw)
        self.redraw()

    def job_changed(self, job: RestoreJob) -> None:
        if self.is_current and not job.running:
            job.seen = True
        self.redraw()

    def redraw(self) -> None:
        rows = [self._row(job) for job in reversed(self.console.jobs.all)]
        self.query_one(RecordTable).reload(ListSource(rows))

    def _row(self, job: RestoreJob) -> Row:
        fraction = job.fraction
        return Row(
            job.number,
            (
                str(job.number),
                Cell(job.status.label, job.status.role),
                Cell(job.place.database, "strong"),
                job.place.replica,
                self.moment(job.plan.point.time),
                f"{fraction:.0%}" if job.running and fraction is not None else "",
                phrases.seconds(job.elapsed(self.console.clock.monotonic())),
                Cell(str(job.output), "muted"),
            ),
        )

    # actions

    def do_open(self) -> None:
        if self.selected is not None:
            self.console.open_job(self.selected)

    def do_cancel(self) -> None:
        from sqlite_recovery_tui.tui.screens.dialogs import Confirm

        job = self.selected

        def answer(stop: bool | None) -> None:
            if stop and job is not None:
                self.console.jobs.cancel(job)

        if job is not None:
            detail = f"{job.output} will not be written. Nothing is left behind."
            self.console.push_screen(
                Confirm("Cancel this restore?", detail, yes="Cancel it", no="Let it run"), answer
            )
