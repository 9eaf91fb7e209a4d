"""`sqlrecover check`: is every replica good to restore from; a line per check, or one for a monitor."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from sqlite_recovery_tui.cli.options import duration, replica_option, subcommand
from sqlite_recovery_tui.cli.session import Session
from sqlite_recovery_tui.errors import Cancelled, DamagedError, RecoverError
from sqlite_recovery_tui.words import plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlite_recovery_tui.replica.fleet import ReplicaState
    from sqlite_recovery_tui.replica.health import Check

_NAGIOS = {"ok": (0, "OK"), "warn": (1, "WARNING"), "fail": (2, "CRITICAL")}
_NAGIOS_UNKNOWN = 3
_DAMAGE = ("snapshot", "gaps")


@dataclass(frozen=True)
class Examined:
    """One replica and the outcome of its checks."""

    state: ReplicaState
    checks: tuple[Check, ...]


@subcommand("check")
@click.argument("targets", nargs=-1, metavar="[DB|URL]...")
@replica_option
@click.option(
    "--max-behind",
    metavar="D",
    callback=duration,
    help="Fail when the newest restore point is further behind than this, such as 15m.",
)
@click.option(
    "--nagios", is_flag=True, help="One summary line, exit 0, 1, 2 as monitors expect (3: unknown)."
)
def command(
    session: Session,
    targets: tuple[str, ...],
    replica: str | None,
    max_behind: timedelta | None,
    nagios: bool,
) -> int:
    """Check from listings alone that databases can be restored, how far back and how fresh.

    Without an argument: every database. Exit 0 when nothing failed (warnings included), 4 when history
    is missing, 6 when a storage does not answer, 1 for any other failure.
    """
    try:
        examined = _examine(session, targets, replica, max_behind)
    except Cancelled:
        raise
    except RecoverError as error:
        if not nagios or session.out.as_json:
            raise
        session.out.line(f"SQLRECOVER UNKNOWN - {error}")
        return _NAGIOS_UNKNOWN
    session.document(_document(examined))
    if nagios:
        return _nagios(session, examined)
    _print(session, examined)
    return next((code for item in examined if (code := _code(item))), 0)


def _examine(
    session: Session, targets: Sequence[str], replica: str | None, max_behind: timedelta | None
) -> list[Examined]:
    from sqlite_recovery_tui.cli.listing import scan_all
    from sqlite_recovery_tui.config import Threshold
    from sqlite_recovery_tui.replica.health import check_replica
    from sqlite_recovery_tui.replica.live import changed_at

    wanted: Sequence[str | None] = targets or [None]
    refs = [ref for target in wanted for ref in session.refs(target, replica)]
    examined = []
    for state in scan_all(session, refs):
        database = state.ref.database
        live = changed_at(database.path) if database else None
        limits = state.ref.replica.thresholds
        if max_behind is not None:
            limits = replace(limits, behind=Threshold(fail=max_behind))
        examined.append(Examined(state, check_replica(state, now=state.as_of, live=live, limits=limits)))
    return examined


def _print(session: Session, examined: Sequence[Examined]) -> None:
    """Print replicas and their checks, the worst first."""
    from sqlite_recovery_tui.replica.health import severity, worst

    for item in sorted(examined, key=lambda item: -severity(worst(item.checks))):
        session.out.marked("bold", item.state.ref.label)
        width = max(len(check.name) for check in item.checks)
        for check in sorted(item.checks, key=lambda check: -severity(check.status)):
            word = check.status.upper()
            session.out.marked(check.status, f"  {word:<4}", f"  {check.name:<{width}}  {check.message}")
            if check.hint:
                session.out.line(f"        {'':<{width}}  hint: {check.hint}")


def _code(item: Examined) -> int:
    """Return the exit code of the first check that failed."""
    failed = next((check for check in item.checks if check.status == "fail"), None)
    if failed is None:
        return 0
    if item.state.error is not None:
        return item.state.error.code
    return DamagedError.code if failed.name in _DAMAGE else RecoverError.code


def _nagios(session: Session, examined: Sequence[Examined]) -> int:
    from sqlite_recovery_tui.replica.health import worst

    named = [(item.state.ref.label, check) for item in examined for check in item.checks]
    status = worst([check for _, check in named])
    code, word = _NAGIOS[status]
    bad = [f"{label} {check.name}: {check.message}" for label, check in named if check.status == status]
    what = (
        f"{plural(len(examined), 'replica')}, {plural(len(named), 'check')} passed"
        if status == "ok"
        else bad[0]
    )
    more = f" (and {len(bad) - 1} more)" if status != "ok" and len(bad) > 1 else ""
    session.out.line(f"SQLRECOVER {word} - {what}{more}")
    return code


def _document(examined: Sequence[Examined]) -> dict[str, Any]:
    from sqlite_recovery_tui.cli.listing import identity
    from sqlite_recovery_tui.replica.health import worst

    return {
        "status": worst([check for item in examined for check in item.checks]),
        "replicas": [
            {
                **identity(item.state.ref),
                "status": worst(item.checks),
                "checks": [check.to_json() for check in item.checks],
            }
            for item in examined
        ],
    }
