"""An interrupted restore as a job: what is left of it, until somebody takes it up again or discards it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlite_recovery_tui.clock import SYSTEM, Clock
from sqlite_recovery_tui.tui import phrases
from sqlite_recovery_tui.tui.command import resume_line
from sqlite_recovery_tui.tui.jobs.job import Job, JobState, Kind
from sqlite_recovery_tui.tui.state import Place

if TYPE_CHECKING:
    from pathlib import Path

    from sqlite_recovery_tui.restore.run import RestoreResult
    from sqlite_recovery_tui.restore.unfinished import Unfinished
    from sqlite_recovery_tui.tui.engine import Report


@dataclass(eq=False, kw_only=True)
class ResumeJob(Job["RestoreResult"]):
    """One restore whose process died, or whose console was left."""

    kind: Kind = "restore"
    title: str = ""
    state: JobState = "interrupted"
    unfinished: Unfinished
    place: Place
    config: Path | None = None
    clock: Clock = SYSTEM

    def __post_init__(self) -> None:
        """Word what it restores."""
        order = self.unfinished.order
        moment = phrases.utc(order.point.time)
        self.title = f"{self.unfinished.database} as of {moment}, from {order.replica}"
        self.into = str(self.unfinished.output)
        self.command = resume_line(self.unfinished.output, config=self.config)

    @property
    def repeatable(self) -> bool:
        """Once it was cancelled nothing is left to go on from."""
        return self.state in ("interrupted", "failed")

    def carry_out(self, report: Report) -> RestoreResult:
        from sqlite_recovery_tui.restore.tasks import ResumeTask

        return report.carry_out(ResumeTask(self.unfinished, self.place.ref), self.clock)
