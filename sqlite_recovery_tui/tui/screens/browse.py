"""Look through a bucket or a folder for replicas, also of databases that no configuration names any more."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, on
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Input, Static

from sqlite_recovery_tui.errors import Cancelled, RecoverError
from sqlite_recovery_tui.progress import Progress
from sqlite_recovery_tui.tui import actions, browsing, phrases, text
from sqlite_recovery_tui.tui.browsing import Findings
from sqlite_recovery_tui.tui.engine import Queue, Request
from sqlite_recovery_tui.tui.screens import browse_rows
from sqlite_recovery_tui.tui.screens.filtered import FilteredScreen
from sqlite_recovery_tui.tui.screens.summary import timeline_facts
from sqlite_recovery_tui.tui.widgets.coverage import Coverage
from sqlite_recovery_tui.tui.widgets.fact_sheet import Fact, FactSheet
from sqlite_recovery_tui.tui.widgets.field import Field
from sqlite_recovery_tui.tui.widgets.filter import FilterBar
from sqlite_recovery_tui.tui.widgets.problem import Problem
from sqlite_recovery_tui.tui.widgets.record_table import RecordTable
from sqlite_recovery_tui.tui.widgets.rows import ListSource
from sqlite_recovery_tui.tui.widgets.sift import Entries

if TYPE_CHECKING:
    from sqlite_recovery_tui.replica.browse import Sighting

HINTS = {"where": "look through it", "filter": "keep the filter"}
"""What enter does, by the field that is typed into."""


class BrowseScreen(FilteredScreen):
    """A field for the place, and what is found there, as it is found."""

    VIEW = "browse"
    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings("browse")]
    CSS_PATH = ["base.tcss", "browse.tcss"]

    def __init__(self, where: str = "") -> None:
        """Begin with nothing looked through, or at once with `where`."""
        super().__init__()
        self.where = where
        self.findings: Findings | None = None
        self._places: list[str] = []
        self._request: Request[Any] | None = None
        self._progress = ""

    def body(self) -> Iterable[Widget]:
        with Horizontal(id="ask"):
            yield Static("look through")
            yield Field(
                self.where, placeholder="s3://bucket/prefix · gs:// · abs:// · sftp:// · /folder", id="where"
            )
        yield Static(id="told")
        yield Problem()
        yield FilterBar()
        yield RecordTable(browse_rows.PLACES, id="found", empty="Type where to look, and press enter.")
        with Vertical(id="about", classes="panel"):
            yield Coverage()
            yield FactSheet()

    @property
    def crumb(self) -> str:
        return "browse"

    @property
    def looking(self) -> bool:
        return self._request is not None and self._request.running

    @property
    def selected(self) -> Sighting | None:
        """The replica under the cursor."""
        key = self.table.current_key
        return self.findings.sightings.get(str(key)) if self.findings is not None else None

    def entries(self) -> Entries:
        if self.findings is None:
            return browse_rows.places(self._places)
        console, findings = self.console, self.findings
        return browse_rows.sightings(
            tuple(findings.sightings.values()),
            findings.where,
            console.time_style,
            console.now(),
            looking=self.looking,
        )

    def facts(self) -> Iterator[str]:
        if self.table.current is not None:
            yield "row"
        if self.looking:
            yield "looking"
        if self.where:
            yield "looked"

    def copyable(self) -> str | None:
        key = self.table.current_key
        return str(key) if key is not None else self.where or None

    def equivalent(self) -> str | None:
        return shlex.join(["sqlrecover", "browse", self.where]) if self.where else None

    def on_mount(self) -> None:
        self._places = browsing.known_places(self.console.settings)
        self.redraw()
        if self.where:
            self._look_through(self.where)
        elif self._places:
            self.table.focus()
        else:
            self._field.focus()

    def on_unmount(self) -> None:
        self.console.engine.drop(self._request)

    @property
    def _field(self) -> Field:
        return self.query_one("#where", Field)

    # what arrives

    def _look_through(self, where: str) -> None:
        self.where = self._field.value = where
        self.findings, self._progress = Findings(where), ""
        self.console.engine.drop(self._request)
        self.query_one(Problem).show(None)
        self.table.show(browse_rows.COLUMNS, ListSource())
        self.table.focus()
        settings, clock = self.console.settings, self.console.clock
        self._request = self.console.engine.ask(
            Queue.BROWSE,
            self,
            lambda report: browsing.look_through(settings, where, clock, report),
            then=self._found,
            failed=self._failed,
            partial=self._found,
            progress=self._advanced,
        )
        self.redraw()

    def _found(self, findings: Findings) -> None:
        self.findings = findings
        if findings.errors:
            self.query_one(Problem).show(findings.errors[0])
        self.redraw()
        self.refresh_frame()

    def _failed(self, error: RecoverError) -> None:
        if isinstance(error, Cancelled):
            self.say("Stopped; what was found stays")
        else:
            self.query_one(Problem).show(error)
            if self.findings is None or not self.findings.sightings:
                self._field.focus()
        self.redraw()
        self.refresh_frame()

    def _advanced(self, progress: Progress) -> None:
        self._progress = f"{progress.done:,}"
        self._tell()

    def redraw(self) -> None:
        self.table.empty = self._empty()
        self.show_entries()
        self._tell()
        self._describe()

    def _empty(self) -> str:
        if self.findings is None:
            return "Type where to look, and press enter."
        return "The first results are on their way…" if self.looking else "No replica was found there."

    def _tell(self) -> None:
        """Say how far it is, or what came of it."""
        self.query_one("#told", Static).update(text.line(*self._words()))

    def _words(self) -> list[text.Part]:
        if self.findings is None:
            return [("Every replica below a bucket, a prefix or a folder, configured or not.", text.MUTED)]
        count = phrases.many(len(self.findings.sightings), "replica")
        if self.looking:
            seen = f" in {self._progress} objects" if self._progress else ""
            return [
                ("◌ looking… ", "$text-accent"),
                (count, "bold"),
                (f" so far{seen} · x stops", text.MUTED),
            ]
        if not self.findings.complete:
            return [("‖ ", "$text-warning"), (count, "bold"), (" · not all was looked through", text.MUTED)]
        nowhere = sum(not each.known_as for each in self.findings.sightings.values())
        unknown: text.Part = (f" · ○ {nowhere} configured nowhere", "$text-warning") if nowhere else ""
        objects = phrases.many(self.findings.objects, "object")
        cut = " · there is more: name a longer prefix" if self.findings.cut_short else ""
        return [("✓ ", "$text-success"), (count, "bold"), (f" in {objects}", text.MUTED), unknown, cut]

    @on(RecordTable.Moved)
    def _describe(self) -> None:
        sighting = self.selected
        self.query_one("#about").display = sighting is not None
        if sighting is not None:
            self.query_one(Coverage).show(sighting.timeline, local=self.console.time_style == "local")
            self.query_one(FactSheet).show(list(self._facts(sighting)))

    def _facts(self, sighting: Sighting) -> Iterator[Fact]:
        yield "place", text.line((sighting.url, "bold"))
        if not sighting.known_as:
            yield (
                "configured",
                text.line(("○ nowhere: a database that was deleted, or moved, say", "$text-warning")),
            )
        else:
            yield "configured", text.line(sighting.known_as)
        yield from (fact for fact in timeline_facts(sighting.timeline, self) if fact[0] != "burst")

    # actions

    def do_open(self) -> None:
        """Open the replica under the cursor as a place, or look through the place under it."""
        sighting, key = self.selected, self.table.current_key
        if sighting is not None:
            self.console.open_place(self.console.listings.visit(sighting.ref, sighting.timeline))
        elif self.findings is None and key is not None:
            self._look_through(str(key))

    def do_place(self) -> None:
        self._field.focus()

    def do_again(self) -> None:
        self._look_through(self.where)

    def do_stop(self) -> None:
        if self._request is not None:
            self._request.stop()

    def leave_typing(self) -> None:
        if self.table.source.row_count():
            self.table.focus()
        else:
            self.console.back()

    @on(Input.Submitted, "#where")
    def _typed(self, message: Input.Submitted) -> None:
        if typed := message.value.strip():
            self._look_through(typed)

    @on(events.DescendantFocus)
    def _hint(self, event: events.DescendantFocus) -> None:
        self.TYPING_HINT = HINTS.get(event.widget.id or "", "take it")
