"""`sqlrecover bisect`: the first commit at which the answer to a question changed, and what it did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sqlite_recovery_tui.cli.options import replica_option, subcommand, target_argument
from sqlite_recovery_tui.cli.session import Session
from sqlite_recovery_tui.errors import NotFoundError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from sqlite_recovery_tui.replica.fleet import ReplicaRef, ReplicaState
    from sqlite_recovery_tui.verify.bisect import Found, Seen
    from sqlite_recovery_tui.verify.stops import Line, Stop


@subcommand("bisect")
@target_argument(required=True)
@replica_option
@click.option("--sql", required=True, metavar="QUERY", help="What is asked of every state: one SELECT.")
@click.option("--expect", metavar="V", help="Only whether the answer is V counts.")
@click.option("--from", "start", metavar="T", help="Search from this time on; the oldest state.")
@click.option("--to", "end", metavar="T", help="Search up to this time; the newest state.")
@click.option(
    "--seconds", type=float, default=60, show_default=True, metavar="N", help="For each answer; 0: no limit."
)
@click.option("--keep", is_flag=True, help="Keep the scratch, at the state in front of the change.")
def command(session: Session, target: str, replica: str | None, **wished: Any) -> int:
    """Find the first commit at which the answer to a query changed, by binary search.

    `sqlrecover bisect --sql "SELECT count(*) > 0 FROM orders WHERE id = 42" app.db` tells when that order
    came or went: the states on both sides, their positions and times, the rows that the commit changed,
    and how to restore the state in front of it. A state that cannot answer (no such table) answers with
    that. One scratch is restored, and moved from state to state; it is deleted afterwards, unless --keep.
    Exit code 3: the answer does not differ between the ends.
    """
    asked = " ".join(wished["sql"].split())
    with session.act("bisect", asked=asked) as act:
        state = _state(session, target, replica)
        act.begin(database=state.ref.database_name, replica=state.ref.replica.name, url=state.ref.replica.url)
        line, stops = _line(session, state, wished["start"], wished["end"])
        with _scratch(session, state.ref, line, stops[0], keep=wished["keep"]) as path:
            found = _search(session, state.ref, line, stops, path=path, wished=wished)
            act.learn(position=str(found.after.place), point_time=found.after.stop.time)
            act.learn(results={"before": found.before.answer.text, "after": found.after.answer.text})
            _tell(session, state.ref, found, path if wished["keep"] else None)
    return 0


def _state(session: Session, target: str, replica: str | None) -> ReplicaState:
    """Return the replica to search: the one that covers most, of those that can be listed."""
    from sqlite_recovery_tui.cli.listing import scan_all

    states = scan_all(session, session.refs(target, replica))
    good = [state for state in states if state.timeline is not None and state.timeline.oldest is not None]
    if not good:
        error = next((state.error for state in states if state.error is not None), None)
        raise error or NotFoundError(f"nothing can be restored of {target}", hint="see `sqlrecover timeline`")
    for state in states:
        if state.error is not None:
            session.err.warning(f"{state.ref.label} is not searched: {state.error}")
    return max(good, key=_covered)


def _covered(state: ReplicaState) -> float:
    assert state.timeline is not None
    return sum(span.length.total_seconds() for span in state.timeline.coverage())


def _line(
    session: Session, state: ReplicaState, start: str | None, end: str | None
) -> tuple[Line, list[Stop]]:
    from sqlite_recovery_tui.restore.target import parse_time
    from sqlite_recovery_tui.verify.stops import Line, between, stops

    assert state.timeline is not None
    now = session.clock.now()
    low, high = (parse_time(text, now=now).time if text is not None else None for text in (start, end))
    ref = state.ref
    line = Line(state.timeline, ref.database_name, ref.replica.name, ref.replica.url)
    return line, between(stops(state.timeline), low, high)


def _scratch(
    session: Session, ref: ReplicaRef, line: Line, first: Stop, *, keep: bool
) -> AbstractContextManager[Path]:
    from sqlite_recovery_tui.config import Settings
    from sqlite_recovery_tui.verify.bisect import passing_scratch

    folder = (session.settings_for(None) or Settings()).scratch_dir
    return passing_scratch(folder, ref.database_name or "database.db", line.plan(first), keep=keep)


def _search(
    session: Session, ref: ReplicaRef, line: Line, stops: list[Stop], *, path: Path, wished: dict[str, Any]
) -> Found:
    from sqlite_recovery_tui.cli.files import time_limit
    from sqlite_recovery_tui.storage.open import open_store
    from sqlite_recovery_tui.verify.bisect import Bisection, Question

    question = Question(wished["sql"], wished["expect"], time_limit(wished["seconds"]))
    store = open_store(ref.replica, clock=session.clock)
    try:
        with session.meter() as meter:
            search = Bisection(
                store,
                line,
                question,
                path,
                identities=ref.identities,
                clock=session.clock,
                progress=meter,
                cancel=session.cancel,
            )
            return search.run(stops)
    finally:
        store.close()


def _tell(session: Session, ref: ReplicaRef, found: Found, kept: Path | None) -> None:
    from sqlite_recovery_tui.cli.changes import tell_changes, to_json
    from sqlite_recovery_tui.cli.listing import identity
    from sqlite_recovery_tui.words import plural

    out = session.out
    steps = f"{plural(found.steps, 'step')} among {found.states:,} states"
    out.marked("bold", "changed", f"  {ref.label}, found in {steps}")
    out.facts([*_facts("before", found.before), *_facts("after", found.after)])
    out.line()
    tell_changes(session, found.changes)
    out.lines(f"note: {note}" for note in found.notes)
    name = ref.database_name or ref.replica.url
    again = " ".join(["sqlrecover restore -o FILE", *found.before.stop.words, name])
    out.line(f"the state in front of it: {again}")
    if kept is not None:
        out.line(f"scratch, at that state: {kept}")
    session.document(
        {
            **identity(ref),
            "before": found.before.to_json(),
            "after": found.after.to_json(),
            "steps": found.steps,
            "states": found.states,
            "changes": to_json(found.changes),
            "notes": list(found.notes),
            "scratch": str(kept) if kept is not None else None,
        }
    )


def _facts(name: str, seen: Seen) -> list[tuple[str, object]]:
    from sqlite_recovery_tui.words import both_zones

    return [(name, seen.answer.text), ("", both_zones(seen.stop.time)), ("", f"at {seen.place}")]
