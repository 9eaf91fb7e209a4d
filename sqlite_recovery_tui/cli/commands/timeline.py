"""`sqlrecover timeline`: what is covered, what is missing, and the points one can go back to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from sqlite_recovery_tui.cli.options import replica_option, subcommand, target_argument
from sqlite_recovery_tui.cli.session import Session
from sqlite_recovery_tui.words import ago, both_zones, plural, rfc3339, size, span

if TYPE_CHECKING:
    from datetime import datetime

    from sqlite_recovery_tui.domain import Gap, RestorePoint
    from sqlite_recovery_tui.replica.fleet import ReplicaState
    from sqlite_recovery_tui.replica.grain import Grain
    from sqlite_recovery_tui.replica.timeline import Timeline


@subcommand("timeline")
@target_argument(required=True)
@replica_option
@click.option("--points", is_flag=True, help="List every restore point.")
@click.option("--commits", is_flag=True, help="List every commit of which the time was noted.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Only the last N of either.")
def command(
    session: Session, target: str, replica: str | None, *, points: bool, commits: bool, limit: int | None
) -> int:
    """Show the time each replica covers, how fine it can be restored, what it holds and what is missing.

    Restore points lie apart as is said where history is active; Litestream 0.5 thins out what is
    older. With --points each of them is listed, with --commits each commit inside them and when it was
    made, which `sqlrecover replicate` notes of every WAL that has ended.
    """
    from sqlite_recovery_tui.cli.listing import errors_of, report_errors, scan_all, single_error

    states = scan_all(session, session.refs(target, replica))
    single_error(states)
    documents = []
    for state in states:
        if state.timeline is not None:
            wants_points = points or (limit is not None and not commits)
            view = _View.of(state, state.timeline, wants_points, limit)
            if commits:
                view = replace(view, commits=_commits(session, state, limit))
            _print(session, view)
            documents.append(_document(view, session.clock.now()) if session.out.as_json else {})
    code = report_errors(session, states)
    session.document({"replicas": documents, "errors": errors_of(states)})
    return code


@dataclass(frozen=True)
class _View:
    """One replica's timeline, and what takes a walk over all its points to know."""

    state: ReplicaState
    timeline: Timeline
    grain: Grain
    total: int
    listed: Sequence[RestorePoint] | None
    commits: Sequence[RestorePoint] | None = None

    @classmethod
    def of(cls, state: ReplicaState, timeline: Timeline, wants_points: bool, limit: int | None) -> _View:
        from sqlite_recovery_tui.replica.grain import grain_of

        times = list(timeline.point_times())
        listed = list(timeline.points())[-limit if limit else 0 :] if wants_points else None
        return cls(state, timeline, grain_of(times), len(times), listed)


def _print(session: Session, view: _View) -> None:
    from sqlite_recovery_tui.replica.grain import describe_grain

    state, timeline, listed = view.state, view.timeline, view.listed
    out, now = session.out, session.clock.now()
    out.marked("bold", state.ref.label, f"  {state.ref.replica.url}" if state.ref.database else "")
    spans = timeline.coverage()
    if timeline.oldest is None or timeline.newest is None:
        out.line("  nothing can be restored from here")
    else:
        covered = sum(item.length.total_seconds() for item in spans)
        out.facts(
            [
                ("  from", both_zones(timeline.oldest.time)),
                ("  to", f"{both_zones(timeline.newest.time)}, {ago(timeline.newest.time, now)}"),
                ("  covered", f"{span(covered)} in {plural(len(spans), 'span')}"),
                ("  position", timeline.newest.reached),
                ("  points every", describe_grain(view.grain, now)),
                (
                    "  stored",
                    f"{plural(timeline.objects, 'object')} in {timeline.holds}, {size(timeline.size)}",
                ),
            ]
        )
    if timeline.lanes:
        out.line()
        _print_lanes(session, timeline)
    if len(spans) > 1:
        out.line()
        out.table(
            ("  covered from", "to", "length"),
            [
                (f"  {rfc3339(item.start)}", rfc3339(item.end), span(item.length.total_seconds()))
                for item in spans
            ],
        )
    for gap in timeline.gaps():
        out.line()
        _print_gap(session, gap)
    if listed is not None:
        out.line()
        out.line(f"  {plural(view.total, 'restore point')}" + _limited(len(listed), view.total))
        _print_points(session, listed)
    if view.commits is not None:
        out.line()
        out.line(f"  {plural(len(view.commits), 'commit')} whose time was noted")
        _print_points(session, view.commits)
    out.line()


def _print_points(session: Session, points: Sequence[RestorePoint]) -> None:
    session.out.table(
        ("  time", "position", "object"),
        [
            (f"  {rfc3339(point.time, fraction=True)}", str(point.reached), point.key.rpartition("/")[2])
            for point in points
        ],
    )


def _commits(session: Session, state: ReplicaState, limit: int | None) -> Sequence[RestorePoint]:
    """Return the commits whose times were noted; no segment is read for that."""
    from contextlib import closing

    from sqlite_recovery_tui.replica.commit_times import noted_commits
    from sqlite_recovery_tui.storage.open import open_store

    assert state.timeline is not None
    with closing(open_store(state.ref.replica, clock=session.clock)) as store:
        return noted_commits(store, state.timeline, limit=limit, cancel=session.cancel)


def _print_lanes(session: Session, timeline: Timeline) -> None:
    """Print each generation or level, and below them what is worth knowing of how objects lie."""
    session.out.table(
        ("  lane", "holds", "size", "from", "to"),
        [
            (
                f"  {lane.title}" + (f" ({lane.about})" if lane.about else ""),
                lane.holds,
                size(lane.size),
                rfc3339(lane.start),
                rfc3339(lane.end),
            )
            for lane in timeline.lanes
        ],
    )
    session.out.lines(f"  {remark}" for lineage in timeline.lineages for remark in lineage.remarks)


def _limited(shown: int, total: int) -> str:
    return f", the last {shown:,} shown" if shown < total else ""


def _print_gap(session: Session, gap: Gap) -> None:
    style, word = ("fail", "gap") if gap.is_damage else ("warn", "pause")
    if gap.kind == "expired":
        style, word = "dim", "expired"
    session.out.marked(style, f"  {word}", f"  {gap.message}")
    before = f"{both_zones(gap.before.time)} ({gap.before.position.label})" if gap.before else "none"
    after = f"{both_zones(gap.after.time)} ({gap.after.position.label})" if gap.after else "none"
    session.out.line(f"       last point before it: {before}")
    session.out.line(f"       next point after it:  {after}")


def _document(view: _View, now: datetime) -> dict[str, Any]:
    from sqlite_recovery_tui.cli.listing import identity
    from sqlite_recovery_tui.replica.lineage import to_json

    document = {
        **identity(view.state.ref),
        **view.timeline.to_json(),
        "grain": view.grain.to_json(now),
        "lineages": [to_json(lineage) for lineage in view.timeline.lineages],
    }
    if view.listed is not None:
        document["points"] = [point.to_json() for point in view.listed]
    if view.commits is not None:
        document["commits"] = [point.to_json() for point in view.commits]
    return document
