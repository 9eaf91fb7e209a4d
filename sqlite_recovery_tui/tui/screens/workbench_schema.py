"""The schema of one table: columns, keys, indexes, triggers, its SQL, and the room it takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType
from textual.widget import Widget
from textual.widgets import Static

from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.tui import actions, phrases, text
from sqlite_recovery_tui.tui.cell_forms import wrapped
from sqlite_recovery_tui.tui.engine import Queue, Report, Request
from sqlite_recovery_tui.tui.inspection import TableCount
from sqlite_recovery_tui.tui.screens.base import ConsoleScreen
from sqlite_recovery_tui.tui.sources import Source
from sqlite_recovery_tui.tui.widgets.problem import Problem
from sqlite_recovery_tui.tui.widgets.record_table import RecordTable
from sqlite_recovery_tui.tui.widgets.rows import Cell, Column, ListSource, Row

if TYPE_CHECKING:
    from sqlite_recovery_tui.sqlite.details import ColumnDetails, ForeignKey, IndexDetails, TableDetails
    from sqlite_recovery_tui.sqlite.messages import TableInfo
    from sqlite_recovery_tui.tui.proof import Subject

COLUMNS = (
    Column("name", "name", least=12, most=48),
    Column("type", "type", least=8, most=40),
    Column("more", "", least=10, most=200, grow=True),
)
_ORIGINS = {"pk": "of the primary key", "u": "of a UNIQUE constraint"}


class SchemaScreen(ConsoleScreen):
    """One table as its schema has it; nothing of it is ever run."""

    VIEW = "schema"
    ABOUT = "See how one table is made: columns, keys, indexes, triggers, SQL."
    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings("schema")]
    CSS_PATH = ["base.tcss", "workbench.tcss"]

    def __init__(self, subject: Subject, table: TableInfo, source: Source, count: TableCount | None) -> None:
        """Show `table` of the database in `source`."""
        super().__init__()
        self.subject, self.info, self.source, self.count = subject, table, source, count
        self.details: TableDetails | None = None
        self._request: Request[TableDetails] | None = None
        self._measuring = False

    def body(self) -> Iterable[Widget]:
        yield Static("", id="schema-title", classes="title")
        yield Problem()
        yield RecordTable(COLUMNS, id="schema", empty="reading the schema…")

    @property
    def crumb(self) -> str:
        return f"{text.safe(self.info.name, 30)} schema"

    def copyable(self) -> str | None:
        row = self.query_one(RecordTable).current
        first = row.cells[0] if row is not None else None
        return first.text.strip() if isinstance(first, Cell) else first

    def on_mount(self) -> None:
        self._tell()
        self._ask(sizes=False)

    def on_unmount(self) -> None:
        self.console.engine.drop(self._request)

    def _ask(self, *, sizes: bool) -> None:
        def work(report: Report) -> TableDetails:
            inspector = self.source.inspector(Queue.BROWSE, report)
            return inspector.details(
                self.info.name, sizes=sizes, progress=report.progress, cancel=report.cancel
            )

        self._request = self.console.engine.ask(
            Queue.BROWSE, self, work, then=self._came, failed=self._failed if not sizes else _nothing
        )

    def _came(self, details: TableDetails) -> None:
        self.details = details
        self._tell()
        self._show()
        if not self._measuring and self.subject.draft is None and details.kind in ("table", "shadow"):
            self._measuring = True
            self._ask(sizes=True)

    def on_resize(self) -> None:
        self._show()

    def _show(self) -> None:
        """Show the schema, with its SQL in lines as wide as the screen."""
        if self.details is not None:
            self.query_one(RecordTable).reload(ListSource(rows(self.details, max(20, self.size.width - 4))))

    def _failed(self, error: RecoverError) -> None:
        self.query_one(RecordTable).empty = ""
        self.query_one(Problem).show(error)

    def _tell(self) -> None:
        details = self.details
        kind = self.info.kind if self.info.kind != "virtual" else f"virtual table by {self.info.module}"
        words: list[text.Part] = [(self.info.name, "bold $text-primary"), (f"  {kind}", text.MUTED)]
        if self.info.without_rowid:
            words.append((" without rowid", text.MUTED))
        if self.count is not None and self.count.rows is not None:
            words.append(f" · {phrases.many(self.count.rows, 'row')}")
        if details is not None:
            words.append(f" · {phrases.many(len(details.columns), 'column')}")
            if details.bytes is not None:
                words.append(f" · {phrases.size(details.bytes)}")
                indexes = sum(index.bytes or 0 for index in details.indexes)
                words.append((f", indexes {phrases.size(indexes)}", text.MUTED) if indexes else "")
        self.query_one("#schema-title", Static).update(text.line(*words))

    def do_copy_sql(self) -> None:
        if self.details is None:
            self.say("The schema is not read yet")
            return
        self.app.copy_to_clipboard(sql_of(self.details))
        self.say("Copied the SQL of the table, its indexes and triggers")

    def do_export(self) -> None:
        from sqlite_recovery_tui.sqlite.save import Wanted
        from sqlite_recovery_tui.tui.screens.workbench_export import ExportDialog, start_export

        wanted = Wanted(self.info.name)

        def chosen(output: Path | None) -> None:
            if output is not None:
                start_export(self.console, self.subject, self.source, wanted, output)

        rows = self.count.rows if self.count is not None else None
        self.console.push_screen(ExportDialog(wanted, rows), chosen)


def rows(details: TableDetails, width: int) -> Iterator[Row]:
    """Yield the lines of the schema: columns, indexes, keys, triggers, SQL in lines of `width` cells."""
    number = 0
    for heading, found in _sections(details, width):
        listed = list(found)
        if not listed:
            continue
        if number:
            yield Row(("gap", heading), ("",), wide=True)
        yield Row(("heading", heading), (Cell(heading, "accent"),), wide=True)
        for cells in listed:
            number += 1
            yield Row(number, cells, wide=len(cells) == 1)


def sql_of(details: TableDetails) -> str:
    """Return every statement of a table, in the order in which they would be run."""
    parts = [details.sql, *(index.sql for index in details.indexes), *(each.sql for each in details.triggers)]
    return ";\n".join(part for part in parts if part) + ";"


_Cells = tuple[Cell | str, ...]


def _sections(details: TableDetails, width: int) -> Iterator[tuple[str, Iterator[_Cells]]]:
    if details.notice:
        yield "what cannot be told", iter([(Cell(f"▲ {details.notice}", "warn"),)])
    yield phrases.many(len(details.columns), "column"), map(_column, details.columns)
    yield phrases.many(len(details.indexes), "index", "indexes"), map(_index, details.indexes)
    yield "refers to", ((", ".join(key.columns), *_referred(key)) for key in details.foreign_keys)
    triggers = [line for each in details.triggers for line in each.sql.splitlines()]
    title = f"{phrases.many(len(details.triggers), 'trigger')}, never run here"
    yield title, ((Cell(line),) for line in wrapped(triggers, width))
    yield "SQL", ((Cell(line),) for line in wrapped(details.sql.splitlines(), width))


def _column(column: ColumnDetails) -> _Cells:
    words = []
    if column.primary_key:
        words.append(f"primary key {column.primary_key}" if column.primary_key > 1 else "primary key")
    if column.not_null:
        words.append("not null")
    if column.default is not None:
        words.append(f"default {column.default}")
    if column.generated:
        words.append("generated")
    return column.name, Cell(column.type or "any", "muted"), ", ".join(words)


def _index(index: IndexDetails) -> _Cells:
    kinds = ["unique" if index.unique else "", "partial" if index.partial else ""]
    words = [", ".join(index.columns), _ORIGINS.get(index.origin, "")]
    if index.bytes is not None:
        words.append(phrases.size(index.bytes))
    kind = " ".join(each for each in kinds if each) or "index"
    return index.name, Cell(kind, "muted"), " · ".join(word for word in words if word)


def _referred(key: ForeignKey) -> tuple[str, str]:
    acts = (("update", key.on_update), ("delete", key.on_delete))
    words = [f"on {when} {act.lower()}" for when, act in acts if act != "NO ACTION"]
    columns = [f"({', '.join(key.referred)})"] if key.referred else []
    return key.table, " · ".join([*columns, *words])


def _nothing(_: object) -> None:
    """Do without: sizes are an extra."""
