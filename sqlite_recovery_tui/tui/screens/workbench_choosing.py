"""What the workbench is asked for by choosing: the schema of a table, an order of its rows, an export."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on

from sqlite_recovery_tui.tui import text
from sqlite_recovery_tui.tui.screens.workbench_asking import Asking
from sqlite_recovery_tui.tui.widgets.record_table import RecordTable

if TYPE_CHECKING:
    from sqlite_recovery_tui.sqlite.details import TableDetails
    from sqlite_recovery_tui.sqlite.save import Wanted
    from sqlite_recovery_tui.tui.look import Look


class Choosing(Asking):
    """The part of the workbench that opens what there is to choose from."""

    def do_schema(self) -> None:
        from sqlite_recovery_tui.tui.screens.workbench_schema import SchemaScreen

        look = self.pane.look
        if look is not None:
            count = self.pane.count
            self.console.push_screen(SchemaScreen(self.subject, look.table, self.source, count))

    def do_order(self) -> None:
        self._with_details(self._choose_order)

    @on(RecordTable.HeaderClicked, "#preview")
    def _heading_clicked(self, message: RecordTable.HeaderClicked) -> None:
        message.stop()
        number = int(message.column)
        if self.pane.look is not None and number < len(self.pane.rows.columns):
            column = self.pane.rows.columns[number]
            self._with_details(lambda details: self._order_by(details, column))

    def _with_details(self, then: Callable[[TableDetails], None]) -> None:
        look = self.pane.look
        if look is None:
            return
        self.inspection.ask(
            lambda inspector, report: inspector.details(
                look.table.name, progress=report.progress, cancel=report.cancel
            ),
            then=then,
            failed=self.pane.failed,
        )

    def _choose_order(self, details: TableDetails) -> None:
        from sqlite_recovery_tui.tui.screens.workbench_order import OrderDialog

        look = self.pane.look
        if look is not None:
            self.console.push_screen(OrderDialog(details, look), self._order_chosen)

    def _order_chosen(self, chosen: Look | str | None) -> None:
        if isinstance(chosen, str):
            self._ask_sql(chosen)
        elif chosen is not None:
            self.pane.look_at(chosen, self.pane.count)
            self.set_focus(self.preview)

    def _order_by(self, details: TableDetails, column: str) -> None:
        """Sort by a column up, then down, then not, where an index begins with it."""
        from sqlite_recovery_tui.tui.screens.workbench_order import order_for

        look = self.pane.look
        if look is None:
            return
        chosen = order_for(details, look, column)
        if chosen is None:
            self.say(f"No index begins with {text.safe(column, 40)}; o offers what there is")
        else:
            self.pane.look_at(chosen, self.pane.count)

    def do_export(self) -> None:
        from sqlite_recovery_tui.sqlite.save import Wanted

        look = self.pane.look
        if look is None:
            self._export(Wanted(sql=self.pane.sql), None)
        else:
            self._export(Wanted(look.table.name, look.whole_view()), self.pane.rows.count)

    def _export(self, wanted: Wanted, rows: int | None) -> None:
        from sqlite_recovery_tui.tui.screens.workbench_export import ExportDialog, start_export

        def chosen(output: Path | None) -> None:
            if output is not None:
                start_export(self.console, self.subject, self.source, wanted, output)

        self.console.push_screen(ExportDialog(wanted, rows), chosen)
