"""One page in words, its cells as rows, its parts as regions of the bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sqlite_recovery_tui.anatomy.kinds import Kind
from sqlite_recovery_tui.anatomy.ltx_file import LtxAnatomy
from sqlite_recovery_tui.anatomy.segment import SegmentAnatomy
from sqlite_recovery_tui.tui import phrases, text
from sqlite_recovery_tui.tui.screens.object_rows import state_cell
from sqlite_recovery_tui.tui.screens.summary import role_style
from sqlite_recovery_tui.tui.widgets.fact_sheet import Fact
from sqlite_recovery_tui.tui.widgets.hex_view import Region
from sqlite_recovery_tui.tui.widgets.rows import Cell, Column, ListSource, Role, Row

if TYPE_CHECKING:
    from sqlite_recovery_tui.anatomy.cells import Cell as PageCell
    from sqlite_recovery_tui.anatomy.describe import Anatomy, Found
    from sqlite_recovery_tui.anatomy.page import Page

SHOWN_FAULTS = 3
_COLUMNS = (
    Column("number", "cell", width=5, align="right"),
    Column("start", "at", width=4, align="right", drop=2),
    Column("size", "bytes", width=6, align="right", drop=3),
    Column("rowid", "rowid", least=5, most=20, align="right"),
    Column("child", "leads to", least=8, most=20),
    Column("values", "values", least=16, most=200, grow=True),
)
_ROLES: dict[str, Role] = {
    "database header": "accent",
    "page header": "accent",
    "cell pointers": "accent",
    "link": "accent",
    "entry": "",
    "unallocated": "muted",
    "free block": "muted",
    "fragment": "muted",
    "reserved": "muted",
}


def number_at(anatomy: Anatomy, place: int) -> int:
    """Return the number of the page whose image is number `place` in an object."""
    match anatomy:
        case SegmentAnatomy():
            return int(anatomy.frames.pgno[place])
        case LtxAnatomy():
            return int(anatomy.index.pgno[place])
        case _:
            return place + 1


def place_name(anatomy: Anatomy, place: int) -> str:
    """Return what a page image is called, as breadcrumbs have it."""
    page = f"page {number_at(anatomy, place):,}"
    return f"frame {place:,}: {page}" if isinstance(anatomy, SegmentAnatomy) else page


def facts(found: Found, anatomy: Anatomy, whose: str) -> Iterator[Fact]:
    """Yield what a page is and holds, what is wrong with it first."""
    page, tree = found.page, found.page.btree
    for fault in page.faults[:SHOWN_FAULTS]:
        yield "wrong", text.line(("✗ ", "bold $text-error"), fault)
    if len(page.faults) > SHOWN_FAULTS:
        yield "", f"and {len(page.faults) - SHOWN_FAULTS} more"
    sure = "" if page.kind_is_known else " · by its first byte"
    holds = (
        f" · {phrases.many(tree.cells, 'cell')}, {phrases.many(tree.free_bytes, 'byte')} free" if tree else ""
    )
    right = f" · right-most child: page {tree.right_child:,}" if tree and tree.right_child else ""
    yield "kind", text.line((page.kind_word, "bold"), (sure, text.MUTED), holds, right)
    yield "belongs to", whose
    where = f"{phrases.many(page.size, 'byte')} · {found.place}"
    if isinstance(anatomy, SegmentAnatomy):
        frame = anatomy.frame(found.number)
        state = state_cell(frame.state)
        commit = f" · commits a database of {phrases.many(frame.commit, 'page')}" if frame.commit else ""
        yield "stored", text.line(where, " · ", (state.text, role_style(state.role)), commit)
    else:
        yield "stored", where


def cell_table(page: Page) -> tuple[list[Column], ListSource]:
    """Return a page's cells as rows, in the columns that its cells have; a cell's number is its key."""
    has = {
        "rowid": page.kind.is_table,
        "child": any(cell.child or cell.overflow for cell in page.cells),
        "values": page.kind is not Kind.TABLE_INTERIOR,
    }
    kept = [place for place, column in enumerate(_COLUMNS) if has.get(column.key, True)]
    rows = (_row(page, cell, kept) for cell in page.cells)
    return [_COLUMNS[place] for place in kept], ListSource(rows)


def _row(page: Page, cell: PageCell, kept: Sequence[int]) -> Row:
    cells = (
        f"{cell.number:,}",
        Cell(f"{cell.start:04x}", "muted"),
        f"{cell.size:,}",
        "" if cell.rowid is None else str(cell.rowid),
        _leads_to(cell),
        page.values(cell),
    )
    return Row(cell.number, tuple(cells[place] for place in kept))


def _leads_to(cell: PageCell) -> str:
    ways = [f"page {cell.child:,}"] if cell.child else []
    ways += [f"overflow {cell.overflow:,}"] if cell.overflow else []
    return ", ".join(ways)


def regions(page: Page) -> list[Region]:
    """Return the parts of a page for the view of its bytes."""
    return [Region(part.start, part.end, part.title, _ROLES.get(part.name, "")) for part in page.parts]
