"""`sqlrecover resume`: restores whose process died: list them, take one up again, or discard it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sqlite_recovery_tui.cli.options import subcommand
from sqlite_recovery_tui.cli.session import Session
from sqlite_recovery_tui.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlite_recovery_tui.replica.fleet import ReplicaRef
    from sqlite_recovery_tui.restore.unfinished import Unfinished


@subcommand("resume")
@click.argument("output", required=False, type=click.Path(path_type=Path), metavar="[OUT]")
@click.option("--discard", is_flag=True, help="Delete what was fetched instead of going on.")
def command(session: Session, output: Path | None, discard: bool) -> int:
    """List restores that were interrupted, or take the one to OUT up again.

    It goes on from what was fetched, by the plan it was begun with, to the very same state; a replica that
    no longer leads there by the same objects is refused (exit code 7). One that still runs is not listed.
    """
    if output is None:
        if discard:
            raise UsageError(
                "-discard takes the output of what to discard", hint="`sqlrecover resume` lists them"
            )
        return _list(session, _find(session))
    chosen = _chosen(_find(session), output)
    return _discard(session, chosen) if discard else _resume(session, chosen)


def _find(session: Session) -> list[Unfinished]:
    from sqlite_recovery_tui.config import Settings
    from sqlite_recovery_tui.restore.unfinished import find

    settings = session.settings or Settings()
    folders = [settings.scratch_dir]
    folders += [replica.scratch_dir for database in settings.databases for replica in database.replicas]
    return find(list(dict.fromkeys(folders)))


def _chosen(found: Sequence[Unfinished], output: Path) -> Unfinished:
    wanted = output.absolute()
    for unfinished in found:
        if unfinished.output == wanted:
            return unfinished
    raise NotFoundError(
        f"no interrupted restore to {output} is known",
        object=str(output),
        hint="`sqlrecover resume` lists those there are; one that still runs is not among them",
    )


def _list(session: Session, found: Sequence[Unfinished]) -> int:
    from sqlite_recovery_tui.words import ago, plural, rfc3339, size

    now = session.clock.now()
    if found:
        session.out.table(
            ("output", "database", "replica", "as of", "interrupted", "fetched"),
            [
                (
                    item.output,
                    item.database,
                    item.order.replica,
                    rfc3339(item.order.point.time),
                    ago(item.touched, now),
                    f"{item.fraction:.0%} of {size(item.order.fetch_bytes)}",
                )
                for item in found
            ],
        )
        session.out.line()
    session.out.line(f"{plural(len(found), 'interrupted restore')}")
    session.document({"unfinished": [item.to_json() for item in found]})
    return 0


def _discard(session: Session, unfinished: Unfinished) -> int:
    from sqlite_recovery_tui.restore.unfinished import discard

    discard(unfinished)
    session.out.line(f"discarded  {unfinished.output}")
    session.document({"discarded": unfinished.to_json()})
    return 0


def _resume(session: Session, unfinished: Unfinished) -> int:
    from sqlite_recovery_tui.cli.reports import command_line, result_facts
    from sqlite_recovery_tui.cli.restoring import lock_of
    from sqlite_recovery_tui.history.facts import of_restore, shown
    from sqlite_recovery_tui.restore.resume import resume

    ref, order = _ref(session, unfinished), unfinished.order
    with session.act("restore", output=str(unfinished.output)) as act:
        act.begin(database=order.database, replica=order.replica, url=order.url)
        with session.meter() as meter:
            result = resume(
                unfinished,
                ref,
                before_placing=lock_of(session, unfinished.output, order.replica, meter),
                progress=meter,
                cancel=session.cancel,
                clock=session.clock,
            )
        members = of_restore(result.to_json(), (result.plan.base, *result.plan.changes))
        act.finish(shown(members["verdict"], None), **members)
    session.out.marked("bold", "restored", f"  {ref.label} to {result.output}")
    session.out.facts(result_facts(result, why="it was begun so", integrity=None))
    session.out.line()
    session.out.line(f"next: {command_line('verify', result.output)}")
    session.document({**result.to_json(), "integrity": None, "restored": True})
    return 0


def _ref(session: Session, unfinished: Unfinished) -> ReplicaRef:
    """Return the replica that the restore was made from, with its credentials where it is configured."""
    from sqlite_recovery_tui.replica.fleet import refs

    return refs(session.settings, unfinished.order.url)[0]
