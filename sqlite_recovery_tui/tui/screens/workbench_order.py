"""Choosing the order of a table's rows: on disk, or by one of its indexes, up or down."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from sqlite_recovery_tui.tui import actions, text
from sqlite_recovery_tui.tui.completion import written
from sqlite_recovery_tui.tui.look import Look
from sqlite_recovery_tui.tui.widgets.record_table import RecordTable
from sqlite_recovery_tui.tui.widgets.rows import Cell, Column, ListSource, Role, Row

if TYPE_CHECKING:
    from sqlite_recovery_tui.sqlite.details import ColumnDetails, IndexDetails, TableDetails

COLUMNS = (
    Column("way", "", width=2),
    Column("by", "by", least=16, most=60, grow=True),
    Column("index", "index", least=8, most=30),
)
SQL_ROWS = 1_000
MOST_COLUMNS = 200


@dataclass(frozen=True)
class Choice:
    """One order: by an index, or a statement that sorts; or why there is none."""

    words: str
    index: str
    chosen: Look | str | None
    """A string is SQL; None cannot be chosen."""
    descending: bool = False


class OrderDialog(ModalScreen[Look | str | None]):
    """Every order a table can be looked at in."""

    CSS_PATH = "dialogs.tcss"
    VIEW = "order"
    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings("order")]
    DEFAULT_CSS = """
    OrderDialog .dialog { max-height: 90%; }
    OrderDialog RecordTable { height: auto; max-height: 16; }
    """

    def __init__(self, details: TableDetails, look: Look) -> None:
        """Offer the orders of the table in `details`, which is looked at as `look`."""
        super().__init__()
        self.choices = list(choices(details, look))
        self.look = look

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(text.line(("order of ", ""), self.look.table.name), classes="dialog-title")
            yield RecordTable(COLUMNS, ListSource(map(_row, range(len(self.choices)), self.choices)))
            keys = (" enter ", "bold $text-primary"), "sort   ", (" esc ", "bold $text-primary"), "leave"
            yield Static(text.line(*keys), classes="dialog-keys")

    def on_mount(self) -> None:
        """Begin at the order there is."""
        same = (
            number
            for number, choice in enumerate(self.choices)
            if isinstance(choice.chosen, Look)
            and (choice.chosen.order, choice.chosen.descending) == (self.look.order, self.look.descending)
        )
        table = self.query_one(RecordTable)
        table.styles.height = min(16, len(self.choices) + 1)
        table.focus()
        table.move_to(next(same, 0))

    def action_take(self) -> None:
        choice = self.choices[self.query_one(RecordTable).cursor]
        if choice.chosen is None:
            self.notify(text.safe(choice.index), markup=False)
        else:
            self.dismiss(choice.chosen)

    def action_leave(self) -> None:
        self.dismiss(None)

    @on(RecordTable.Activated)
    def _clicked(self) -> None:
        self.action_take()


def choices(details: TableDetails, look: Look) -> Iterator[Choice]:
    """Yield the order on disk and those of the indexes; other columns as statements with a limit."""
    plain = replace(look, order="", descending=False, order_column=None, first=0)
    first = _natural_column(details)
    turned = replace(plain, descending=True, order_column=first)
    key = ", ".join(column.name for column in _key(details)) or "rowid"
    yield Choice(f"{key}: as on disk", "", plain)
    if details.kind in ("table", "shadow"):
        yield Choice(f"{key}: from the end", "", turned, descending=True)
    for index in details.indexes:
        yield from _by_index(index, plain, details.without_rowid)
    indexed = {index.columns[0] for index in details.indexes if index.columns and index.pageable}
    for column in details.columns[:MOST_COLUMNS]:
        if column.name not in indexed and column.name != first:
            statement = _statement(details, column.name, look)
            yield Choice(column.name, f"none: sorts all, shows {SQL_ROWS:,}", statement)


def order_for(details: TableDetails, look: Look, column: str) -> Look | None:
    """Return what follows `look` at a click on a heading: up, down, as on disk. None: no index does it."""
    if look.order_column == column:
        if not look.descending:
            return replace(look, descending=True, first=0)
        return replace(look, order="", descending=False, order_column=None, first=0)
    found = next((each for each in details.indexes if each.pageable and each.columns[0] == column), None)
    if found is not None and not (details.without_rowid and found.origin == "pk"):
        return replace(look, order=found.name, descending=False, order_column=column, first=0)
    if column == _natural_column(details):
        return replace(look, order="", descending=True, order_column=column, first=0)
    return None


def _by_index(index: IndexDetails, plain: Look, without_rowid: bool) -> Iterator[Choice]:
    if without_rowid and index.origin == "pk":
        return  # it is the table itself
    words = ", ".join(index.columns)
    if not index.pageable:
        why = "has only some rows" if index.partial else "its order is only the application's"
        yield Choice(words, f"{index.name}: {why}", None)
        return
    column = index.columns[0].split(" COLLATE ")[0].removesuffix(" DESC")
    for descending in (False, True):
        chosen = replace(plain, order=index.name, descending=descending, order_column=column)
        yield Choice(words, index.name, chosen, descending)


def _key(details: TableDetails) -> list[ColumnDetails]:
    """Return the columns by which a table lies on disk, none for a rowid without a name."""
    keyed = sorted((column for column in details.columns if column.primary_key), key=lambda c: c.primary_key)
    is_rowid = len(keyed) == 1 and keyed[0].type.upper() == "INTEGER"
    return keyed if details.without_rowid or is_rowid else []


def _natural_column(details: TableDetails) -> str | None:
    key = _key(details)
    return key[0].name if key else None


def _statement(details: TableDetails, column: str, look: Look) -> str:
    where = f" WHERE {look.where}" if look.where else ""
    return f"SELECT * FROM {written(details.name)}{where} ORDER BY {written(column)} LIMIT {SQL_ROWS}"


def _row(number: int, choice: Choice) -> Row:
    role: Role = "" if isinstance(choice.chosen, Look) else "muted"
    way = "✗" if choice.chosen is None else "▼" if choice.descending else "▲"
    cells = (Cell(way, role or "accent"), Cell(choice.words, role), Cell(choice.index, "muted"))
    return Row(number, cells)
