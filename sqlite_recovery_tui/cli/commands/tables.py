"""`sqlrecover tables`: the tables of a database file with their rows, columns and indexes."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from sqlite_recovery_tui.cli.options import subcommand, target_argument
from sqlite_recovery_tui.cli.session import Session
from sqlite_recovery_tui.errors import Cancelled, RecoverError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlite_recovery_tui.progress import ProgressFn
    from sqlite_recovery_tui.sqlite.details import TableDetails
    from sqlite_recovery_tui.sqlite.inspector import Inspector
    from sqlite_recovery_tui.sqlite.messages import TableInfo


@subcommand("tables")
@target_argument(required=True, what="FILE|DB")
@click.argument("table", required=False, metavar="[TABLE]")
@click.option("--no-count", is_flag=True, help="Do not count rows, which reads every table once.")
def command(session: Session, target: str, table: str | None, no_count: bool) -> int:
    """List the tables of a database file, or all that its schema says of one TABLE.

    The file is opened as untrusted input by a process of its own, and never written.
    """
    from sqlite_recovery_tui.cli.files import looking_into

    with looking_into(session, target) as inspector:
        if table is not None:
            with session.meter() as meter:
                found = inspector.details(table, sizes=True, progress=meter, cancel=session.cancel)
                rows = None if no_count else _count(inspector, found.name, session, meter)
            _tell_details(session, found, rows)
            return 0
        with session.meter() as meter:
            tables = inspector.tables(progress=meter, cancel=session.cancel)
            counted = [None if no_count else _count(inspector, each.name, session, meter) for each in tables]
    members = [_member(each, rows) for each, rows in zip(tables, counted, strict=True)]
    session.out.table(("table", "kind", "rows", "columns", "indexes"), map(_row, members))
    session.document({"file": str(inspector.path), "tables": members})
    return 0


def _count(inspector: Inspector, table: str, session: Session, meter: ProgressFn) -> int | RecoverError:
    try:
        return inspector.count(table, progress=meter, cancel=session.cancel)
    except Cancelled:
        raise
    except RecoverError as error:
        return error


def _member(table: TableInfo, rows: int | RecoverError | None) -> dict[str, Any]:
    return {
        "name": table.name,
        "kind": table.kind,
        "rows": rows if isinstance(rows, int) else None,
        "error": rows.to_json() if isinstance(rows, RecoverError) else None,
        "columns": [column.name for column in table.columns],
        "indexes": [index.name for index in table.indexes],
        "notice": table.notice or None,
    }


def _row(member: dict[str, Any]) -> tuple[object, ...]:
    rows = f"{member['rows']:,}" if member["rows"] is not None else "-"
    said = member["error"]["message"] if member["error"] else member["notice"]
    indexes = ", ".join(member["indexes"]) or "-"
    return member["name"], member["kind"], rows, ", ".join(member["columns"]) or said or "-", indexes


def _tell_details(session: Session, found: TableDetails, rows: int | RecoverError | None) -> None:
    session.out.marked("bold", found.name, f"  {found.kind}{' without rowid' if found.without_rowid else ''}")
    session.out.facts(_facts(found, rows))
    session.out.line()
    columns = ([each.name, each.type or "-", _column_words(each)] for each in found.columns)
    session.out.table(("column", "type", ""), columns)
    session.out.line()
    session.out.lines(found.sql.splitlines())
    for index in found.indexes:
        session.out.lines(index.sql.splitlines())
    for trigger in found.triggers:
        session.out.lines(trigger.sql.splitlines())
    count = rows if isinstance(rows, int) else None
    error = rows.to_json() if isinstance(rows, RecoverError) else None
    session.document({**asdict(found), "rows": count, "error": error})


def _facts(found: TableDetails, rows: int | RecoverError | None) -> Iterator[tuple[str, object]]:
    from sqlite_recovery_tui.words import size

    if rows is not None:
        yield "rows", f"{rows:,}" if isinstance(rows, int) else rows
    if found.bytes is not None:
        yield "size", size(found.bytes)
    for index in found.indexes:
        room = f", {size(index.bytes)}" if index.bytes is not None else ""
        kind = "unique " if index.unique else ""
        yield "index", f"{index.name}: {kind}({', '.join(index.columns)}){room}"
    for key in found.foreign_keys:
        referred = f"({', '.join(key.referred)})" if key.referred else ""
        yield "refers", f"({', '.join(key.columns)}) to {key.table}{referred}"
    for trigger in found.triggers:
        yield "trigger", trigger.name
    if found.notice:
        yield "notice", found.notice


def _column_words(column: Any) -> str:
    words = []
    if column.primary_key:
        words.append(f"primary key {column.primary_key}")
    if column.not_null:
        words.append("not null")
    if column.default is not None:
        words.append(f"default {column.default}")
    if column.generated:
        words.append("generated")
    return ", ".join(words)
