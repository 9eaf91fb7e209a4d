"""`sqlrecover query`: one read-only statement on a database file."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

import click

from sqlite_recovery_tui.cli.options import subcommand, target_argument
from sqlite_recovery_tui.cli.session import Session
from sqlite_recovery_tui.errors import UsageError

if TYPE_CHECKING:
    from sqlite_recovery_tui.sqlite.inspector import Inspector

_ROWS = 1000
_MOST_ROWS = 10_000


@subcommand("query")
@target_argument(required=True, what="FILE|DB")
@click.argument("sql", metavar="SQL")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV: every row and every value whole.")
@click.option(
    "--limit", type=click.IntRange(1), metavar="N", help=f"How many rows (default: {_ROWS}, with -csv all)."
)
@click.option(
    "--seconds", type=float, default=60, show_default=True, metavar="N", help="Time limit; 0: none."
)
@click.option("--plan", is_flag=True, help="Show how SQLite would go about it (EXPLAIN QUERY PLAN).")
def command(
    session: Session, *, target: str, sql: str, as_csv: bool, limit: int | None, seconds: float, plan: bool
) -> int:
    """Run one read-only statement on a database file and print what it gives.

    The file is opened as untrusted input by a process of its own, and never written. Tables and --json
    show the first KiB of long values; --csv and `sqlrecover export` give all of them.
    """
    from sqlite_recovery_tui.cli.files import looking_into, marking, time_limit

    if as_csv and session.common.as_json:
        raise UsageError("-csv and -json exclude one another", hint="give one of them")
    if not as_csv and limit is not None and limit > _MOST_ROWS:
        raise UsageError(
            f"-limit goes to {_MOST_ROWS:,} here",
            hint="with -csv, or by `sqlrecover export`, all rows are given",
        )
    asked = time_limit(seconds)
    head = "EXPLAIN QUERY PLAN " if plan else ""
    with looking_into(session, target) as inspector, marking(head + sql):
        if as_csv:
            _print_csv(session, inspector, head + sql, limit, asked)
        else:
            _print_table(session, inspector, head + sql, limit or _ROWS, asked)
    return 0


def _print_csv(
    session: Session, inspector: Inspector, sql: str, limit: int | None, seconds: float | None
) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    report = inspector.export(
        lambda data: session.out.data(decoder.decode(data)),
        form="csv",
        sql=sql,
        limit=limit,
        seconds=seconds,
        cancel=session.cancel,
    )
    for notice in report.notices:
        session.err.warning(notice)


def _print_table(session: Session, inspector: Inspector, sql: str, limit: int, seconds: float | None) -> None:
    from sqlite_recovery_tui.cli.row_pages import page_member, short, tell_extent

    with session.meter() as meter:
        page = inspector.query(sql, limit=limit, seconds=seconds, progress=meter, cancel=session.cancel)
    session.out.table(page.columns, ([short(cell) for cell in row] for row in page.rows))
    tell_extent(session, page)
    session.document({"file": str(inspector.path), "sql": sql, **page_member(page)})
