"""The rows in which one table differs: each in a line, and the one under the cursor side by side."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, get_args

from textual import on
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.widget import Widget
from textual.widgets import Static

from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.sqlite.comparison import Change
from sqlite_recovery_tui.tui import actions, phrases, text
from sqlite_recovery_tui.tui.changes import SIDES, WORDS, ChangeSource, sides
from sqlite_recovery_tui.tui.engine import Queue, Report, Request
from sqlite_recovery_tui.tui.jobs.rescue import Wish
from sqlite_recovery_tui.tui.screens.base import ConsoleScreen
from sqlite_recovery_tui.tui.widgets.problem import Problem
from sqlite_recovery_tui.tui.widgets.record_table import RecordTable
from sqlite_recovery_tui.tui.widgets.rows import Cell, ListSource

if TYPE_CHECKING:
    from sqlite_recovery_tui.sqlite.comparison import RowChange
    from sqlite_recovery_tui.tui.differences import TableFound

_FIRST_COLUMN = 2  # behind the mark and the kind
_ORDER: tuple[Change | None, ...] = (None, *get_args(Change))


class DiffRowsScreen(ConsoleScreen):
    """The differing rows of one table."""

    VIEW = "rows"
    ABOUT = "See row by row what differs from production, and choose what it gets back."
    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings("rows")]
    CSS_PATH = ["base.tcss", "diff.tcss"]
    AUTO_FOCUS = "#changes"

    def __init__(self, file: Path, database: Path, found: TableFound) -> None:
        """Show what was `found` when `file` was compared with `database`."""
        super().__init__()
        self.file, self.database, self.found = file, database, found
        self.marked: set[int] = set()
        self.source = ChangeSource(found.kept, None, self.marked)
        self._loading: Request[list[RowChange]] | None = None

    def body(self) -> Iterable[Widget]:
        yield Static("", id="title")
        yield Problem()
        with Container(id="halves"):
            yield RecordTable(id="changes", cursor="cell", empty="There is none of this kind.")
            with Vertical(id="pair"):
                yield Static("", id="pair-title")
                yield RecordTable(SIDES, id="sides")

    @property
    def crumb(self) -> str:
        return text.safe(self.found.diff.name, 30)

    @property
    def table(self) -> RecordTable:
        return self.query_one("#changes", RecordTable)

    @property
    def pair(self) -> RecordTable:
        return self.query_one("#sides", RecordTable)

    @property
    def places(self) -> list[int]:
        """The rows that a rescue is about: the marked ones, or the one under the cursor."""
        current = self.table.current_key
        return sorted(self.marked) or ([current] if isinstance(current, int) else [])

    def facts(self) -> Iterator[str]:
        if self.ready and self.table.current_key is not None:
            yield "row"
            if self.marked or self._kind_here() != "+":
                yield "rescuable"

    def _kind_here(self) -> Change | None:
        change = self.source.change(self.table.current_key)
        return change.change if change is not None else None

    def copyable(self) -> str | None:
        focused = self.focused if isinstance(self.focused, RecordTable) else self.table
        row = focused.current
        if row is None:
            return None
        number = focused.column if focused.cell_cursor else 1
        cell = row.cells[min(number, len(row.cells) - 1)]
        return cell.text if isinstance(cell, Cell) else cell

    def equivalent(self) -> str:
        words = ["sqlrecover", "diff", "-rows", "-table", self.found.diff.name]
        return shlex.join([*words, str(self.file), str(self.database)])

    # rows

    def on_mount(self) -> None:
        self._show(None)

    def on_unmount(self) -> None:
        self.console.engine.drop(self._loading)

    def _show(self, only: Change | None) -> None:
        """Show the rows `only` of one kind, or all; the cursor stays on its row where it is among them."""
        key, column = self.table.current_key, max(self.table.column, _FIRST_COLUMN)
        self.source = ChangeSource(self.found.kept, only, self.marked)
        self.table.show(self.source.columns(), self.source)
        self.table.column = column
        if key is not None:
            self.table.move_to_key(key)
        self._load(self.source.request(self.table.cursor, self.table.cursor))
        self.redraw()

    @on(RecordTable.Wanted, "#changes")
    def _wanted(self, message: RecordTable.Wanted) -> None:
        message.stop()
        self._load(self.source.request(message.first, message.last))

    def _load(self, places: Sequence[int]) -> None:
        source, kept = self.source, self.found.kept

        def work(report: Report) -> list[RowChange]:  # noqa: ARG001
            return kept.read(places)

        def came(changes: list[RowChange]) -> None:
            first = not self.table.columns or source.change(self.table.current_key) is None
            source.take(places, changes)
            if source is self.source:
                if first:
                    self.table.reload()
                self.table.redraw()
                self._show_pair()
                self.refresh_frame()

        self._loading = self.console.engine.ask(Queue.BROWSE, self, work, then=came, failed=self._failed)

    def _failed(self, error: RecoverError) -> None:
        self.query_one(Problem).show(error)

    @on(RecordTable.Moved, "#changes")
    def _moved(self) -> None:
        self._show_pair()

    def _show_pair(self) -> None:
        """Show the row under the cursor with both its sides, column by column."""
        change, shape = self.source.change(self.table.current_key), self.found.kept.shape
        if change is None or shape is None:
            self.pair.reload(ListSource())
            self.query_one("#pair-title", Static).update("")
            return
        words, role = WORDS[change.change]
        key = ", ".join(
            f"{name} {value.text}" for name, value in zip(shape.key, shape.key_of(change.row), strict=True)
        )
        title = text.line((words, _STYLES[role]), ("  row ", text.MUTED), (text.safe(key, 60), "bold"))
        self.query_one("#pair-title", Static).update(title)
        self.pair.reload(ListSource(sides(shape.columns, change)))

    # drawing

    def redraw(self) -> None:
        kept, diff = self.found.kept, self.found.diff
        shown = phrases.many(self.source.row_count(), "row")
        words: list[text.Part] = [(diff.name, "bold $text-primary"), (f"  {shown}", text.MUTED)]
        for number, kind in enumerate(_ORDER[1:]):
            assert kind is not None
            label, role = WORDS[kind]
            style = f"bold {_STYLES[role]}" if self.source.only in (None, kind) else text.MUTED
            words += [" · " if number or words else "", (f"{kept.count(kind):,} {label[2:]}", style)]
        if self.marked:
            words.append((f" · ● {len(self.marked):,} marked", "$text-primary"))
        if kept.left_out:
            words.append((f" · ▲ {kept.left_out:,} more are not kept", "$text-warning"))
        self.query_one("#title", Static).update(text.line(*words))
        self._show_pair()
        self.refresh_frame()

    # what happens

    def do_open(self) -> None:
        """Give the focus to the row's two sides, and back."""
        self.set_focus(self.table if self.focused is self.pair else self.pair)

    def do_only(self) -> None:
        kinds = [kind for kind in _ORDER if kind is None or self.found.kept.count(kind)]
        self._show(kinds[(kinds.index(self.source.only) + 1) % len(kinds)])

    def do_mark(self) -> None:
        place = self.table.current_key
        if not isinstance(place, int):
            return
        if self._kind_here() == "+":
            self.say("Production has this row alone: there is nothing to rescue")
        else:
            self.marked ^= {place}
            self.table.redraw()
        self.table.action_down()
        self.redraw()

    def do_rescue(self) -> None:
        places, kept, shape = self.places, self.found.kept, self.found.kept.shape
        assert shape is not None

        def work(report: Report) -> Wish:
            from sqlite_recovery_tui.verify.rows import condition

            changes = []
            for start in range(0, len(places), 1000):
                report.cancel.check()
                changes += kept.read(places[start : start + 1000])
            where = condition(shape, changes)
            update = any(change.change == "~" for change in changes)
            tables = (self.found.diff.name,)
            return Wish(self.file, self.database, tables, where, len(changes), update)

        self.console.engine.ask(Queue.THINK, self, work, then=self.console.open_rescue, failed=self._failed)


_STYLES = {"bad": "$text-error", "warn": "$text-warning", "accent": "$text-primary"}
