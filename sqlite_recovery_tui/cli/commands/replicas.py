"""`sqlrecover replicas`: every replica with its place, its reach and what stands in the way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sqlite_recovery_tui.cli.options import replica_option, subcommand, target_argument
from sqlite_recovery_tui.cli.session import Session
from sqlite_recovery_tui.words import ago, plural, size

if TYPE_CHECKING:
    from sqlite_recovery_tui.history.entry import Proven
    from sqlite_recovery_tui.replica.fleet import ReplicaState


_STATE = ("holds", "newest", "position", "gaps", "size", "proven")


@subcommand("replicas")
@target_argument(required=False)
@replica_option
def command(session: Session, target: str | None, replica: str | None) -> int:
    """List replicas: database, name, type, where, what they hold, the newest point to go back to, gaps, size.

    Without an argument: the replicas of every database. "proven" tells when this machine last restored and
    checked one, or read all of it, as `sqlrecover history` has it.
    """
    return show_replicas(session, target, replica)


def show_replicas(session: Session, target: str | None, replica: str | None) -> int:
    """Print one row for each replica; return the exit code."""
    from sqlite_recovery_tui.cli.listing import errors_of, report_errors, scan_all, single_error

    states = scan_all(session, session.refs(target, replica))
    single_error(states)
    session.out.table(
        ("database", "replica", "type", "bucket", "region", *_STATE, "url"),
        [_row(session, state) for state in states],
    )
    code = report_errors(session, states)
    session.document({"replicas": list(_members(session, states)), "errors": errors_of(states)})
    return code


def _row(session: Session, state: ReplicaState) -> tuple[object, ...]:
    replica, database = state.ref.replica, state.ref.database
    place = (replica.name, replica.type, replica.bucket or "-", replica.region or "-")
    name = database.name if database else "-"
    timeline = state.timeline
    if timeline is None:
        kind = state.error.kind if state.error else "-"
        return (
            name,
            *place,
            "-",
            kind,
            *["-"] * (len(_STATE) - 3),
            _proven(session, replica.url),
            replica.url,
        )
    point = timeline.newest
    newest = (ago(point.time, session.clock.now()), point.reached.label) if point else ("nothing", "-")
    gaps, proven = _gaps(len(timeline.holes)), _proven(session, replica.url)
    return (name, *place, timeline.holds or "-", *newest, gaps, size(timeline.size), proven, replica.url)


def _proven(session: Session, url: str) -> str:
    """Say when a replica was last shown to be restorable, or found damaged."""
    proven, damaged = _shown(session, url)
    if damaged is not None:
        return f"damaged {ago(damaged.at, session.clock.now())}"
    return ago(proven.at, session.clock.now()) if proven is not None else "-"


def _shown(session: Session, url: str) -> tuple[Proven | None, Proven | None]:
    """Return the last proof of a replica, and the last look at it if that found damage."""
    return session.history.last_proof(url), session.history.last_failure(url)


def _gaps(count: int) -> str:
    return plural(count, "gap") if count else "none"


def _members(session: Session, states: list[ReplicaState]) -> Iterator[dict[str, Any]]:
    from sqlite_recovery_tui.cli.listing import identity

    for state in states:
        replica = state.ref.replica
        proven, damaged = _shown(session, replica.url)
        yield {
            **identity(state.ref),
            "type": replica.type,
            "bucket": replica.bucket or None,
            "path": replica.path,
            "region": replica.region,
            "endpoint": replica.endpoint,
            "timeline": state.timeline.to_json() if state.timeline else None,
            "error": state.error.to_json() if state.error else None,
            "proven": proven.to_json() if proven else None,
            "found_damaged": damaged.to_json() if damaged else None,
        }
