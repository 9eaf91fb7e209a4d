"""A restore while it runs and how it ended; a good end opens the workbench."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from textual.content import Content

from sqlite_recovery_tui.errors import DamagedError
from sqlite_recovery_tui.restore.target import describe, of_point
from sqlite_recovery_tui.tui import phrases, text, wording
from sqlite_recovery_tui.tui.aim import at_base
from sqlite_recovery_tui.tui.jobs import RestoreJob
from sqlite_recovery_tui.tui.screens.job import JobScreen
from sqlite_recovery_tui.tui.state import Other
from sqlite_recovery_tui.tui.widgets.fact_sheet import Fact
from sqlite_recovery_tui.tui.widgets.problem import way

if TYPE_CHECKING:
    from sqlite_recovery_tui.restore.run import RestoreResult


class RestoreJobScreen(JobScreen):
    """One restore of this session."""

    job: RestoreJob

    def facts(self) -> Iterator[str]:
        yield from super().facts()
        job = self.job
        if not job.running:
            yield "plannable"
        if job.result is not None:
            yield "restored"
        if self._other() is not None:
            yield "other-replica"
        if isinstance(job.error, DamagedError):
            if job.error.last_good is not None:
                yield "last-good"
            if job.error.next_good is not None:
                yield "next-good"

    def ended(self) -> bool:
        if self.job.state != "done":
            return False
        self.do_open(instead=True)
        return True

    def about(self) -> Iterator[Fact]:
        job = self.job
        yield "into", str(job.output)
        yield "restores", self.in_full(job.plan.point.time)
        yield "exactly", describe(of_point(job.plan.point))
        changes = f" + {job.plan.route.changes_text}" if job.plan.changes else ""
        yield "fetches", f"{job.plan.base.key}{changes} · {phrases.size(job.plan.fetch_bytes)}"
        if job.result is not None:
            yield "fetched", _fetched(job.result)
            yield "continuity", job.result.continuity
        for note in (job.result or job.plan).notes:
            yield "note", text.line(("▲ ", "$text-warning"), wording.words(note))

    def ways_out(self) -> Iterator[Content]:
        error = self.job.error
        if isinstance(error, DamagedError):
            if error.last_good is not None:
                yield way("l", f"plan up to the last good commit: {phrases.utc(error.last_good.time)}")
            if error.next_good is not None:
                yield way("n", f"plan the next good snapshot: {phrases.utc(error.next_good.time)}")
        other = self._other()
        if other is not None and other.plan is not None:
            yield way("w", f"plan from {other.place.replica} instead: {phrases.utc(other.plan.point.time)}")
        yield way("r", "try the same again")
        yield way("p", "change the plan: another file, another time")
        yield way("esc", "choose another point")

    def next_step(self) -> Content:
        return text.line((" enter ", "bold $background on $success"), "  looks inside.")

    # actions

    def do_open(self, *, instead: bool = False) -> None:
        from sqlite_recovery_tui.tui.screens.workbench import Subject

        if self.job.result is not None:
            self.console.open_workbench(Subject.of(self.job), instead=instead)

    def do_plan(self) -> None:
        job = self.job
        self.console.open_plan(job.place, job.aim, instead=True)

    def do_last_good(self) -> None:
        job = self.job
        if isinstance(job.error, DamagedError):
            self.console.open_plan(job.place, job.aim.in_front_of(job.error), instead=True)

    def do_other(self) -> None:
        other = self._other()
        if other is not None:
            self.console.open_plan(other.place, self.job.aim.undamaged(), instead=True)

    def _other(self) -> Other | None:
        """Return the other replica whose state is nearest to what was planned; None without one."""
        wanted = self.job.plan.point.time
        able = [other for other in self.job.others if other.plan is not None]
        return min(able, key=lambda each: _apart(each, wanted), default=None)

    def do_next_good(self) -> None:
        error = self.job.error
        if isinstance(error, DamagedError) and error.next_good is not None:
            self.console.open_plan(self.job.place, at_base(error.next_good), instead=True)


def _apart(other: Other, wanted: datetime) -> float:
    assert other.plan is not None
    return abs((other.plan.point.time - wanted).total_seconds())


def _fetched(result: RestoreResult) -> str:
    reused = f", {result.objects_reused:,} of them from an earlier attempt" if result.objects_reused else ""
    return (
        f"{phrases.many(result.objects, 'object')}{reused} · {phrases.size(result.bytes_fetched)}"
        f" · {phrases.many(result.pages, 'page')} of {result.page_size:,} bytes"
    )
