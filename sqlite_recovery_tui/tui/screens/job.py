"""A restore while it runs and how it ended: step, bytes, rate, time left; or the error and its way out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from sqlite_recovery_tui.errors import DamagedError
from sqlite_recovery_tui.restore.target import describe, of_point
from sqlite_recovery_tui.tui import actions, phrases, text, wording
from sqlite_recovery_tui.tui.aim import at_base
from sqlite_recovery_tui.tui.screens.base import ConsoleScreen
from sqlite_recovery_tui.tui.screens.summary import role_style
from sqlite_recovery_tui.tui.state import Other, RestoreJob
from sqlite_recovery_tui.tui.widgets.fact_sheet import Fact, FactSheet
from sqlite_recovery_tui.tui.widgets.problem import Problem, way

if TYPE_CHECKING:
    from sqlite_recovery_tui.restore.run import RestoreResult

TICK_SECONDS = 0.25


class Bar(Widget):
    """How much of the current step is done."""

    DEFAULT_CSS = "Bar { height: 1; }"
    fraction: float | None = None

    def show(self, fraction: float | None) -> None:
        """Show a fraction from 0 to 1; None while nobody knows."""
        self.fraction = fraction
        self.refresh()

    def render(self) -> Content:
        width = max(1, self.size.width - 6)
        if self.fraction is None:
            return Content.styled("━" * width, text.FAINT)
        full = round(width * self.fraction)
        return text.line(
            ("━" * full, "$text-success"),
            ("━" * (width - full), "$panel-lighten-2"),
            (f"{self.fraction:>5.0%}", "bold"),
        )


class JobScreen(ConsoleScreen):
    """One restore of this session."""

    VIEW = "job"
    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings("job")]
    CSS_PATH = ["base.tcss", "job.tcss"]
    AUTO_FOCUS = ""

    def __init__(self, job: RestoreJob) -> None:
        """Show `job`, running or ended."""
        super().__init__()
        self.job = job

    def body(self) -> Iterable[Widget]:
        with VerticalScroll(id="sheet"):
            yield Static("", id="job-title", classes="title")
            yield Static("", id="step")
            yield Bar()
            yield Problem()
            yield FactSheet(id="about")
            yield Static("", id="next")

    @property
    def crumb(self) -> str:
        return f"restore {self.job.number}"

    def facts(self) -> Iterator[str]:
        job = self.job
        if job.running:
            yield "running"
        else:
            yield "ended"
        if job.result is not None:
            yield "restored"
        if job.state in ("failed", "cancelled"):
            yield "failed"
        if self._other() is not None:
            yield "other-replica"
        if isinstance(job.error, DamagedError):
            if job.error.last_good is not None:
                yield "last-good"
            if job.error.next_good is not None:
                yield "next-good"

    def copyable(self) -> str | None:
        return str(self.job.result.output) if self.job.result is not None else self.job.command

    def on_mount(self) -> None:
        self.set_interval(TICK_SECONDS, self.redraw)
        self.redraw()

    @on(events.ScreenResume)
    def _looked_at(self) -> None:
        self.job.seen = not self.job.running or self.job.seen

    def job_changed(self, job: RestoreJob) -> None:
        if job is not self.job:
            return
        if self.is_current and not job.running:
            job.seen = True
            if job.state == "done":
                self.do_open(instead=True)
                return
        self.redraw()

    def redraw(self) -> None:
        job = self.job
        self.query_one("#job-title", Static).update(
            text.line(
                (job.status.label, role_style(job.status.role)),
                f"  {job.place.database} from {job.place.replica}, as of {phrases.utc(job.plan.point.time)}",
            )
        )
        self.query_one("#step", Static).update(self._step())
        self.query_one(Bar).display = job.running
        self.query_one(Bar).show(job.fraction)
        self.query_one(Problem).show(job.error, list(self._ways_out()))
        self.query_one("#about", FactSheet).show(list(self._about()))
        self.query_one("#next", Static).update(self._next())

    def _step(self) -> Content:
        job = self.job
        progress = job.progress
        if not job.running:
            return text.line(
                (f"after {phrases.seconds(job.elapsed(self.console.clock.monotonic()))}", text.MUTED)
            )
        if job.state == "cancelling":
            return text.line(("stopping at the next step…", "$text-warning"))
        if progress is None:
            return text.line(("connecting…", text.MUTED))
        parts: list[text.Part] = [(progress.phase, "bold")]
        if progress.unit == "bytes":
            of = f" of {phrases.size(progress.total)}" if progress.total else ""
            parts.append(f"  {phrases.size(progress.done)}{of}" if progress.done or of else "")
            if rate := job.pace.per_second:
                parts.append(f" · {phrases.size(rate)}/s")
        else:
            of = f" of {progress.total:,}" if progress.total else ""
            parts.append(f"  {progress.done:,}{of} {progress.unit}")
        if (left := job.seconds_left) is not None:
            parts.append(f" · about {phrases.seconds(left)} left")
        elapsed = f"running for {phrases.seconds(job.elapsed(self.console.clock.monotonic()))}"
        detail = f" · {progress.detail}" if progress.detail else ""
        return text.lines(text.line(*parts), text.line((elapsed, text.MUTED), (detail, text.MUTED)))

    def _about(self) -> Iterator[Fact]:
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
        yield "same as", text.content(job.command, text.MUTED)

    def _next(self) -> Content:
        if self.job.running:
            return text.line(
                (" esc ", "bold $text-primary on $panel"),
                "  leaves it running; J brings you back.  ",
                (" x ", "bold $text-primary on $panel"),
                "  cancels it.",
            )
        if self.job.state == "cancelled":
            return text.line(
                "Nothing was left behind.  ", (" r ", "bold $text-primary on $panel"), "  starts it again."
            )
        return Content("")

    def _ways_out(self) -> Iterator[Content]:
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

    # actions

    def do_cancel(self) -> None:
        from sqlite_recovery_tui.tui.screens.dialogs import Confirm

        def answer(stop: bool | None) -> None:
            if stop:
                self.console.jobs.cancel(self.job)

        detail = f"{self.job.output} will not be written. Nothing is left behind."
        self.console.push_screen(
            Confirm("Cancel this restore?", detail, yes="Cancel it", no="Let it run"), answer
        )

    def do_open(self, *, instead: bool = False) -> None:
        from sqlite_recovery_tui.tui.screens.workbench import Subject

        if self.job.result is not None:
            self.console.open_workbench(Subject.of(self.job), instead=instead)

    def do_retry(self) -> None:
        self.console.open_job(self.console.jobs.retry(self.job), instead=True)

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
