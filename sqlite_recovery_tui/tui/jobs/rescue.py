"""A rescue of rows as a job: planned on a screen, confirmed by the typed name before it is started."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlite_recovery_tui.clock import SYSTEM, Clock
from sqlite_recovery_tui.tui.jobs.job import Job, Kind

if TYPE_CHECKING:
    from sqlite_recovery_tui.config import Settings
    from sqlite_recovery_tui.promote.rescue import RescuePlan, RescueResult
    from sqlite_recovery_tui.tui.engine import Report


@dataclass(frozen=True)
class Wish:
    """Which rows of a restored database are wanted back in production."""

    scratch: Path
    database: Path
    tables: tuple[str, ...] = ()
    """All where none is named."""
    where: str = ""
    """A condition on the rows of one table."""
    rows: int = 0
    """How many rows were chosen one by one; 0: whole tables."""
    update: bool = False
    """Whether rows are set back too that production has otherwise."""
    triggers: bool = True
    """Whether production's triggers act on what is written."""

    @property
    def words(self) -> Sequence[str]:
        """The command line that shows what would be written."""
        found = ["sqlrecover", "rescue", str(self.scratch), "-to", str(self.database)]
        for table in self.tables:
            found += ["-table", table]
        found += ["-where", self.where] if self.where else []
        found += ["-update"] if self.update else []
        return [*found, *([] if self.triggers else ["-no-triggers"])]

    @property
    def command(self) -> str:
        return shlex.join(self.words)


@dataclass(eq=False, kw_only=True)
class RescueJob(Job["RescueResult"]):
    """Writes rows that production lacks; the plan is its own, and is let go of at the end."""

    kind: Kind = "rescue"
    title: str = ""
    wish: Wish
    plan: RescuePlan
    confirm: str
    """What was typed."""
    clock: Clock = SYSTEM
    settings: Settings | None = None
    """What says when patches expire."""

    def __post_init__(self) -> None:
        """Word its title and its command."""
        self.title = f"{self.plan.rows:,} rows of {self.wish.scratch.name} into {self.wish.database}"
        self.command = shlex.join([*self.wish.words, "-confirm", self.plan.name])

    @property
    def repeatable(self) -> bool:
        return False  # it is compared anew, and confirmed anew

    def carry_out(self, report: Report) -> RescueResult:
        from sqlite_recovery_tui.promote.expiry import rule_of
        from sqlite_recovery_tui.promote.rescue import Rescue

        with self.plan:
            rescue = Rescue(
                self.plan,
                triggers=self.wish.triggers,
                progress=report.progress,
                cancel=report.cancel,
                clock=self.clock,
                rule=rule_of(self.settings, self.plan.database),
            )
            return rescue.run(self.confirm)
