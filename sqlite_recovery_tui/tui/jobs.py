"""Runs restores: they belong to the session, not to a screen, and go on whatever is looked at."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sqlite_recovery_tui.clock import Clock
from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.progress import Progress
from sqlite_recovery_tui.tui import text, work
from sqlite_recovery_tui.tui.aim import Aim
from sqlite_recovery_tui.tui.engine import Engine, Owner, Queue
from sqlite_recovery_tui.tui.state import Other, Pace, Place, RestoreJob

if TYPE_CHECKING:
    from sqlite_recovery_tui.restore.plan import Plan
    from sqlite_recovery_tui.restore.run import RestoreResult

LOGGER = logging.getLogger(__name__)


class Jobs:
    """The restores of this session, newest last."""

    def __init__(
        self, engine: Engine, owner: Owner, clock: Clock, changed: Callable[[RestoreJob], None]
    ) -> None:
        """Ask `engine` on behalf of `owner`; call `changed` with every job that has news."""
        self._engine = engine
        self._owner = owner
        self._clock = clock
        self._changed = changed
        self.all: list[RestoreJob] = []

    @property
    def running(self) -> list[RestoreJob]:
        return [job for job in self.all if job.running]

    def start(
        self,
        place: Place,
        aim: Aim,
        plan: Plan,
        output: Path,
        *,
        config: Path | None = None,
        scratch_dir: Path | None = None,
        memory_bytes: int = 128 << 20,
        others: tuple[Other, ...] = (),
    ) -> RestoreJob:
        """Begin a restore in the background."""
        job = RestoreJob(
            number=len(self.all) + 1,
            place=place,
            aim=aim,
            plan=plan,
            output=output,
            scratch_dir=scratch_dir,
            started=self._clock.monotonic(),
            config=config,
            memory_bytes=memory_bytes,
            others=others,
        )
        self.all.append(job)
        self._run(job)
        return job

    def retry(self, job: RestoreJob) -> RestoreJob:
        """Begin the same restore again, into the same file: what was fetched is used again."""
        again = replace(
            job,
            number=len(self.all) + 1,
            started=self._clock.monotonic(),
            state="running",
            progress=None,
            error=None,
            ended=None,
            seen=False,
            pace=Pace(),
        )
        self.all.append(again)
        self._run(again)
        return again

    def _run(self, job: RestoreJob) -> None:
        LOGGER.info("restore %d: %s", job.number, text.safe(job.command))
        job.request = self._engine.ask(
            Queue.JOB,
            self._owner,
            lambda report: work.restore(job, self._clock, report),
            then=lambda result: self._finish(job, result),
            failed=lambda error: self._finish(job, error),
            progress=lambda progress: self._advance(job, progress),
        )
        self._changed(job)

    def cancel(self, job: RestoreJob) -> None:
        """Ask a restore to stop; it cleans up and then says so."""
        if job.running and job.request is not None:
            job.state = "cancelling"
            job.request.stop()
            self._changed(job)

    def _advance(self, job: RestoreJob, progress: Progress) -> None:
        job.advance(progress, self._clock.monotonic())
        self._changed(job)

    def _finish(self, job: RestoreJob, outcome: RestoreResult | RecoverError) -> None:
        job.finish(outcome, self._clock.monotonic())
        LOGGER.info("restore %d: %s", job.number, job.status.word)
        self._changed(job)
