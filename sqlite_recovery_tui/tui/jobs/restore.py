"""A restore as a job: the plan, where it goes, what else could have been done."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlite_recovery_tui.clock import SYSTEM, Clock
from sqlite_recovery_tui.tui import phrases
from sqlite_recovery_tui.tui.aim import Aim
from sqlite_recovery_tui.tui.command import command_line
from sqlite_recovery_tui.tui.jobs.job import Job, Kind
from sqlite_recovery_tui.tui.state import Other, Place

if TYPE_CHECKING:
    from sqlite_recovery_tui.restore.plan import Plan
    from sqlite_recovery_tui.restore.run import RestoreResult
    from sqlite_recovery_tui.tui.engine import Report

MEMORY_BYTES = 128 << 20
"""What a restore may use for data where no configuration says otherwise."""


@dataclass(eq=False, kw_only=True)
class RestoreJob(Job["RestoreResult"]):
    """One restore: what was planned, and into which file."""

    kind: Kind = "restore"
    title: str = ""
    place: Place
    aim: Aim
    plan: Plan
    output: Path
    scratch_dir: Path | None = None
    """The scratch directory that `output` is to be made in; None for a path somebody chose."""
    config: Path | None = None
    """The configuration that names the database."""
    memory_bytes: int = MEMORY_BYTES
    others: tuple[Other, ...] = ()
    """What other replicas would have given."""
    reserved: bool = False
    """Whether the directory of a scratch has been made for this restore."""
    clock: Clock = SYSTEM

    def __post_init__(self) -> None:
        """Word its title, and where it goes."""
        place, moment = self.place, phrases.utc(self.plan.point.time)
        self.title = f"{place.database} as of {moment}, from {place.replica}"
        self.goes_to(self.output)

    def goes_to(self, output: Path) -> None:
        """Take the file that is written, which may get a name of its own late."""
        self.output = output
        self.into = str(output)
        self.command = command_line(self.place, self.aim, output, config=self.config)

    def carry_out(self, report: Report) -> RestoreResult:
        from sqlite_recovery_tui.tui import work

        return work.restore(self, self.clock, report)
