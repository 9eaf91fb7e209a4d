"""What differs between a restored database and production: the schemas, then every table with its counts."""

from __future__ import annotations

import shlex
from collections.abc import Hashable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from sqlite_recovery_tui.errors import Cancelled, RecoverError
from sqlite_recovery_tui.progress import Progress
from sqlite_recovery_tui.tui import actions, phrases, text
from sqlite_recovery_tui.tui.changes import MARKED
from sqlite_recovery_tui.tui.differences import Found, TableFound, compare
from sqlite_recovery_tui.tui.engine import Queue, Report, Request
from sqlite_recovery_tui.tui.jobs.rescue import Wish
from sqlite_recovery_tui.tui.screens.base import ConsoleScreen
from sqlite_recovery_tui.tui.widgets.problem import Problem, way
from sqlite_recovery_tui.tui.widgets.record_table import RecordTable
from sqlite_recovery_tui.tui.widgets.rows import Cell, Column, ListSource, Role, Row

if TYPE_CHECKING:
    from sqlite_recovery_tui.tui.jobs import Job
    from sqlite_recovery_tui.verify.diff import SchemaChange, TableDiff

COLUMNS = (
    Column("mark", "", width=1),
    Column("table", "table", least=8, most=60, grow=True),
    Column("left", "scratch", least=7, most=14, align="right", drop=2),
    Column("right", "live", least=6, most=14, align="right", drop=1),
    Column("missing", "missing", least=9, most=14, align="right"),
    Column("changed", "changed", least=7, most=14, align="right"),
    Column("added", "only live", least=9, most=14, align="right"),
    Column("state", "", least=12, most=30),
)


class DiffScreen(ConsoleScreen):
    """A restored database beside production, table by table."""

    VIEW = "diff"
    ABOUT = "See what differs from production: rows it lacks, has otherwise, or has alone."
    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings("diff")]
    CSS_PATH = ["base.tcss", "diff.tcss"]

    def __init__(self, file: Path, database: Path, *, table: Hashable = None) -> None:
        """Compare the restored `file` with `database`; the cursor begins at a table."""
        super().__init__()
        self.file, self.database = file, database
        self.found = Found()
        self.marked: set[str] = set()
        self._first = table
        self._comparing: Request[Any] | None = None
        self._phase = ""
        self._stopped = False

    def body(self) -> Iterable[Widget]:
        yield Static("", id="title")
        yield Problem()
        yield RecordTable(COLUMNS, id="differences", empty="looking at both sides…")

    @property
    def crumb(self) -> str:
        return "differences"

    @property
    def table(self) -> RecordTable:
        return self.query_one("#differences", RecordTable)

    @property
    def selected(self) -> TableFound | None:
        """The table under the cursor, once it is compared."""
        key = self.table.current_key if self.ready else None
        return self.found.tables.get(key) if isinstance(key, str) else None

    @property
    def meant(self) -> tuple[str, ...]:
        """The tables that a rescue is about: the marked ones, or the one under the cursor."""
        marked = tuple(name for name in self.found.names if name in self.marked)
        return marked or ((self.selected.diff.name,) if self.selected is not None else ())

    def facts(self) -> Iterator[str]:
        if self.selected is not None:
            yield "compared"
        if self.ready and self.table.current_key is not None:
            yield "row"
        if self._is_comparing:
            yield "busy"
        if any(_lacks(self.found.tables[name].diff) for name in self.meant):
            yield "lacking"

    @property
    def _is_comparing(self) -> bool:
        return self._comparing is not None and self._comparing.running

    def copyable(self) -> str:
        return shlex.join(["sqlrecover", "diff", str(self.file), str(self.database)])

    def equivalent(self) -> str:
        return self.copyable()

    # comparing

    def on_mount(self) -> None:
        self._compare()

    def on_unmount(self) -> None:
        self.console.engine.drop(self._comparing)
        self.found = Found()  # what was kept goes with it, and with whoever still reads

    def _compare(self) -> None:
        self.console.engine.drop(self._comparing)
        self.query_one(Problem).show(None)
        self._stopped = False

        act = partial(
            self.console.history.act,
            "diff",
            database=str(self.database),
            asked=str(self.file),
            output=str(self.database),
            command=self.equivalent(),
        )

        def work(report: Report) -> Found:
            from sqlite_recovery_tui.history.facts import of_diff

            with act() as recorded:
                recorded.begin()
                found = compare(self.file, self.database, report)
                tables = [each.diff.to_json() for each in found.tables.values()]
                recorded.finish(**of_diff(len(found.schema), tables))
                return found

        self._comparing = self.console.engine.ask(
            Queue.CHECK,
            self,
            work,
            then=self._came,
            failed=self._failed,
            progress=self._advanced,
            partial=self._came,
        )
        self.redraw()

    def _came(self, found: Found) -> None:
        self.found = found
        self.table.empty = "Neither side has a table."
        self.redraw()
        if self._first is not None and self.table.move_to_key(self._first):
            self._first = None

    def _failed(self, error: RecoverError) -> None:
        self.table.empty = ""
        self._stopped = isinstance(error, Cancelled)
        if not self._stopped:
            self.query_one(Problem).show(error, [way("r", "compare again")])
        self.redraw()

    def _advanced(self, progress: Progress) -> None:
        self._phase = f"{progress.phase} {text.safe(progress.detail, 40)}".strip()
        self._tell()

    def job_changed(self, job: Job[Any]) -> None:
        if job.kind in ("promote", "undo", "rescue") and not job.running:
            self.marked.clear()
            self._compare()

    # drawing

    def redraw(self) -> None:
        self._tell()
        schema = [_schema_row(change) for change in self.found.schema]
        heading = _heading(f"{phrases.many(len(schema), 'difference')} of the schemas", "schema")
        between = [_heading("rows", "rows")] if schema else []
        rows = [*([heading] if schema else []), *schema, *between, *map(self._row, self.found.names)]
        self.table.reload(ListSource(rows))
        self.refresh_frame()

    def _tell(self) -> None:
        self.query_one("#title", Static).update(
            text.lines(
                text.line(
                    (self.file.name, "bold $text-primary"),
                    (" beside ", text.MUTED),
                    (str(self.database), "bold"),
                ),
                self._standing(),
            )
        )

    def _standing(self) -> Content:
        found = self.found
        differing = len(found.differing)
        if self._is_comparing:
            phase = self._phase or "opening both"
            return text.line((f"◐ {phase}", "$text-primary"), (self._progress_words(), text.MUTED))
        if self._stopped:
            return text.line(("‖ stopped", "$text-warning"), (self._progress_words(), text.MUTED))
        if not found.names:
            return text.line(("○ nothing compared", text.MUTED))
        if not differing and not found.schema:
            return text.line(("✓ no difference", "$text-success"), " in any table")
        tables = f"{phrases.many(differing, 'table')} of {len(found.names):,} differ"
        lacking = sum(each.diff.removed or 0 for each in found.tables.values())
        words = f" · production lacks {phrases.many(lacking, 'row')}" if lacking else ""
        return text.line((f"≠ {tables}", "$text-warning"), words)

    def _progress_words(self) -> str:
        names = len(self.found.names)
        return f"  {len(self.found.tables):,} of {phrases.many(names, 'table')}" if names else ""

    def _row(self, name: str) -> Row:
        mark = Cell(MARKED if name in self.marked else "", "accent")
        found = self.found.tables.get(name)
        if found is None:
            waiting = Cell("…" if self._is_comparing else "", "muted")
            return Row(
                name, (mark, name, *[waiting] * 5, Cell("not compared" if not self._is_comparing else ""))
            )
        diff = found.diff
        return Row(
            name,
            (
                mark,
                name,
                _count(diff.left_rows, ""),
                _count(diff.right_rows, ""),
                _count(diff.removed, "bad", "−"),
                _count(diff.changed, "warn", "≠"),
                _count(diff.added, "accent", "+"),
                _state(found),
            ),
        )

    # what happens

    def do_open(self) -> None:
        found = self.selected
        key = self.table.current_key
        change = next((each for each in self.found.schema if ("schema", each.kind, each.name) == key), None)
        if change is not None:
            self._show_schema(change)
        elif found is None:
            self.say("It is not compared yet")
        elif found.kept.shape is None:
            self.say(f"{found.diff.problem or 'Its rows are the same on both sides'}")
        else:
            from sqlite_recovery_tui.tui.screens.diff_rows import DiffRowsScreen

            self.console.push_screen(DiffRowsScreen(self.file, self.database, found))

    def _show_schema(self, change: SchemaChange) -> None:
        from sqlite_recovery_tui.tui.screens.dialogs import TextDialog

        rows: list[Content | str] = []
        for side, sql in (("scratch", change.left), ("live", change.right)):
            rows.append(text.line((side, text.MUTED)))
            rows += [f"  {line}" for line in text.safe_lines(sql)] if sql is not None else ["  not there"]
        copy = "\n".join(sql for sql in (change.left, change.right) if sql is not None)
        self.console.push_screen(TextDialog(f"{change.kind} {change.name}", rows, copy=copy))

    def do_mark(self) -> None:
        if self.selected is not None:
            self.marked ^= {self.selected.diff.name}
        self.redraw()
        self.table.action_down()

    def do_rescue(self) -> None:
        self.console.open_rescue(Wish(self.file, self.database, self.meant))

    def do_again(self) -> None:
        self._compare()

    def do_stop(self) -> None:
        if self._comparing is not None:
            self._comparing.stop()


def _lacks(diff: TableDiff) -> bool:
    """Whether a rescue could bring something back."""
    return bool(diff.removed or diff.changed)


def _heading(words: str, key: str) -> Row:
    return Row(("heading", key), (Cell(words, "accent"),), wide=True)


def _schema_row(change: SchemaChange) -> Row:
    words = "not in live" if change.right is None else "only in live" if change.left is None else "otherwise"
    glyph = "−" if change.right is None else "+" if change.left is None else "≠"
    key = ("schema", change.kind, change.name)
    return Row(key, (Cell(f"{glyph} {change.kind} {change.name}: {words}", "warn"),), wide=True)


def _count(rows: int | None, role: Role, glyph: str = "") -> Cell:
    if rows is None:
        return Cell("–", "muted")
    if glyph and not rows:
        return Cell("0", "muted")
    return Cell(f"{glyph}{rows:,}", role)


def _state(found: TableFound) -> Cell:
    diff = found.diff
    if diff.left_rows is None or diff.right_rows is None:
        return Cell("✗ only live" if diff.left_rows is None else "✗ not in live", "bad")
    if diff.problem:
        return Cell("▲ not matched", "warn")
    if diff.is_same:
        return Cell("✓ the same", "ok")
    left_out = found.kept.left_out
    return Cell(f"≠ the first {found.kept.count():,} kept" if left_out else "≠ differs", "warn")
