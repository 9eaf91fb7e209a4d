"""The search for the commit at which an answer changed, as a job: with a scratch that goes away again."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlite_recovery_tui.clock import SYSTEM, Clock
from sqlite_recovery_tui.restore.target import format_utc
from sqlite_recovery_tui.tui.command import verify_line
from sqlite_recovery_tui.tui.jobs.job import Job, Kind
from sqlite_recovery_tui.tui.state import Place

if TYPE_CHECKING:
    from sqlite_recovery_tui.tui.engine import Report
    from sqlite_recovery_tui.verify.bisect import Found


@dataclass(frozen=True)
class Asked:
    """What a search is for."""

    sql: str
    expect: str | None = None
    start: datetime | None = None
    """Search from this time on; from the oldest state."""
    end: datetime | None = None
    """Search up to this time; up to the newest state."""


@dataclass(eq=False, kw_only=True)
class BisectJob(Job["Found"]):
    """One search in the history of one replica."""

    kind: Kind = "bisect"
    title: str = ""
    place: Place
    question: Asked
    scratch_dir: Path
    config: Path | None = None
    """The configuration that names the database."""
    clock: Clock = SYSTEM

    def __post_init__(self) -> None:
        """Word its title and its command."""
        asked = " ".join(self.question.sql.split())
        self.title = f"{asked} in {self.place.database} of {self.place.replica}"
        line = verify_line(self.place, config=self.config)
        words = ["sqlrecover", "bisect", "-sql", asked]
        words += ["-expect", self.question.expect] if self.question.expect is not None else []
        for option, time in (("-from", self.question.start), ("-to", self.question.end)):
            words += [option, format_utc(time)] if time is not None else []
        self.command = line.replace("sqlrecover verify", shlex.join(words), 1)

    def carry_out(self, report: Report) -> Found:
        from sqlite_recovery_tui.storage.open import open_store
        from sqlite_recovery_tui.verify.bisect import Bisection, Question, passing_scratch
        from sqlite_recovery_tui.verify.stops import Line, between, stops

        ref, timeline = self.place.ref, self.place.timeline
        assert timeline is not None
        line = Line(timeline, ref.database_name, self.place.replica, self.place.url)
        states = between(stops(timeline), self.question.start, self.question.end)
        store = open_store(ref.replica, clock=self.clock)
        try:
            with passing_scratch(self.scratch_dir, self.place.database, line.plan(states[0])) as path:
                search = Bisection(
                    store,
                    line,
                    Question(self.question.sql, self.question.expect),
                    path,
                    identities=ref.identities,
                    clock=self.clock,
                    progress=report.progress,
                    cancel=report.cancel,
                )
                return search.run(states)
        finally:
            store.close()

    def kept(self, found: Found) -> dict[str, Any]:
        """Return what the history keeps of what was found."""
        answers = {"before": found.before.answer.text, "after": found.after.answer.text}
        return {
            "position": str(found.after.place),
            "point_time": found.after.stop.time,
            "results": {**answers, "steps": found.steps, "states": found.states},
        }
