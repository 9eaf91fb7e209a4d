"""A promote, or its undo, as a job: confirmed by the typed name before it is started."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlite_recovery_tui.clock import SYSTEM, Clock
from sqlite_recovery_tui.tui.jobs.job import Job, Kind
from sqlite_recovery_tui.tui.state import Status

if TYPE_CHECKING:
    from sqlite_recovery_tui.config import Settings
    from sqlite_recovery_tui.promote.plan import PromotePlan
    from sqlite_recovery_tui.promote.run import PromoteResult
    from sqlite_recovery_tui.promote.undo import UndoPoint
    from sqlite_recovery_tui.tui.engine import Report


@dataclass(eq=False, kw_only=True)
class PromoteJob(Job["PromoteResult"]):
    """Puts a restored database in production's place."""

    kind: Kind = "promote"
    title: str = ""
    plan: PromotePlan
    confirm: str
    """What was typed."""
    clock: Clock = SYSTEM
    settings: Settings | None = None
    """What says when undo points expire."""
    overrule: tuple[str, ...] = ()
    """The assertions, by name, that may fail."""

    def __post_init__(self) -> None:
        """Word its title and its command."""
        database = self.plan.live.beside.named
        self.title = f"{self.plan.new.path.name} to {database}"
        words = ["sqlrecover", "promote", str(self.plan.new.path), "-to", str(database)]
        words += ["-mode", self.plan.choice.mode, "-confirm", self.plan.name]
        words += [word for name in self.overrule for word in ("-overrule", name)]
        self.command = shlex.join(words)

    @property
    def repeatable(self) -> bool:
        return False  # it is planned anew, and confirmed anew

    @property
    def outcome(self) -> Status | None:
        if self.result is not None and self.result.checked.verdict != "identical":
            words = "in use" if self.result.checked.verdict == "sound" else "not compared"
            return Status("▲", f"promoted, {words}", "warn")
        return None

    def carry_out(self, report: Report) -> PromoteResult:
        from sqlite_recovery_tui.promote.expiry import rule_of
        from sqlite_recovery_tui.promote.run import Promote

        promote = Promote(
            self.plan,
            overrule=self.overrule,
            progress=report.progress,
            cancel=report.cancel,
            clock=self.clock,
            rule=rule_of(self.settings, self.plan.live.beside.named),
        )
        return promote.run(self.confirm)


@dataclass(eq=False, kw_only=True)
class UndoJob(Job["PromoteResult"]):
    """Puts back what a database was before a promote."""

    kind: Kind = "undo"
    title: str = ""
    database: Path
    point: UndoPoint
    confirm: str
    clock: Clock = SYSTEM
    settings: Settings | None = None

    def __post_init__(self) -> None:
        """Word its title and its command."""
        self.title = f"{self.database} to what it was before {self.point.name}"
        words = ["sqlrecover", "undo", str(self.database), self.point.name, "-confirm", self.database.name]
        self.command = shlex.join(words)

    @property
    def repeatable(self) -> bool:
        return False

    def carry_out(self, report: Report) -> PromoteResult:
        from sqlite_recovery_tui.promote.expiry import rule_of
        from sqlite_recovery_tui.promote.run import take_back

        return take_back(
            self.point,
            self.database,
            confirm=self.confirm,
            socket=self.settings.daemon.control_socket if self.settings else None,
            progress=report.progress,
            cancel=report.cancel,
            clock=self.clock,
            rule=rule_of(self.settings, self.database),
        )
