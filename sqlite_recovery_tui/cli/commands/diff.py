"""`sqlrecover diff`: how two databases differ: schema, rows per table, and the rows themselves."""

from __future__ import annotations

import csv
import io
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from sqlite_recovery_tui.cli.options import subcommand
from sqlite_recovery_tui.cli.session import Session
from sqlite_recovery_tui.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlite_recovery_tui.sqlite.comparison import RowChange, Shape
    from sqlite_recovery_tui.verify.diff import Diff, OnRow, SchemaChange, TableDiff

    Writer = Callable[[Session], tuple[OnRow, Callable[[], None]]]
    """Returns what takes each row, and what ends the output."""

DIFFERENT = 1


@subcommand("diff")
@click.argument("left")
@click.argument("right")
@click.option("--table", "tables", multiple=True, metavar="T", help="Only this table; may be repeated.")
@click.option("--rows", is_flag=True, help="Show the rows that differ.")
@click.option("--limit", type=click.IntRange(1), default=100, metavar="N", help="Rows shown; 100.")
@click.option("--csv", "as_csv", is_flag=True, help="Print every differing value as CSV.")
@click.option("--sql", "as_sql", is_flag=True, help="Print SQL that makes LEFT what RIGHT is.")
def command(session: Session, left: str, right: str, tables: tuple[str, ...], **wished: Any) -> int:
    """Compare two databases: files, databases of the configuration, scratches, or DB@TIME.

    `app.db@latest` and `app.db@"10 min ago"` are restored from the best replica to a temporary file for it.
    Rows are matched by primary key, or by rowid. The exit code is 0 when nothing differs and 1 when
    something does. One of the two may be in use.
    """
    from sqlite_recovery_tui.history.facts import of_diff
    from sqlite_recovery_tui.verify.diff import comparing

    forms = [name for name in ("as_csv", "as_sql") if wished[name]]
    if len(forms) + session.common.as_json > 1:
        raise UsageError("--csv, --sql and --json exclude one another")
    with ExitStack() as stack:
        from sqlite_recovery_tui.cli.sides import side

        act = stack.enter_context(session.act("diff", asked=left, output=right))
        sides = side(session, left, stack), side(session, right, stack)
        act.begin()
        diff = stack.enter_context(comparing(*sides))
        names = diff.tables(tables)
        if forms:
            found = _stream(session, diff, names, _csv_writer if wished["as_csv"] else _sql_writer)
        else:
            found = _show(session, diff, names, wished["limit"] if wished["rows"] else 0)
        act.finish(**of_diff(len(diff.schema), [table.to_json() for table in found]))
        is_same = not diff.schema and all(table.is_same for table in found)
        return 0 if is_same else DIFFERENT


def _show(session: Session, diff: Diff, names: list[str], limit: int) -> list[TableDiff]:
    from sqlite_recovery_tui.cli.row_pages import value

    found: list[TableDiff] = []
    rows: dict[str, list[dict[str, Any]]] = {}

    def keep(shape: Shape, change: RowChange) -> None:
        kept = rows.setdefault(shape.name, [])
        if len(kept) < limit:
            sides = ((name, getattr(change, name)) for name in ("left", "right"))
            cells = {
                name: dict(zip(shape.columns, map(value, side), strict=True)) if side is not None else None
                for name, side in sides
            }
            kept.append({"change": change.change, **cells})

    with session.meter() as meter:
        for name in names:
            found.append(
                diff.table(name, on_row=keep if limit else None, progress=meter, cancel=session.cancel)
            )
    _tell(session, diff.schema, found, rows)
    is_same = not diff.schema and all(table.is_same for table in found)
    session.document(
        {
            "same": is_same,
            "schema": [change.to_json() for change in diff.schema],
            "tables": [
                {**table.to_json(), **({"rows": rows.get(table.name, [])} if limit else {})}
                for table in found
            ],
        }
    )
    return found


def _tell(
    session: Session,
    schema: tuple[SchemaChange, ...],
    tables: list[TableDiff],
    rows: dict[str, list[dict[str, Any]]],
) -> None:
    for change in schema:
        word = "only left" if change.right is None else "only right" if change.left is None else "changed"
        session.out.line(f"schema: {change.kind} {change.name}: {word}")
    session.out.table(
        ("table", "left", "right", "only left", "only right", "changed"),
        [
            (
                table.name,
                *map(_count, (table.left_rows, table.right_rows, table.removed, table.added, table.changed)),
            )
            for table in tables
        ],
    )
    for table in tables:
        if table.problem:
            session.err.warning(f"{table.name}: {table.problem}")
        for row in rows.get(table.name, []):
            session.out.line(f"{row['change']} {table.name}  {_row_words(row)}")


def _count(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"


def _row_words(row: dict[str, Any]) -> str:
    left, right = row["left"], row["right"]
    if left is None or right is None:
        return ", ".join(f"{name}={cell!r}" for name, cell in (left or right).items())
    return ", ".join(
        f"{name}={left[name]!r}" if left[name] == right[name] else f"{name}: {left[name]!r} → {right[name]!r}"
        for name in left
    )


def _stream(session: Session, diff: Diff, names: list[str], writer: Writer) -> list[TableDiff]:
    """Print the differences of all tables in a form for another program."""
    on_row, end = writer(session)
    found = []
    for change in diff.schema:
        session.err.warning(f"the schemas differ: {change.kind} {change.name}")
    for name in names:
        table = diff.table(name, on_row=on_row, exact=True, cancel=session.cancel)
        if table.problem:
            session.err.warning(f"{name} is left out: {table.problem}")
        found.append(table)
    end()
    return found


def _csv_writer(session: Session) -> tuple[OnRow, Callable[[], None]]:
    """Print a line for each value that differs: table, change, key, column, left, right."""
    line = io.StringIO()
    output = csv.writer(line, lineterminator="\n")

    def put(*cells: object) -> None:
        output.writerow(cells)
        session.out.data(line.getvalue())
        line.seek(0)
        line.truncate()

    def on_row(shape: Shape, change: RowChange) -> None:
        key = " ".join(map(_word, shape.key_of(change.row)))
        for number, column in enumerate(shape.columns):
            left, right = (side[number] if side is not None else None for side in (change.left, change.right))
            if change.change != "~" or type(left) is not type(right) or left != right:
                put(shape.name, change.change, key, column, _word(left), _word(right))

    put("table", "change", "key", "column", "left", "right")
    return on_row, lambda: None


def _word(value: object) -> str:
    if value is None:
        return ""
    return value.hex() if isinstance(value, bytes) else str(value)


def _sql_writer(session: Session) -> tuple[OnRow, Callable[[], None]]:
    """Print statements that make the left what the right is."""
    from sqlite_recovery_tui.promote.statements import left_to_right

    session.out.data("BEGIN IMMEDIATE;\nPRAGMA defer_foreign_keys = ON;\n")

    def on_row(shape: Shape, change: RowChange) -> None:
        session.out.data(left_to_right(shape, change).text + "\n")

    return on_row, lambda: session.out.data("COMMIT;\n")
