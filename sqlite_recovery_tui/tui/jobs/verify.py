"""The proof of a replica as a job: every object decoded, every chain replayed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlite_recovery_tui.clock import SYSTEM, Clock
from sqlite_recovery_tui.tui.command import verify_line
from sqlite_recovery_tui.tui.jobs.job import Job, Kind
from sqlite_recovery_tui.tui.state import Place, Status

if TYPE_CHECKING:
    from sqlite_recovery_tui.tui.engine import Report
    from sqlite_recovery_tui.verify.proof import ReplicaProof

VERDICTS = {
    "proven": Status("✓", "proven", "ok"),
    "consistent": Status("✓", "consistent", "ok"),
    "damaged": Status("✗", "damaged", "bad"),
}


@dataclass(eq=False, kw_only=True)
class VerifyJob(Job["ReplicaProof"]):
    """Proves one replica; what does not hold is its result, not its failure."""

    kind: Kind = "verify"
    title: str = ""
    place: Place
    config: Path | None = None
    """The configuration that names the database."""
    clock: Clock = SYSTEM

    def __post_init__(self) -> None:
        """Word its title and its command."""
        self.title = f"{self.place.replica} of {self.place.database}"
        self.command = verify_line(self.place, config=self.config)

    @property
    def repeatable(self) -> bool:
        return not self.running

    @property
    def outcome(self) -> Status | None:
        return VERDICTS[self.result.verdict] if self.result is not None else None

    def carry_out(self, report: Report) -> ReplicaProof:
        from sqlite_recovery_tui.tui import work

        return work.verify(self.place, self.clock, report)
