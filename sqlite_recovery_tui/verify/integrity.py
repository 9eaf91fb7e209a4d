"""Whether a database file is sound: its structure, and its foreign keys, with one verdict over both."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sqlite_recovery_tui.progress import CancelToken, ProgressFn, ignore_progress
from sqlite_recovery_tui.sqlite.inspector import Inspector
from sqlite_recovery_tui.sqlite.messages import CheckReport, Limits, Verdict

_WORST_FIRST: tuple[Verdict, ...] = ("damaged", "timed-out", "not-checkable", "ok")


@dataclass(frozen=True, slots=True)
class IntegrityReport:
    """The outcome of all checks of one file."""

    path: Path
    checks: tuple[CheckReport, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of the checks."""
        found = {check.verdict for check in self.checks}
        return next((verdict for verdict in _WORST_FIRST if verdict in found), "ok")

    @property
    def ok(self) -> bool:
        return self.verdict == "ok"

    @property
    def messages(self) -> tuple[str, ...]:
        """What the checks found, in their order."""
        return tuple(message for check in self.checks for message in check.messages)

    def to_json(self) -> dict[str, Any]:
        """Return the report as the command line's `--json` contract has it."""
        return {
            "file": str(self.path),
            "verdict": self.verdict,
            "ok": self.ok,
            "checks": [check.to_json() for check in self.checks],
        }


def check_database(
    path: Path,
    *,
    kind: Literal["quick", "full"] = "full",
    foreign_keys: bool = True,
    progress: ProgressFn = ignore_progress,
    cancel: CancelToken | None = None,
    limits: Limits = Limits(),  # noqa: B008  # it is frozen
) -> IntegrityReport:
    """Check a database file as untrusted input, without writing to it or beside it.

    Foreign keys are looked at only where the structure is sound. Raises `Cancelled`, and `NotFoundError`,
    `UsageError` or `RefusedError` when there is no such file, or it cannot be read.
    """
    with Inspector(path, limits=limits) as inspector:
        checks = [inspector.check(kind, progress=progress, cancel=cancel)]
        if foreign_keys and checks[0].verdict != "damaged":
            checks.append(inspector.foreign_keys(progress=progress, cancel=cancel))
    return IntegrityReport(path, tuple(checks))
