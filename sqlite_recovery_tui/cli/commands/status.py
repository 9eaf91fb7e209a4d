"""`sqlrecover status`: what running daemons say of each database and replica."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from sqlite_recovery_tui.cli.options import subcommand
from sqlite_recovery_tui.cli.session import Session
from sqlite_recovery_tui.errors import NotFoundError
from sqlite_recovery_tui.words import plural, size

if TYPE_CHECKING:
    from pathlib import Path

Document = dict[str, Any]


@subcommand("status")
@click.argument("database", required=False, metavar="[DB]")
@click.option("--sync", is_flag=True, help="First ship what there is, and wait until it is durable.")
@click.option("--snapshot", is_flag=True, help="Have a snapshot made.")
def command(session: Session, database: str | None, sync: bool, snapshot: bool) -> int:
    """Ask the replication daemons of this user how far each replica is.

    For each: the last commit that is durable there and its age, what waits, how long writers were held, the
    next snapshot, the last error, the requests made. The exit code is 0 when everything is protected, 1
    when something is not, 3 when no daemon runs, or none has DB.
    """
    path = _path(session, database)
    found = [document for document in daemons(session, path) if document["databases"]]
    if not found:
        what = f"no running daemon replicates {database}" if database else "no replication daemon is running"
        raise NotFoundError(
            what, object=database or "", hint="start it with `sqlrecover replicate`, or as its user ask again"
        )
    if sync or snapshot:
        _ask_for(found, path, sync=sync, snapshot=snapshot)
        found = [document for document in daemons(session, path) if document["databases"]]
    for document in found:
        _tell(session, document)
    session.document({"daemons": [{k: v for k, v in each.items() if k != "socket"} for each in found]})
    healths = [each["health"] for document in found for each in document["databases"]]
    return 0 if set(healths) == {"protected"} else 1


def daemons(session: Session, database: Path | None = None) -> list[Document]:
    """Return the status of every daemon that answers; with `database`, of that one alone."""
    import os

    from sqlite_recovery_tui.replicate.control import ask, sockets

    settings = session.settings_for(None)
    named = settings.daemon.control_socket if settings else None
    found = []
    for path in sockets(named):
        try:
            document = ask(path, {"op": "status"})
        except OSError:  # it is gone, and its socket still lies there
            continue
        if database is not None:
            real = os.path.realpath(database)
            document["databases"] = [
                each for each in document["databases"] if os.path.realpath(each["database"]) == real
            ]
        found.append({**document, "socket": path})
    return found


def _path(session: Session, database: str | None) -> Path | None:
    from pathlib import Path

    if database is None:
        return None
    settings = session.settings_for(None)
    if settings is not None:
        try:
            return settings.database(database).path
        except NotFoundError:
            pass
    return Path(database).absolute()


def _ask_for(found: list[Document], path: Path | None, *, sync: bool, snapshot: bool) -> None:
    from sqlite_recovery_tui.replicate.control import ask

    about = {"database": str(path)} if path else {}
    for document in found:
        if snapshot:
            ask(document["socket"], {"op": "snapshot", **about})
        if sync:
            ask(document["socket"], {"op": "sync", "wait": 60, **about}, seconds=70)


def _tell(session: Session, document: Document) -> None:
    session.out.line(f"daemon {document['pid']}, since {document['since']}")
    for database in document["databases"]:
        style = {"protected": "ok", "behind": "warn"}.get(database["health"], "fail")
        why = f"  {database['reason']}" if database["reason"] else ""
        session.out.line()
        session.out.marked(style, database["health"], f"  {database['database']}{why}")
        session.out.facts(_facts(database))
        session.out.table(
            ("  replica", "health", "last durable commit", "behind", "next snapshot", "requests", "error"),
            [_row(replica) for replica in database["replicas"]],
        )


def _facts(database: Document) -> Iterator[tuple[str, object]]:
    if database["generation"]:
        began = f", began because {database['generation_began']}" if database["generation_began"] else ""
        yield "  generation", f"{database['generation']}{began}"
    if database["protected_since"]:
        yield "  protected since", database["protected_since"]
    held = f"{database['lock_seconds']:.3f} s, {database['longest_lock_seconds']:.3f} s at a time"
    yield "  writers held", held
    yield "  log", f"{size(database['wal_bytes'])}, database {size(database['database_bytes'])}"
    if database["blocked_by"]:
        yield "  held up by", database["blocked_by"]


def _row(replica: Document) -> tuple[object, ...]:
    age = replica["last_durable_commit_age_seconds"]
    last = f"{replica['last_durable_commit']} ({age:.1f} s ago)" if age is not None else "-"
    behind = (
        f"{plural(replica['backlog_commits'], 'commit')}, {size(replica['backlog_bytes'])}"
        if replica["backlog_commits"] or replica["backlog_bytes"]
        else "nothing"
    )
    requests = " ".join(f"{verb} {number}" for verb, number in sorted(replica["requests"].items()))
    return (
        f"  {replica['replica']}",
        replica["health"],
        last,
        behind,
        replica["next_snapshot"] or "-",
        requests or "-",
        replica["error"] or replica["reason"] or "-",
    )
