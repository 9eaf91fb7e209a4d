"""What commands of checks have in common: the worst first for people, one line for monitors, exit codes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlite_recovery_tui.cli.session import Session
from sqlite_recovery_tui.errors import Cancelled, DamagedError, RecoverError
from sqlite_recovery_tui.words import plural

if TYPE_CHECKING:
    from sqlite_recovery_tui.replica.health import Check

_NAGIOS = {"ok": (0, "OK"), "warn": (1, "WARNING"), "fail": (2, "CRITICAL")}
_NAGIOS_UNKNOWN = 3
_DAMAGE = ("snapshot", "gaps")


@dataclass(frozen=True)
class Subject:
    """One thing that was looked at, and the outcome of its checks."""

    label: str
    checks: Sequence[Check]
    members: Mapping[str, Any] = field(default_factory=dict)
    """What tells it apart, for JSON."""
    error: RecoverError | None = None
    """Why it could not be looked at, or failed, where an error says so: its code is the exit code."""

    def to_json(self) -> dict[str, Any]:
        from sqlite_recovery_tui.replica.health import worst

        return {
            **self.members,
            "status": worst(self.checks),
            "checks": [check.to_json() for check in self.checks],
        }

    @property
    def code(self) -> int:
        """The exit code of the first check that failed, 0 when none did."""
        failed = next((check for check in self.checks if check.status == "fail"), None)
        if failed is None:
            return 0
        if self.error is not None:
            return self.error.code
        return DamagedError.code if failed.name in _DAMAGE else RecoverError.code


def report(
    session: Session,
    examine: Callable[[], Sequence[Subject]],
    *,
    noun: str,
    document: Callable[[Sequence[Subject]], dict[str, Any]],
    nagios: bool,
) -> int:
    """Examine and print, for `nagios` in one line that calls each subject a `noun`; return the exit code."""
    from sqlite_recovery_tui.replica.health import worst

    try:
        subjects = examine()
    except Cancelled:
        raise
    except RecoverError as error:
        if not nagios or session.out.as_json:
            raise
        session.out.line(f"SQLRECOVER UNKNOWN - {error}")
        return _NAGIOS_UNKNOWN
    status = worst([check for item in subjects for check in item.checks])
    session.document({"status": status, **document(subjects)})
    if nagios:
        return _nagios(session, subjects, noun)
    _print(session, subjects)
    return next((code for item in subjects if (code := item.code)), 0)


def _print(session: Session, subjects: Sequence[Subject]) -> None:
    """Print subjects and their checks, the worst first."""
    from sqlite_recovery_tui.replica.health import severity, worst

    for item in sorted(subjects, key=lambda item: -severity(worst(item.checks))):
        session.out.marked("bold", item.label)
        width = max((len(check.name) for check in item.checks), default=0)
        for check in sorted(item.checks, key=lambda check: -severity(check.status)):
            word = check.status.upper()
            session.out.marked(check.status, f"  {word:<4}", f"  {check.name:<{width}}  {check.message}")
            if check.hint:
                session.out.line(f"        {'':<{width}}  hint: {check.hint}")


def _nagios(session: Session, subjects: Sequence[Subject], noun: str) -> int:
    from sqlite_recovery_tui.replica.health import worst

    named = [(item.label, check) for item in subjects for check in item.checks]
    status = worst([check for _, check in named])
    code, word = _NAGIOS[status]
    bad = [f"{label} {check.name}: {check.message}" for label, check in named if check.status == status]
    what = (
        f"{plural(len(subjects), noun)}, {plural(len(named), 'check')} passed" if status == "ok" else bad[0]
    )
    more = f" (and {len(bad) - 1} more)" if status != "ok" and len(bad) > 1 else ""
    session.out.line(f"SQLRECOVER {word} - {what}{more}")
    return code
