"""What is proven about a restored database so far: each check with its state, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from textual.content import Content

from sqlite_recovery_tui.errors import Cancelled, RecoverError
from sqlite_recovery_tui.progress import Progress
from sqlite_recovery_tui.tui import phrases, text, wording
from sqlite_recovery_tui.tui.state import Status

if TYPE_CHECKING:
    from sqlite_recovery_tui.restore.run import RestoreResult
    from sqlite_recovery_tui.sqlite.messages import CheckKind, CheckReport
    from sqlite_recovery_tui.tui.jobs import RestoreJob
    from sqlite_recovery_tui.tui.work import Draft

CHECKS: tuple[tuple[CheckKind, str], ...] = (
    ("quick", "quick check"),
    ("full", "full check"),
    ("foreign-keys", "foreign keys"),
)
"""In the order they run: what answers soonest first."""

_PREVIEW = "pages come from the replica as they are looked at; R restores and proves all of it"
_STYLES = {
    "ok": "$text-success",
    "warn": "$text-warning",
    "bad": "bold $text-error",
    "accent": "$text-primary",
    "muted": text.MUTED,
}


@dataclass(frozen=True)
class Subject:
    """A database file to look into, and what is known of where it came from."""

    path: Path
    name: str
    result: RestoreResult | None = None
    draft: Draft | None = None
    """The restore that was only planned: then `path` is not there, and pages come from the replica."""
    moved_to: datetime | None = None
    """The time of the commit that it was stepped to since."""

    @staticmethod
    def of(job: RestoreJob) -> Subject:
        """Return the database that a restore made."""
        assert job.result is not None
        return Subject(job.output, job.place.database, job.result)

    @staticmethod
    def planned(draft: Draft) -> Subject:
        """Return the database that a restore would make."""
        return Subject(draft.output, draft.place.database, draft=draft)

    @property
    def time(self) -> datetime | None:
        """The time of its state, as far as that is known."""
        if self.moved_to is not None:
            return self.moved_to
        if self.result is not None:
            return self.result.time
        return self.draft.plan.point.time if self.draft is not None else None


@dataclass
class Check:
    """One check of a database, waiting, running, or with its report."""

    kind: CheckKind
    title: str
    running: bool = False
    progress: Progress | None = None
    report: CheckReport | None = None
    error: RecoverError | None = None

    @property
    def status(self) -> Status:
        if self.report is not None:
            match self.report.verdict:
                case "ok":
                    return Status("✓", "ok", "ok")
                case "damaged":
                    return Status("✗", "damaged", "bad")
                case "not-checkable":
                    return Status("▲", "not checkable", "warn")
                case "timed-out":
                    return Status("▲", "timed out", "warn")
        if self.error is not None:
            stopped = isinstance(self.error, Cancelled)
            return Status("‖", "stopped", "muted") if stopped else Status("✗", "failed", "bad")
        return Status("◐", "running", "accent") if self.running else Status("◌", "waiting", "muted")

    @property
    def detail(self) -> str:
        """What there is to add to the status."""
        if self.report is not None:
            words = [phrases.seconds(self.report.seconds), *self.report.messages[:1]]
            if self.report.ok:
                words = words[:1]
            more = len(self.report.messages) - 1
            return " · ".join(words) + (f" (and {more} more, v shows all)" if more > 0 else "")
        if self.error is not None and not isinstance(self.error, Cancelled):
            failure, hint = wording.words(self.error), wording.hint(self.error)
            return f"{failure} → {hint}" if hint else failure
        if self.running and self.progress is not None:
            progress = self.progress
            of = f" {progress.done:,} of {progress.total:,} {progress.unit}" if progress.total else ""
            return f"{progress.phase}{of} {progress.detail}".rstrip()
        return ""


@dataclass
class Proof:
    """Continuity from the restore, and the checks of the file."""

    subject: Subject
    checks: list[Check] = field(init=False)
    kept: bool = False
    """Whether what it found has been written down."""

    def __post_init__(self) -> None:
        """Check whatever is a file; of a preview only the pages that were looked at are there."""
        self.checks = [Check(kind, title) for kind, title in CHECKS if self.subject.draft is None]

    @property
    def done(self) -> bool:
        return all(check.report is not None or check.error is not None for check in self.checks)

    @property
    def status(self) -> Status:
        """Say what has been shown, and never more than was checked."""
        checks = self.checks
        result = self.subject.result
        if self.subject.draft is not None:
            return Status("▲", "preview", "warn")
        if any(check.status.role == "bad" for check in checks) or (result and result.continuity == "damaged"):
            return Status("✗", "damaged", "bad")
        if not self.done:
            return Status("◐", "checking", "accent")
        if any(check.report is None or not check.report.ok for check in checks):
            return Status("▲", "not fully checked", "warn")
        if result is not None and result.lost:
            return Status("▲", "sound, but not everything is there", "warn")
        return Status("✓", "every check passed", "ok")

    def lines(self) -> Iterator[Content]:
        """Yield one line for continuity and one for each check."""
        result = self.subject.result
        if self.subject.draft is not None:
            yield _line(Status("▲", "nothing is proven", "warn"), "preview", _PREVIEW)
        if result is not None:
            yield _line(*self._continuity(result))
            for lost in result.lost:
                yield _line(Status("✗", "lost", "bad"), "", wording.words(lost))
        for check in self.checks:
            yield _line(check.status, check.title, check.detail)

    def everything(self) -> Iterator[Content]:
        """Yield all that restore and checks had to say."""
        yield from self.lines()
        result = self.subject.result
        if result is not None:
            for title, words in (("note", result.notes), ("not proven", result.unproven)):
                for word in words:
                    yield text.line((f"  {title}: ", text.MUTED), wording.words(word))
        for check in self.checks:
            report = check.report
            for message in report.messages if report is not None and not report.ok else ():
                yield text.line((f"  {check.title}: ", text.MUTED), message)
            if report is not None and report.notice:
                yield text.line((f"  {check.title}: ", text.MUTED), report.notice)

    def _continuity(self, result: RestoreResult) -> tuple[Status, str, str]:
        if result.continuity == "proven":
            return Status("✓", "proven", "ok"), "continuity", "nothing rests on trust"
        if result.continuity == "damaged":
            return Status("✗", "damaged", "bad"), "continuity", "see what is lost"
        open_points = len(result.unproven)
        why = (
            f"nothing contradicts; {phrases.many(open_points, 'point')} not proven (v)" if open_points else ""
        )
        return Status("✓", "consistent", "ok"), "continuity", why


def _line(status: Status, title: str, detail: str) -> Content:
    return text.line(
        (f"{status.glyph} ", _STYLES.get(status.role, "")),
        (text.fit(title, 14), ""),
        (status.word, _STYLES.get(status.role, "")),
        (f" · {detail}" if detail else "", text.MUTED),
    )
