"""A screen around one list that can be filtered and sorted; the cursor stays on its row all the while."""

from __future__ import annotations

from typing import Any

from textual import on
from textual.widgets import Input

from sqlite_recovery_tui.errors import Cancelled, RecoverError
from sqlite_recovery_tui.tui import wording
from sqlite_recovery_tui.tui.engine import Queue, Request
from sqlite_recovery_tui.tui.screens.base import ConsoleScreen
from sqlite_recovery_tui.tui.widgets.filter import FilterBar
from sqlite_recovery_tui.tui.widgets.record_table import RecordTable
from sqlite_recovery_tui.tui.widgets.sift import Entries, Listed, Sifted, sift

LARGE = 2_000
"""From how many entries on filtering and sorting is work for a thread."""


class FilteredScreen(ConsoleScreen):
    """Shows the `entries` of a subclass in its table.

    The subclass yields a `FilterBar` and a `RecordTable` from `body`, adds `filtering(VIEW)` to its actions,
    and calls `show_entries` when there is news.
    """

    TYPING_HINT = "keep the filter"

    def __init__(self) -> None:
        """Start with everything, in the order of the entries."""
        super().__init__()
        self.sort: tuple[str, bool] | None = None
        """The column that is sorted by, and whether descending."""
        self.shown_entries = 0
        """How many entries the filter leaves."""
        self._sifting: Request[Any] | None = None
        self._table: RecordTable | None = None
        self._bar: FilterBar | None = None

    def entries(self) -> Entries:
        """Return what there is to show; it must not change afterwards."""
        return Listed((), ())

    @property
    def table(self) -> RecordTable:
        """The table that is filtered."""
        if self._table is None:
            self._table = self.query(RecordTable).first()
        return self._table

    @property
    def filter_bar(self) -> FilterBar:
        if self._bar is None:
            self._bar = self.query_one(FilterBar)
        return self._bar

    def show_entries(self) -> None:
        """Show what there is now, as far as the filter lets it through."""
        entries, pattern, sort = self.entries(), self.filter_bar.pattern, self.sort
        self.console.engine.drop(self._sifting)
        if entries.count() < LARGE or (not pattern and sort is None):
            self._show(sift(entries, pattern, sort))
            return
        self._sifting = self.console.engine.ask(
            Queue.THINK,
            self,
            lambda report: sift(entries, pattern, sort, report.cancel),
            then=self._show,
            failed=self._not_sifted,
        )

    def entries_shown(self) -> None:
        """Do what a subclass has to do when other rows are shown."""

    def clear_filter(self) -> None:
        """Show everything again."""
        self.filter_bar.clear()
        self.table.focus()

    def _show(self, sifted: Sifted) -> None:
        self.shown_entries = sifted.shown
        self.filter_bar.count(sifted.shown, sifted.count)
        self.table.sort = self.sort
        self.table.reload(sifted.source)
        self.entries_shown()

    def _not_sifted(self, error: RecoverError) -> None:
        if not isinstance(error, Cancelled):
            self.say(wording.words(error), bad=True)

    # actions

    def do_filter(self) -> None:
        self.filter_bar.begin()

    def do_sort(self) -> None:
        """Sort by the next column that is in view; behind the last, not."""
        keys = [column.key for column in self.table.shown_columns]
        following = keys.index(self.sort[0]) + 1 if self.sort is not None and self.sort[0] in keys else 0
        self._sort_by((keys[following], False) if following < len(keys) else None)

    def do_order(self) -> None:
        """Turn the order round."""
        if self.sort is None:
            self.do_sort()
        else:
            self._sort_by((self.sort[0], not self.sort[1]))

    def _sort_by(self, sort: tuple[str, bool] | None) -> None:
        self.sort = sort
        self.show_entries()

    def do_back(self) -> None:
        """Leave the filter first, then the screen."""
        bar = self.filter_bar
        if bar.typing or (bar.pattern and not isinstance(self.focused, Input)):
            self.clear_filter()
        else:
            super().do_back()

    # what the widgets tell

    @on(RecordTable.HeaderClicked)
    def _heading_clicked(self, message: RecordTable.HeaderClicked) -> None:
        """Sort up, then down, then not."""
        if message.table is not self.table:
            return
        if self.sort is None or self.sort[0] != message.column:
            self._sort_by((message.column, False))
        else:
            self._sort_by(None if self.sort[1] else (message.column, True))

    @on(FilterBar.Changed)
    def _filter_changed(self) -> None:
        self.show_entries()

    @on(FilterBar.Kept)
    def _filter_kept(self) -> None:
        if not self.filter_bar.pattern:
            self.filter_bar.clear()
        self.table.focus()

    @on(FilterBar.Steered)
    def _steered(self, message: FilterBar.Steered) -> None:
        self.table.move_to(self.table.cursor + message.step)
