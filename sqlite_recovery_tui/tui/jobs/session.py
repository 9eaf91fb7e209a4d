"""Runs jobs: they belong to the session, not to a screen, and go on whatever is looked at."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from sqlite_recovery_tui.clock import Clock
from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.progress import Progress
from sqlite_recovery_tui.tui import phrases, text
from sqlite_recovery_tui.tui.engine import Engine, Owner, Queue, Report
from sqlite_recovery_tui.tui.jobs.job import Job

LOGGER = logging.getLogger(__name__)
T = TypeVar("T")
MOST_NAMED = 5
"""Jobs that a question names before it only counts."""


class Jobs:
    """The jobs of this session, newest last."""

    def __init__(
        self,
        engine: Engine,
        owner: Owner,
        clock: Clock,
        changed: Callable[[Job[Any]], None],
        *,
        advanced: Callable[[Job[Any]], None],
        recorded: CarryOut,
    ) -> None:
        """Ask `engine` on behalf of `owner`; call `changed` with every job that has news.

        What is only progress, several times a second, goes to `advanced`. `recorded` does the work of a job
        in its thread, and lets the history know.
        """
        self._engine = engine
        self._owner = owner
        self._clock = clock
        self._changed = changed
        self._advanced = advanced
        self._recorded = recorded
        self.all: list[Job[Any]] = []

    @property
    def running(self) -> list[Job[Any]]:
        return [job for job in self.all if job.running]

    def start(
        self,
        job: Job[T],
        work: Callable[[Report], T] | None = None,
        *,
        then: Callable[[T], None] | None = None,
    ) -> Job[T]:
        """Begin a job in the background.

        `work` runs in a thread and raises `RecoverError`, or returns what `then` is told on this one; a
        kind of job that knows by itself what to do needs no `work`.
        """
        job.work, job.then = work or job.work, then or job.then
        job.started = self._clock.monotonic()
        self._enlist(job)
        LOGGER.info("job %d: %s", job.number, text.safe(job.command or job.title))
        job.request = self._engine.ask(
            Queue.JOB,
            self._owner,
            lambda report: self._carry_out(job, report),
            then=lambda result: self._succeeded(job, result),
            failed=lambda error: self._failed(job, error),
            progress=lambda progress: self._advance(job, progress),
        )
        self._changed(job)
        return job

    def retry(self, job: Job[T]) -> Job[T]:
        """Begin the same job again; a restore goes on from what was fetched."""
        again = job.again()
        if job.state == "interrupted":  # by another run of the console: it takes up its own line again
            self.all[self.all.index(job)] = again
            again.number = job.number
        return self.start(again)

    def adopt(self, job: Job[Any]) -> None:
        """Take a job among the others that does not run yet."""
        self._enlist(job)
        job.seen = True
        self._changed(job)

    def tell(self, job: Job[Any]) -> None:
        """Let everybody know that a job stands differently."""
        self._changed(job)

    def cancel(self, job: Job[Any]) -> None:
        """Ask a job to stop; it cleans up and then says so."""
        if job.running and job.request is not None:
            job.state = "cancelling"
            job.request.stop()
            self._changed(job)

    @property
    def summary(self) -> str:
        """What runs, in a few words for the top bar; empty when nothing does."""
        running = self.running
        if not running:
            return ""
        newest = running[-1]
        share = f" {newest.fraction:.0%}" if newest.fraction is not None else ""
        if len(running) == 1:
            return f"{newest.status.label}{share}"
        return f"◐ {phrases.many(len(running), 'job')}{share}"

    @property
    def parting(self) -> tuple[str, str]:
        """What to ask of somebody who leaves while jobs run, and what leaving means."""
        running = self.running
        restores = sum(job.kind == "restore" for job in running)
        words = [f"• {job.status.word} {job.title}" for job in running[:MOST_NAMED]]
        if len(running) > MOST_NAMED:
            words.append(f"• and {len(running) - MOST_NAMED} more")
        words.append("Leaving stops " + ("it." if len(running) == 1 else "them."))
        if restores:
            words.append("What a restore has fetched stays; the next start offers to go on from there.")
        verb = "is" if len(running) == 1 else "are"
        return f"{phrases.many(len(running), 'job')} {verb} still running", "\n".join(words)

    def _enlist(self, job: Job[Any]) -> None:
        if job not in self.all:
            job.number = len(self.all) + 1
            self.all.append(job)

    def _advance(self, job: Job[Any], progress: Progress) -> None:
        job.advance(progress, self._clock.monotonic())
        self._advanced(job)

    def _succeeded(self, job: Job[T], result: T) -> None:
        job.succeed(result, self._clock.monotonic())
        LOGGER.info("job %d: %s", job.number, job.status.word)
        if job.then is not None:
            job.then(result)
        self._changed(job)

    def _failed(self, job: Job[Any], error: RecoverError) -> None:
        job.fail(error, self._clock.monotonic())
        LOGGER.info("job %d: %s", job.number, job.status.word)
        self._changed(job)

    def _carry_out(self, job: Job[T], report: Report) -> T:
        job.begun = True
        return self._recorded(job, report)


class CarryOut(Protocol):
    """Does the work of a job, whatever it is of."""

    def __call__(self, job: Job[T], report: Report, /) -> T:
        """Return what came of it."""
        ...
