"""`sqlrecover export`: a table, or what a query gives, as CSV, JSON or SQL in a file of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from sqlite_recovery_tui.cli.options import subcommand, target_argument
from sqlite_recovery_tui.cli.session import Session
from sqlite_recovery_tui.errors import UsageError

if TYPE_CHECKING:
    from sqlite_recovery_tui.sqlite.inspector import ExportForm
    from sqlite_recovery_tui.sqlite.messages import ExportReport


@subcommand("export")
@target_argument(required=True, what="FILE|DB")
@click.argument("table", required=False, metavar="[TABLE]")
@click.option("--sql", metavar="QUERY", help="Export what this read-only query gives instead of a table.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, metavar="OUT", help="The new file."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "json", "jsonl", "sql"]),
    help="Default: what the name of the file ends with.",
)
@click.option("--where", metavar="EXPR", default="", help="Only rows of the table that meet this condition.")
@click.option("--columns", metavar="A,B", help="Only these columns of the table, in this order.")
@click.option("--no-create", is_flag=True, help="SQL: only INSERT, into a table that is there.")
@click.option("--seconds", type=float, default=0, show_default=True, metavar="N", help="Time limit; 0: none.")
def command(
    session: Session,
    *,
    target: str,
    table: str | None,
    sql: str | None,
    output: Path,
    form: Literal["csv", "json", "jsonl", "sql"] | None,
    where: str,
    columns: str | None,
    no_create: bool,
    seconds: float,
) -> int:
    """Write every row of a table, or of an answer, to a new file with mode 0600.

    SQL brings back every value exactly: blobs, broken text, NUL in text, all digits, infinities. CSV and
    JSON are UTF-8; blobs are hexadecimal in them. The file appears when it is whole and replaces none.
    """
    from sqlite_recovery_tui.cli.files import looking_into, marking, time_limit
    from sqlite_recovery_tui.sqlite.save import Wanted, export
    from sqlite_recovery_tui.sqlite.view import View

    _check_wish(table, sql, where, columns)
    names = tuple(name.strip() for name in (columns or "").split(",") if name.strip())
    wanted = Wanted(table or "", View(where=where, columns=names), sql or "", not no_create)
    chosen, limit = form or _form_of(output), time_limit(seconds)
    act = session.act("export", asked=sql or table)
    with act, looking_into(session, target) as inspector, marking(sql or where), session.meter() as meter:
        act.begin(output=str(output.absolute()), results={"from": target})
        report = export(
            inspector, wanted, output, chosen, seconds=limit, progress=meter, cancel=session.cancel
        )
        act.learn(results={"rows": report.rows, "bytes": report.bytes})
    _tell(session, output, chosen, report)
    return 0


def _check_wish(table: str | None, sql: str | None, where: str, columns: str | None) -> None:
    if (table is None) == (sql is None):
        raise UsageError("export takes a table or else -sql", hint="add -h for help")
    if sql is not None and (where or columns):
        raise UsageError("-where and -columns are for tables", hint="write them into the query")


def _form_of(output: Path) -> ExportForm:
    from sqlite_recovery_tui.sqlite.save import FORMS

    form = FORMS.get(output.suffix.lower())
    if form is None:
        raise UsageError(
            f"the name {output.name} does not say which format is wanted",
            hint="let it end with .csv, .json, .jsonl or .sql, or give -format",
        )
    return form


def _tell(session: Session, output: Path, form: str, report: ExportReport) -> None:
    from sqlite_recovery_tui.words import plural, size

    session.out.marked("ok", "exported", f"  {plural(report.rows, 'row')}, {size(report.bytes)}, to {output}")
    for notice in report.notices:
        session.err.warning(notice)
    session.document(
        {
            "output": str(output),
            "format": form,
            "rows": report.rows,
            "bytes": report.bytes,
            "notices": list(report.notices),
        }
    )
