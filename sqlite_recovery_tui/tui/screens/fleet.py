"""Home: every replica of every database, and how far each can go back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widget import Widget

from sqlite_recovery_tui.restore.target import AtTime
from sqlite_recovery_tui.tui import actions, phrases, wording
from sqlite_recovery_tui.tui.aim import LATEST, Aim
from sqlite_recovery_tui.tui.command import fleet_line
from sqlite_recovery_tui.tui.screens.base import ConsoleScreen
from sqlite_recovery_tui.tui.screens.summary import base_count, place_facts
from sqlite_recovery_tui.tui.state import Place
from sqlite_recovery_tui.tui.widgets.coverage import Coverage
from sqlite_recovery_tui.tui.widgets.fact_sheet import FactSheet
from sqlite_recovery_tui.tui.widgets.record_table import RecordTable
from sqlite_recovery_tui.tui.widgets.rows import Cell, Column, ListSource, Row

COLUMNS = (
    Column("database", "database", least=8, most=28),
    Column("replica", "replica", least=6, most=16),
    Column("where", "where", least=24, most=70, grow=True, drop=3, cut="middle"),
    Column("format", "format", least=6, most=11, drop=7),
    Column("newest", "can go back to", least=17, most=26),
    Column("age", "age", least=9, most=12, align="right", drop=1),
    Column("oldest", "since", least=17, most=26, drop=5),
    Column("snapshots", "snapshots", width=9, align="right", drop=6),
    Column("changes", "changes", least=8, most=10, align="right", drop=6),
    Column("size", "size", width=10, align="right", drop=8),
    Column("gaps", "gaps", width=4, align="right", drop=4),
    Column("state", "state", least=10, most=22),
)


class FleetScreen(ConsoleScreen):
    """One row per replica, filled in as the listings arrive."""

    VIEW = "fleet"
    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings("fleet")]
    CSS_PATH = ["base.tcss", "fleet.tcss"]

    def body(self) -> Iterable[Widget]:
        yield RecordTable(COLUMNS, id="fleet", empty="No replicas. o opens a place.")
        with Vertical(id="about", classes="panel"):
            yield Coverage()
            yield FactSheet()

    @property
    def crumb(self) -> str:
        settings = self.console.settings
        configured = any(place.ref.database is not None for place in self.console.listings.places)
        return settings.file.name if settings is not None and settings.file and configured else "fleet"

    @property
    def selected(self) -> Place | None:
        """The place under the cursor; the lines below a row belong to it."""
        key = self.query_one(RecordTable).current_key
        number = key[0] if isinstance(key, tuple) else key
        places = self.console.listings.places
        return places[number] if isinstance(number, int) and number < len(places) else None

    def facts(self) -> Iterator[str]:
        place = self.selected
        if place is not None:
            yield "row"
            siblings = self.console.listings.siblings(place)
            if any(each.timeline is not None and each.timeline.newest is not None for each in siblings):
                yield "history"

    def equivalent(self) -> str:
        places = self.console.listings.places
        configured = any(place.ref.database is not None for place in places)
        return fleet_line(self.console.config_file if configured else None, [place.url for place in places])

    def copies(self) -> Iterator[tuple[str, str]]:
        if (place := self.selected) is not None:
            yield "place", place.url
        yield "command", self.equivalent()

    def copyable(self) -> str | None:
        return self.selected.url if self.selected is not None else None

    def on_mount(self) -> None:
        self.redraw()

    def place_changed(self, place: Place) -> None:
        if place in self.console.listings.places:
            self.redraw()

    def redraw(self) -> None:
        self.query_one(RecordTable).reload(ListSource(self._rows()))
        self._describe()

    @on(RecordTable.Moved)
    def _describe(self) -> None:
        place = self.selected
        self.query_one("#about").display = place is not None
        if place is not None:
            self.query_one(Coverage).show(place.timeline, local=self.console.time_style == "local")
            self.query_one(FactSheet).show(list(place_facts(place, self)))

    # actions

    def do_open(self) -> None:
        if self.selected is not None:
            self.console.open_place(self.selected)

    def do_latest(self) -> None:
        if self.selected is not None:
            self.console.open_plan(self.selected, LATEST, best=True)

    def do_time(self) -> None:
        from sqlite_recovery_tui.tui.screens.time_dialog import TimeDialog

        place = self.selected

        def chosen(target: AtTime | None) -> None:
            if target is not None and place is not None:
                self.console.open_plan(place, Aim(target), best=True)

        if place is not None:
            places = self.console.listings.siblings(place)
            self.console.push_screen(TimeDialog(places, self.console.now()), chosen)

    def do_refresh(self) -> None:
        self.console.listings.refresh()

    def do_place(self) -> None:
        from sqlite_recovery_tui.tui.screens.welcome import WelcomeScreen

        self.console.push_screen(WelcomeScreen())

    # rows

    def _rows(self) -> Iterator[Row]:
        before = None
        for number, place in enumerate(self.console.listings.places):
            group = place.ref.database
            yield self._row(number, place, same_group=group is not None and group is before)
            before = group
            error = place.error
            if error is not None:
                yield Row((number, "error"), (f"   ✗ {wording.words(error)}",), wide=True, role="bad")
                if error.hint:
                    yield Row((number, "hint"), (f"     → {wording.hint(error)}",), wide=True, role="warn")

    def _row(self, number: int, place: Place, *, same_group: bool) -> Row:
        timeline, status = place.timeline, place.status
        name = "" if same_group else place.database
        head = (Cell(name, "strong"), place.replica, Cell(place.url, "muted"))
        state = Cell(status.label, status.role)
        if timeline is None or timeline.newest is None or timeline.oldest is None:
            return Row(number, (*head, *[Cell("–", "muted")] * 8, state))
        holes = len(timeline.holes)
        newest, oldest = timeline.newest.time, timeline.oldest.time
        snapshots = base_count(timeline.lineages)
        return Row(
            number,
            (
                *head,
                Cell(timeline.format, "muted"),
                self.short(newest),
                Cell(phrases.age(newest, self.console.now()), "muted"),
                Cell(self.short(oldest), "muted"),
                f"{snapshots:,}",
                f"{timeline.objects - snapshots:,}",
                phrases.size(timeline.size),
                Cell(str(holes), "bad") if holes else Cell("–", "muted"),
                state,
            ),
        )
