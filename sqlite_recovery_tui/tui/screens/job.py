"""A job while it runs and how it ended: step, amount, rate, time left; or the error and its way out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from textual import events, on
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from sqlite_recovery_tui.tui import actions, phrases, text
from sqlite_recovery_tui.tui.jobs import Job, RestoreJob, ResumeJob, VerifyJob
from sqlite_recovery_tui.tui.jobs.bisect import BisectJob
from sqlite_recovery_tui.tui.screens.base import ConsoleScreen
from sqlite_recovery_tui.tui.screens.summary import role_style
from sqlite_recovery_tui.tui.widgets.bar import Bar
from sqlite_recovery_tui.tui.widgets.fact_sheet import Fact, FactSheet
from sqlite_recovery_tui.tui.widgets.problem import Problem, way

TICK_SECONDS = 0.25
NAMES = {"verify": "proof", "delete": "deletion", "bisect": "search"}
"""What a job is called where its kind is no noun."""


def screen_of(job: Job[Any]) -> JobScreen:
    """Return the screen that shows a job of its kind."""
    if isinstance(job, RestoreJob):
        from sqlite_recovery_tui.tui.screens.job_restore import RestoreJobScreen

        return RestoreJobScreen(job)
    if isinstance(job, ResumeJob):
        from sqlite_recovery_tui.tui.screens.job_resume import ResumeJobScreen

        return ResumeJobScreen(job)
    if isinstance(job, VerifyJob):
        from sqlite_recovery_tui.tui.screens.job_verify import VerifyJobScreen

        return VerifyJobScreen(job)
    if isinstance(job, BisectJob):
        from sqlite_recovery_tui.tui.screens.job_bisect import BisectJobScreen

        return BisectJobScreen(job)
    return JobScreen(job)


class JobScreen(ConsoleScreen):
    """One job of this session."""

    VIEW = "job"
    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings("job")]
    CSS_PATH = ["base.tcss", "job.tcss"]
    AUTO_FOCUS = ""

    def __init__(self, job: Job[Any]) -> None:
        """Show `job`, running or ended."""
        super().__init__()
        self.job = job

    def body(self) -> Iterable[Widget]:
        with VerticalScroll(id="sheet"):
            yield Static("", id="job-title", classes="title")
            yield Static("", id="step")
            yield Bar()
            yield Problem()
            yield Static("", id="next")
            yield FactSheet(id="about")

    @property
    def crumb(self) -> str:
        return f"{NAMES.get(self.job.kind, self.job.kind)} {self.job.number}"

    def facts(self) -> Iterator[str]:
        yield "running" if self.job.running else "ended"
        if self.job.state in ("failed", "cancelled"):
            yield "failed"
        if self.job.repeatable:
            yield "again"

    def copyable(self) -> str | None:
        return self.job.command or self.job.into or None

    def on_mount(self) -> None:
        self.set_interval(TICK_SECONDS, self._tick)
        self.redraw()

    def _tick(self) -> None:
        if self.job.running:
            self.redraw()

    @on(events.ScreenResume)
    def _looked_at(self) -> None:
        self.job.seen = not self.job.running or self.job.seen

    def job_changed(self, job: Job[Any]) -> None:
        if job is not self.job:
            return
        if self.is_current and not job.running:
            job.seen = True
            if self.ended():
                return
        self.redraw()

    # what a kind of job has to say

    def ended(self) -> bool:
        """Follow the end of the job; True when the screen is left for another one."""
        return False

    def about(self) -> Iterator[Fact]:
        """Yield what the job is about."""
        if self.job.into:
            yield "into", self.job.into

    def ways_out(self) -> Iterator[Content]:
        """Yield what can be done about the failure."""
        yield way("r", "try the same again")
        yield way("esc", "back to where you came from")

    def waiting(self) -> Content:
        """Return what can be done with a job that was interrupted."""
        return Content("")

    def next_step(self) -> Content:
        """Return what can be done with what came of it."""
        return Content("")

    # drawing

    def redraw(self) -> None:
        job = self.job
        self.query_one("#job-title", Static).update(
            text.line((job.status.label, role_style(job.status.role)), f"  {job.title}")
        )
        step = self._step()
        self.query_one("#step", Static).display = bool(step)
        self.query_one("#step", Static).update(step)
        self.query_one(Bar).display = job.running
        self.query_one(Bar).show(job.fraction)
        self.query_one(Problem).show(job.error, list(self.ways_out()) if job.error is not None else [])
        self.query_one("#about", FactSheet).show(list(self._about()))
        following = self._next()
        self.query_one("#next", Static).display = bool(following)
        self.query_one("#next", Static).update(following)

    def _about(self) -> Iterator[Fact]:
        yield from self.about()
        if self.job.command:
            yield "same as", text.line((self.job.command, text.MUTED), ("  y copies it", text.FAINT))

    def _step(self) -> Content:
        job = self.job
        elapsed = phrases.seconds(job.elapsed(self.console.clock.monotonic()))
        if job.ended is None and not job.running:
            return Content("")
        if not job.running:
            return text.line((f"after {elapsed}", text.MUTED))
        if job.state == "cancelling":
            return text.line(("stopping at the next step…", "$text-warning"))
        if not job.begun:
            return text.line(("waiting for another job to end…", text.MUTED))
        if job.progress is None:
            return text.line(("connecting…", text.MUTED))
        detail = f" · {job.progress.detail}" if job.progress.detail else ""
        return text.lines(
            step_line(job), text.line((f"running for {elapsed}", text.MUTED), (detail, text.MUTED))
        )

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
        if self.job.state == "interrupted":
            return self.waiting()
        return self.next_step() if self.job.state == "done" else Content("")

    # actions

    def do_cancel(self) -> None:
        ask_to_cancel(self, self.job)

    def do_retry(self) -> None:
        self.console.open_job(self.console.jobs.retry(self.job), instead=True)


def ask_to_cancel(screen: ConsoleScreen, job: Job[Any]) -> None:
    """Cancel a job if the operator says so."""
    from sqlite_recovery_tui.tui.screens.dialogs import Confirm

    def answer(stop: bool | None) -> None:
        if stop:
            screen.console.jobs.cancel(job)

    kept = f"{job.into} will not be written. " if job.into else ""
    question = f"Cancel this {NAMES.get(job.kind, job.kind)}?"
    detail = f"{kept}Nothing is left behind."
    screen.console.push_screen(Confirm(question, detail, yes="Cancel it", no="Let it run"), answer)


def step_line(job: Job[Any]) -> Content:
    """Return the step that a job is at: how much of it is done, how fast, how long it still takes."""
    progress = job.progress
    if progress is None:
        return Content("")
    parts: list[text.Part] = [(progress.phase, "bold")]
    if progress.unit == "bytes":
        of = f" of {phrases.size(progress.total)}" if progress.total else ""
        parts.append(f"  {phrases.size(progress.done)}{of}" if progress.done or of else "")
    else:
        of = f" of {progress.total:,}" if progress.total else ""
        parts.append(f"  {progress.done:,}{of} {progress.unit}")
    if rate := rate_words(job):
        parts.append(f" · {rate}")
    if (left := job.seconds_left) is not None:
        parts.append(f" · about {phrases.seconds(left)} left")
    return text.line(*parts)


def rate_words(job: Job[Any]) -> str:
    """Return how fast a job is, empty while nobody knows."""
    rate = job.pace.per_second
    if not rate or job.progress is None:
        return ""
    if job.progress.unit == "bytes":
        return f"{phrases.size(rate)}/s"
    return f"{rate:,.0f} {job.progress.unit}/s"
