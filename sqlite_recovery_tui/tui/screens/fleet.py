"""Home: every replica of every database, how far each can go back, and what that is worth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from textual import events, on
from textual.binding import BindingType
from textual.containers import Vertical
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static

from sqlite_recovery_tui.restore.target import AtTime
from sqlite_recovery_tui.tui import actions, phrases, text
from sqlite_recovery_tui.tui.actions import Action
from sqlite_recovery_tui.tui.aim import LATEST, Aim
from sqlite_recovery_tui.tui.command import fleet_line
from sqlite_recovery_tui.tui.jobs import VerifyJob
from sqlite_recovery_tui.tui.screens.filtered import FilteredScreen
from sqlite_recovery_tui.tui.screens.fleet_rows import COLUMNS, FleetEntries
from sqlite_recovery_tui.tui.screens.summary import place_facts, why_no_history
from sqlite_recovery_tui.tui.state import Place
from sqlite_recovery_tui.tui.widgets.coverage import Coverage
from sqlite_recovery_tui.tui.widgets.fact_sheet import FactSheet
from sqlite_recovery_tui.tui.widgets.filter import FilterBar
from sqlite_recovery_tui.tui.widgets.record_table import RecordTable

TICK_SECONDS = 1.0
MANY = 200
"""With so many places, news of them is gathered before the rows are drawn."""
GATHER_SECONDS = 0.2
ASK_BYTES = 256 << 20
"""Proving more than that is asked about: all of it is fetched."""


class FleetScreen(FilteredScreen):
    """One row per replica, filled in as the listings arrive and listed again from time to time."""

    VIEW = "fleet"
    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings("fleet")]
    CSS_PATH = ["base.tcss", "fleet.tcss"]

    def __init__(self) -> None:
        """Start with nothing marked."""
        super().__init__()
        self.marked: set[Place] = set()
        self._gathering: Timer | None = None

    def body(self) -> Iterable[Widget]:
        yield Static(id="rhythm")
        yield FilterBar()
        yield RecordTable(COLUMNS, id="fleet", empty="No replicas. o opens a place, 5 browses a bucket.")
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
        key = self.table.current_key
        number = key[0] if isinstance(key, tuple) else key
        places = self.console.listings.places
        return places[number] if isinstance(number, int) and number < len(places) else None

    @property
    def meant(self) -> list[Place]:
        """The places that an action is about: the marked ones, or the one under the cursor."""
        if self.marked:
            return [place for place in self.console.listings.places if place in self.marked]
        return [self.selected] if self.selected is not None else []

    def entries(self) -> FleetEntries:
        console = self.console
        return FleetEntries(
            tuple(console.listings.places),
            frozenset(self.marked),
            console.time_style,
            console.now(),
            console.history,
        )

    def facts(self) -> Iterator[str]:
        place = self.selected
        if place is not None:
            yield "row"
            siblings = self.console.listings.siblings(place)
            if any(each.timeline is not None and each.timeline.newest is not None for each in siblings):
                yield "history"
        if any(each.timeline is not None for each in self.meant):
            yield "timeline"

    def why_not(self, action: Action, met: set[str] | None = None) -> str | None:
        why = super().why_not(action, met)
        if why != actions.NEEDS["history"] or self.selected is None:
            return why
        return why_no_history(self.console.listings.siblings(self.selected)) or why

    def equivalent(self) -> str:
        places = self.console.listings.places
        configured = any(place.ref.database is not None for place in places)
        return fleet_line(self.console.config_file if configured else None, [place.url for place in places])

    def copies(self) -> Iterator[tuple[str, str]]:
        if (urls := self.copyable()) is not None:
            yield "place", urls
        yield "command", self.equivalent()

    def copyable(self) -> str | None:
        return "\n".join(place.url for place in self.meant) or None

    def on_mount(self) -> None:
        self.redraw()
        self.set_interval(TICK_SECONDS, self.tick)

    @on(events.ScreenResume)
    def tick(self) -> None:
        """List again when it is time to, as long as somebody looks; bring the line above up to date."""
        if self.console.screen is self and self.ready:
            self.console.listings.tick()
            self.console.daemons.refresh()
            self._tell_rhythm()

    # what arrives

    def daemons_changed(self) -> None:
        self._describe()

    def place_changed(self, place: Place) -> None:
        if place not in self.console.listings.places:
            return
        if len(self.console.listings.places) < MANY:
            self.redraw()
        elif self._gathering is None:
            self._gathering = self.set_timer(GATHER_SECONDS, self._gathered)

    def _gathered(self) -> None:
        self._gathering = None
        self.redraw()

    def redraw(self) -> None:
        self.show_entries()
        self._describe()

    def entries_shown(self) -> None:
        self._tell_rhythm()

    @on(RecordTable.Moved)
    def _describe(self) -> None:
        place = self.selected
        self.query_one("#about").display = place is not None
        if place is not None:
            self.query_one(Coverage).show(place.timeline, local=self.console.time_style == "local")
            self.query_one(FactSheet).show(list(place_facts(place, self)))

    def _tell_rhythm(self) -> None:
        """Say how many there are, when they were listed, when they will be again, and what is marked."""
        listings = self.console.listings
        databases = len({id(place.ref.database or place) for place in listings.places})
        counts = f" {phrases.many(databases, 'database')}, {phrases.many(len(listings.places), 'replica')}"
        as_of = listings.as_of
        listed = f" · listed {phrases.age(as_of, self.console.now())}" if as_of is not None else ""
        rhythm = listings.rhythm
        often = f" · ‖ {rhythm.words}" if rhythm.paused else f" · again {rhythm.words}"
        parts: list[text.Part] = [(counts, "bold"), self._marks(), (listed, text.MUTED), (often, text.MUTED)]
        while len(parts) > 1 and text.line(*parts).cell_length > self.size.width:
            parts.pop()
        self.query_one("#rhythm", Static).update(text.line(*parts))

    def _marks(self) -> text.Part:
        if not self.marked:
            return ""
        pattern = self.filter_bar.pattern
        entries = self.entries()
        hidden = sum(
            place in self.marked and not pattern.matches(entries.text(number))
            for number, place in enumerate(entries.places)
        )
        behind = f", {hidden} of them hidden by the filter" if hidden else ""
        return (f" · ● {len(self.marked)} marked{behind}", "$text-primary")

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
        self.console.listings.refresh(self.meant if self.marked else None)

    def do_pause(self) -> None:
        rhythm = self.console.listings.rhythm
        rhythm.paused = not rhythm.paused
        self._tell_rhythm()

    def do_interval(self) -> None:
        rhythm = self.console.listings.rhythm
        rhythm.next_interval()
        self.say(f"The fleet is listed again {rhythm.words}")
        self._tell_rhythm()

    def do_mark(self) -> None:
        place = self.selected
        if place is not None:
            self.marked ^= {place}
            self.redraw()
            self._to_next_place()

    def do_mark_all(self) -> None:
        """Mark what the filter shows; where all of that is marked, take the marks away."""
        places, source = self.console.listings.places, self.table.source
        keys = [row.key for index in range(source.row_count()) if (row := source.row(index)) is not None]
        shown = {places[key] for key in keys if isinstance(key, int)}
        self.marked = set() if shown <= self.marked else self.marked | shown
        self.redraw()

    def do_prove(self) -> None:
        """Prove the marked replicas, or the one under the cursor; asks before a lot is fetched."""
        places = [place for place in self.meant if place.timeline is not None]
        total = sum(place.timeline.size for place in places if place.timeline is not None)
        if len(places) == 1 and (total < ASK_BYTES or places[0].local):
            self._prove(places)
            return
        from sqlite_recovery_tui.tui.screens.dialogs import Confirm

        def answer(yes: bool | None) -> None:
            if yes:
                self._prove(places)

        question = f"Prove {phrases.many(len(places), 'replica')}?"
        detail = f"Every object is read: {phrases.size(total)} in all. Nothing is written."
        self.console.push_screen(Confirm(question, detail, yes="Prove", no="Not now"), answer)

    def do_place(self) -> None:
        from sqlite_recovery_tui.tui.screens.welcome import WelcomeScreen

        self.console.push_screen(WelcomeScreen())

    def _prove(self, places: list[Place]) -> None:
        config = self.console.config_file
        jobs = [
            self.console.jobs.start(VerifyJob(place=place, config=config, clock=self.console.clock))
            for place in places
        ]
        if len(jobs) == 1:
            self.console.open_job(jobs[0])
        else:
            self.say(f"{phrases.many(len(jobs), 'replica')} are being proven; 2 shows the jobs")

    def _to_next_place(self) -> None:
        """Move to the next row that is a place, past the lines of a failure."""
        source = self.table.source
        for index in range(self.table.cursor + 1, source.row_count()):
            row = source.row(index)
            if row is not None and isinstance(row.key, int):
                self.table.move_to(index)
                return
