"""`sqlrecover history`: what was done, when, by whom and with what result; an incident as a report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sqlite_recovery_tui.cli.options import subcommand
from sqlite_recovery_tui.cli.session import Session
from sqlite_recovery_tui.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlite_recovery_tui.history.entry import Entry

LIMIT = 100
_STYLES = {"ok": "ok", "damaged": "fail", "failed": "fail"}


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The options as they were typed."""

    database: str | None
    kind: str | None
    since: str | None
    until: str | None
    limit: int | None
    output: Path | None


@subcommand("history")
@click.argument("action", type=click.Choice(["list", "show", "export"]), default="list")
@click.argument("number", type=int, required=False, metavar="[ID]")
@click.option("--database", metavar="DB", help="Only acts on this database, replica URL or file.")
@click.option("--kind", metavar="KIND", help="Only acts of this kind: restore, verify, drill, promote …")
@click.option("--since", metavar="T", help="Only what began at this time or later.")
@click.option("--until", metavar="T", help="Only what began at this time or earlier.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help=f"The newest N.  [default: {LIMIT}]")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="With export: write to this file."
)
def command(session: Session, action: str, number: int | None, **wished: object) -> int:
    """List acts, show one in full, or export an incident as Markdown.

    Every restore, verify and drill, and whatever changes a production database, is kept in
    $XDG_STATE_HOME/sqlrecover/history.db (default: ~/.local/state) with who did it, what was asked for and
    reached, what was shown, and the command line that does the same again. `show ID` tells all of one;
    `export` writes what happened between two times as a report that says what was chosen, proven and lost.
    Times are written as for `sqlrecover restore`. An existing file is never overwritten.
    """
    wanted = Wanted(**wished)  # type: ignore[arg-type]
    _check(action, number, wanted)
    if number is not None:
        return _show(session, number)
    return _export(session, wanted) if action == "export" else _list(session, wanted)


def _check(action: str, number: int | None, wanted: Wanted) -> None:
    if action == "show" and number is None:
        raise UsageError("history show takes the number of an act", hint="`sqlrecover history` lists them")
    if action != "show" and number is not None:
        raise UsageError(f"history {action} takes no number", hint=f"`sqlrecover history show {number}` does")
    if action != "export" and wanted.output is not None:
        raise UsageError("-o goes with `sqlrecover history export`", hint="leave it out")


def _entries(session: Session, wanted: Wanted, limit: int | None) -> list[Entry]:
    return session.history.entries(
        kind=wanted.kind,
        database=wanted.database,
        since=_time(session, wanted.since),
        until=_time(session, wanted.until),
        limit=wanted.limit or limit,
    )


def _time(session: Session, text: str | None) -> datetime | None:
    from sqlite_recovery_tui.restore.target import parse_time

    return parse_time(text, now=session.clock.now()).time if text is not None else None


def _list(session: Session, wanted: Wanted) -> int:
    from sqlite_recovery_tui.words import plural

    found = _entries(session, wanted, LIMIT)
    session.document({"history": str(session.history.path), "entries": [entry.to_json() for entry in found]})
    if not found:
        session.out.line(f"nothing recorded in {session.history.path}")
        return 0
    session.out.table(
        ("id", "began", "act", "on", "reached", "took", "outcome"), [_row(entry) for entry in found]
    )
    if len(found) == (wanted.limit or LIMIT):
        session.err.note(f"only the newest {plural(len(found), 'act')}; -limit N shows more")
    return 0


def _row(entry: Entry) -> Sequence[object]:
    from sqlite_recovery_tui.history import telling
    from sqlite_recovery_tui.words import rfc3339, span

    return (
        entry.id,
        rfc3339(entry.started),
        entry.kind,
        entry.subject,
        rfc3339(entry.point_time) if entry.point_time else "-",
        span(entry.duration) if entry.duration is not None else "-",
        telling.state(entry) + (f": {entry.error}" if entry.error else ""),
    )


def _show(session: Session, number: int) -> int:
    from sqlite_recovery_tui.history import telling

    entry = session.history.entry(number)
    style = _STYLES.get(entry.state, "warn")
    session.out.marked(style, telling.state(entry), f"  {telling.title(entry)}")
    session.out.facts(telling.facts(entry))
    session.document({"entry": entry.to_json()})
    return 0


def _export(session: Session, wanted: Wanted) -> int:
    from sqlite_recovery_tui.history import report
    from sqlite_recovery_tui.words import plural

    found = _entries(session, wanted, None)
    if not found:
        raise NotFoundError(
            "there is nothing in the history to export",
            object=str(session.history.path),
            hint="`sqlrecover history` lists what there is",
        )
    text = report.markdown(found, session.clock.now())
    if wanted.output is None:
        session.out.lines(text.splitlines())
    else:
        report.write(text, wanted.output)
        session.out.line(f"{plural(len(found), 'act')} written to {wanted.output}")
    output = str(wanted.output) if wanted.output is not None else None
    session.document({"output": output, "acts": len(found), "markdown": None if output else text})
    return 0
