"""Rows of a database as a command prints them: cells cut to a line, JSON that says what was cut."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlite_recovery_tui.cli.session import Session
    from sqlite_recovery_tui.sqlite.messages import Cell, RowPage

_WIDEST_CELL = 60


def short(cell: Cell) -> str:
    """Return a cell as a table shows it."""
    return cell.text if len(cell.text) <= _WIDEST_CELL else f"{cell.text[: _WIDEST_CELL - 1]}…"


def value(cell: Cell) -> object:
    """Return a cell as JSON has it; what JSON cannot hold, and what was cut off, says what it is."""
    if isinstance(cell.value, bytes):
        return {"blob": cell.value.hex(), "size": cell.size_bytes, "truncated": cell.truncated}
    if cell.truncated:
        return {"text": cell.value, "size": cell.size_bytes, "truncated": True}
    if isinstance(cell.value, float) and cell.value in (float("inf"), float("-inf")):
        return {"real": str(cell.value)}
    return cell.value


def page_member(page: RowPage) -> dict[str, Any]:
    """Return the members of a document that hold rows."""
    return {
        "columns": list(page.columns),
        "rows": [[value(cell) for cell in row] for row in page.rows],
        "first": page.first,
        "has_more": page.has_more,
        "notice": page.notice or None,
    }


def tell_extent(session: Session, page: RowPage) -> None:
    """Say how many rows were printed, and whether there are more."""
    from sqlite_recovery_tui.words import plural

    more = "; there are more" if page.has_more else ""
    session.out.line()
    session.out.line(f"{plural(len(page.rows), 'row')} from row {page.first + 1:,} on{more}")
    if page.notice:
        session.out.line(page.notice)
