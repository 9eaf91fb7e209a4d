"""An interrupted restore: what it was for, how far it was, and the way on."""

from __future__ import annotations

from collections.abc import Iterator

from textual.content import Content

from sqlite_recovery_tui.restore.target import describe, of_point
from sqlite_recovery_tui.tui import interrupted, phrases, text
from sqlite_recovery_tui.tui.aim import Aim
from sqlite_recovery_tui.tui.jobs import ResumeJob
from sqlite_recovery_tui.tui.screens.job import JobScreen
from sqlite_recovery_tui.tui.widgets.fact_sheet import Fact
from sqlite_recovery_tui.tui.widgets.problem import way


class ResumeJobScreen(JobScreen):
    """One interrupted restore, waiting, running again, or done."""

    job: ResumeJob

    def facts(self) -> Iterator[str]:
        yield from super().facts()
        if self.job.result is not None:
            yield "restored"
        if not self.job.running:
            yield "plannable"
        if self.job.repeatable:
            yield "discardable"

    def ended(self) -> bool:
        if self.job.state != "done":
            return False
        self.do_open(instead=True)
        return True

    def about(self) -> Iterator[Fact]:
        left, point = self.job.unfinished, self.job.unfinished.order.point
        yield "into", self.job.into
        yield "restores", self.in_full(point.time)
        yield "exactly", describe(of_point(point))
        if not self.job.running:
            share = f"{phrases.size(left.fetched_bytes)} of {phrases.size(left.order.fetch_bytes)}"
            yield "fetched", text.line((f"{left.fraction:.0%}", "bold"), f" · {share}")
            yield "interrupted", self.in_full(left.touched)
        yield "from", left.order.url

    def ways_out(self) -> Iterator[Content]:
        yield way("r", "try again")
        yield way("p", "plan the same point anew")
        yield way("d", "discard what is left of it")
        yield way("esc", "leave it for later")

    def waiting(self) -> Content:
        return text.lines(
            way("r", "resume: goes on from what was fetched, by the same plan"),
            way("d", "discard what was fetched"),
            way("p", "plan the same point anew"),
        )

    # actions

    def do_open(self, *, instead: bool = False) -> None:
        from sqlite_recovery_tui.tui.screens.workbench import Subject

        job = self.job
        if job.result is not None:
            subject = Subject(job.result.output, job.unfinished.database, job.result)
            self.console.open_workbench(subject, instead=instead)

    def do_plan(self) -> None:
        self.console.open_plan(self.job.place, Aim(of_point(self.job.unfinished.order.point)))

    def do_discard(self) -> None:
        from sqlite_recovery_tui.tui.screens.dialogs import Confirm

        def answer(yes: bool | None) -> None:
            if yes:
                interrupted.discard(self.console, self.job)
                self.console.back()

        left = phrases.size(self.job.unfinished.fetched_bytes)
        detail = f"{left} that were fetched for {self.job.title} are deleted. The replica is not touched."
        question = "Discard this interrupted restore?"
        self.console.push_screen(Confirm(question, detail, yes="Discard it", no="Keep it"), answer)
