"""What a commit changed, as text and as JSON: schema, tables, and the first rows of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlite_recovery_tui.cli.row_pages import short, value

if TYPE_CHECKING:
    from sqlite_recovery_tui.cli.session import Session
    from sqlite_recovery_tui.sqlite.comparison import RowChange, Shape
    from sqlite_recovery_tui.verify.bisect import Changes

_SHOWN_ROWS = 5
_WORDS = {"+": "added", "-": "removed", "~": "changed"}


def tell_changes(session: Session, changes: Changes) -> None:
    """Print what changed."""
    out = session.out
    for change in changes.schema:
        word = "dropped" if change.right is None else "created" if change.left is None else "changed"
        out.line(f"schema: {change.kind} {change.name} {word}")
    for table in changes.tables:
        counts = ((table.added, "added"), (table.removed, "removed"), (table.changed, "changed"))
        told = ", ".join(f"{count:,} {word}" for count, word in counts if count) or table.problem
        if told:
            out.line(f"table {table.name}: {told}")
        own = [(shape, row) for shape, row in changes.rows if shape.name == table.name]
        out.lines(f"  {row.change} {_row(shape, row)}" for shape, row in own[:_SHOWN_ROWS])
        rest = sum(count or 0 for count, _ in counts) - _SHOWN_ROWS
        if own and rest > 0:
            out.line(f"  … and {rest:,} more")
    if changes.schema or changes.tables:
        out.line()


def _row(shape: Shape, change: RowChange) -> str:
    left, right = change.left, change.right
    if left is None or right is None:
        return ", ".join(
            f"{name}={short(cell)}" for name, cell in zip(shape.columns, change.row, strict=True)
        )
    cells = zip(shape.columns, left, right, strict=True)
    return ", ".join(
        f"{name}={short(one)}" if one == other else f"{name}: {short(one)} → {short(other)}"
        for name, one, other in cells
    )


def to_json(changes: Changes) -> dict[str, Any]:
    """Return what changed as documents have it."""
    return {
        "schema": [change.to_json() for change in changes.schema],
        "tables": [table.to_json() for table in changes.tables],
        "rows": [
            {
                "table": shape.name,
                "change": _WORDS[row.change],
                **{
                    side: dict(zip(shape.columns, map(value, cells), strict=True))
                    if cells is not None
                    else None
                    for side, cells in (("before", row.left), ("after", row.right))
                },
            }
            for shape, row in changes.rows
        ],
    }
