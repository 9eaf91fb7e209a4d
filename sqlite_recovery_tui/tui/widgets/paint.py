"""Rows as styled segments; pure, and the place where every cell of every table is made safe."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from sqlite_recovery_tui.tui import text
from sqlite_recovery_tui.tui.widgets.rows import GUTTER, SPACE, Cell, Column, Placed, Role, Row

Styles = Callable[[str], Style]
"""Finds the style of a role."""


def header(
    style: Style, columns: Sequence[Column], placed: Sequence[Placed], sort: tuple[str, bool] | None
) -> list[Segment]:
    """Return the titles, with an arrow at the column that is sorted by."""
    segments = [Segment(" " * GUTTER, style)]
    for place in placed:
        column = columns[place.number]
        title = text.safe(column.title)
        if sort and sort[0] == column.key:
            arrow = " ▼" if sort[1] else " ▲"
            title = text.fit(title, min(text.width(title), place.width - len(arrow))) + arrow
        segments.append(Segment(text.fit(title, place.width, column.align) + " " * SPACE, style))
    return segments


def with_hints(strip: Strip, style: Style, *, before: bool, behind: bool) -> Strip:
    """Return a header that shows at its ends that there is more to either side."""
    width = strip.cell_length
    if width < 4 or not (before or behind):
        return strip
    first = Strip([Segment("‹", style)], 1) if before else strip.crop(0, 1)
    last = Strip([Segment("›", style)], 1) if behind else strip.crop(width - 1, width)
    return Strip.join([first, strip.crop(1, width - 1), last])


def wide_row(row: Row, base: Style, styles: Styles, room: int) -> list[Segment]:
    """Return a row whose cells follow one another over all columns."""
    segments = []
    for cell in row.cells:
        shown, role = parts(cell, row.role)
        shown = text.fit(shown, min(room, text.width(shown)))
        segments.append(Segment(shown, base + styles(role)))
        room -= text.width(shown)
    return segments


def row(
    row: Row,
    base: Style,
    styles: Styles,
    columns: Sequence[Column],
    placed: Sequence[Placed],
    *,
    chosen: int | None = None,
) -> list[Segment]:
    """Return a row in its columns; `chosen` is the column under the cell cursor."""
    segments = []
    for place in placed:
        column = columns[place.number]
        cell = row.cells[place.number] if place.number < len(row.cells) else ""
        shown, role = parts(cell, row.role, _enough(place.width))
        if column.cut == "middle":
            shown = text.middle(shown, place.width)
        style = base + styles("cell" if place.number == chosen else role)
        segments.append(Segment(text.fit(shown, place.width, column.align), style))
        segments.append(Segment(" " * SPACE, base))
    return segments


def parts(cell: Cell | str, fallback: Role, limit: int = text.LIMIT) -> tuple[str, Role]:
    """Return a cell's safe text and its role."""
    if isinstance(cell, Cell):
        return text.safe(cell.text, limit), cell.role or fallback
    return text.safe(cell, limit), fallback


def natural_width(
    column: Column, number: int, sample: Sequence[Row], sort: tuple[str, bool] | None = None
) -> int:
    """Return the cells a column would like, by its title, the arrow beside it, and a sample of its rows."""
    shown = [
        parts(each.cells[number], "", _enough(column.most))[0]
        for each in sample
        if not each.wide and number < len(each.cells)
    ]
    title = text.safe(column.title) + ("  " if sort and sort[0] == column.key else "")
    return text.widest([title, *shown], column.least, column.most)


def _enough(cells: int) -> int:
    """Return how many characters fill so many cells, with room for marks that take none."""
    return 2 * cells + 64
