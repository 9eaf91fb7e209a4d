"""`sqlrecover check`: is every replica good to restore from; a line per check, or one for a monitor."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from sqlite_recovery_tui.cli import checks
from sqlite_recovery_tui.cli.checks import Subject
from sqlite_recovery_tui.cli.options import duration, replica_option, subcommand
from sqlite_recovery_tui.cli.session import Session

if TYPE_CHECKING:
    from collections.abc import Sequence


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
    return checks.report(
        session,
        lambda: _examine(session, targets, replica, max_behind),
        noun="replica",
        document=_document,
        nagios=nagios,
    )


def _examine(
    session: Session, targets: Sequence[str], replica: str | None, max_behind: timedelta | None
) -> list[Subject]:
    from sqlite_recovery_tui.cli.listing import identity, scan_all
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
        found = check_replica(state, now=state.as_of, live=live, limits=limits)
        examined.append(Subject(state.ref.label, found, identity(state.ref), state.error))
    return examined


def _document(examined: Sequence[Subject]) -> dict[str, Any]:
    return {"replicas": [item.to_json() for item in examined]}
