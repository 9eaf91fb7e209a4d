"""One replica: all it holds, newest first, and the point to go back to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget

from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.restore.target import AtTime, describe, of_point
from sqlite_recovery_tui.tui import actions, entries, phrases, text, wording, work
from sqlite_recovery_tui.tui.aim import LATEST, Aim
from sqlite_recovery_tui.tui.command import timeline_line
from sqlite_recovery_tui.tui.engine import Queue, Report, Request
from sqlite_recovery_tui.tui.entries import Entry, EntryList, Heading, Hole, Stored
from sqlite_recovery_tui.tui.proof import Subject
from sqlite_recovery_tui.tui.screens.base import ConsoleScreen
from sqlite_recovery_tui.tui.screens.summary import gap_words, timeline_facts
from sqlite_recovery_tui.tui.state import Place
from sqlite_recovery_tui.tui.widgets.coverage import Coverage
from sqlite_recovery_tui.tui.widgets.fact_sheet import Fact, FactSheet
from sqlite_recovery_tui.tui.widgets.problem import Problem, way
from sqlite_recovery_tui.tui.widgets.record_table import RecordTable
from sqlite_recovery_tui.tui.widgets.rows import Cell, Column, MadeSource, Role, Row

if TYPE_CHECKING:
    from sqlite_recovery_tui.replica.lineage import Lane
    from sqlite_recovery_tui.replica.timeline import Timeline
    from sqlite_recovery_tui.tui.work import Draft

REST_SECONDS = 0.08
"""How long the cursor stays on a line before its restore is planned."""

COLUMNS = (
    Column("what", "what", width=12),
    Column("position", "position", width=17),
    Column("time", "stored", least=20, most=26),
    Column("age", "age", least=9, most=12, align="right", drop=1),
    Column("size", "size", width=10, align="right"),
    Column("object", "object", least=36, most=90, grow=True, drop=2, cut="middle"),
)


class ReplicaScreen(ConsoleScreen):
    """The history of one replica, and what a restore of the selected point takes."""

    VIEW = "replica"
    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings("replica")]
    CSS_PATH = ["base.tcss", "replica.tcss"]

    def __init__(self, place: Place, *, at: str | None = None) -> None:
        """Show `place`, whose listing may still be under way, with the cursor on the object `at`."""
        super().__init__()
        self.place = place
        self._begin_at = at
        self.lines: EntryList | None = None
        self._laying: Request[Any] | None = None
        self._drafting: Request[Any] | None = None
        self._takes: tuple[Entry, Draft | RecoverError] | None = None
        self._wants_preview = False

    def body(self) -> Iterable[Widget]:
        with Vertical(id="head", classes="panel"):
            yield Coverage()
            yield FactSheet(id="coverage")
        yield Problem()
        yield RecordTable(COLUMNS, id="history", empty="The first results are on their way…")
        with Vertical(id="point", classes="panel"):
            yield FactSheet(id="selected")

    @property
    def crumb(self) -> str:
        return f"{self.place.database} {self.place.replica}"

    @property
    def table(self) -> RecordTable:
        return self.query_one("#history", RecordTable)

    @property
    def selected(self) -> Entry | None:
        """The line under the cursor."""
        number = self.table.cursor
        found = self.lines.entries if self.lines is not None else ()
        return found[number] if number < len(found) else None

    def facts(self) -> Iterator[str]:
        timeline = self.place.timeline
        if timeline is not None:
            yield "timeline"
            if timeline.newest is not None:
                yield "history"
        entry = self.selected
        if isinstance(entry, Stored) and entry.point is not None:
            yield "point"
            takes = self._outcome
            if takes is None or isinstance(takes, RecoverError) or takes.can_preview:
                yield "previewable"

    def copyable(self) -> str | None:
        match self.selected:
            case Stored(item, point=point):
                return (point.reached.label if point.end else item.label) if point is not None else item.key
            case Heading(lane):
                return lane.id
            case Hole(gap):
                return gap.object
        return self.place.url

    def equivalent(self) -> str:
        configured = self.place.ref.database is not None
        return timeline_line(self.place, config=self.console.config_file if configured else None)

    def copies(self) -> Iterator[tuple[str, str]]:
        if (words := self.copyable()) is not None and words != self.place.url:
            yield "position", words
        if isinstance(self.selected, Stored):
            yield "object", self.selected.item.key
        yield "place", self.place.url
        yield "command", self.equivalent()

    def on_mount(self) -> None:
        self.place_changed(self.place)

    def on_unmount(self) -> None:
        self.console.engine.drop(self._laying)
        self.console.engine.drop(self._drafting)

    # what arrives

    def place_changed(self, place: Place) -> None:
        if place is not self.place:
            return
        error = place.error if not place.listing else None
        self.query_one(Problem).show(
            error, [way("r", "list it again"), way("esc", "look at another replica")]
        )
        self._describe_place()
        if error is not None and self.lines is None:
            self.table.empty = ""
            self.table.redraw()
        timeline = place.timeline
        if timeline is None or (self.lines is not None and self.lines.timeline is timeline):
            return
        self.console.engine.drop(self._laying)
        self._laying = self.console.engine.ask(
            Queue.THINK, self, lambda _: entries.build(timeline), then=self._laid_out, failed=self._failed
        )

    def _laid_out(self, made: EntryList) -> None:
        first = self.lines is None
        self.lines = made
        self.table.empty = "Nothing that could be restored was found here."
        self.table.reload(MadeSource(made.keys, self._row))
        if first and not (self._begin_at and self.table.move_to_key(self._begin_at)):
            self.table.move_to(made.first_point())
        self._point_changed()
        self._describe_place()
        self.refresh_frame()

    def _failed(self, error: RecoverError) -> None:
        self.query_one(Problem).show(error)

    def redraw(self) -> None:
        self.table.reload()
        self._describe_place()
        self._describe_point()

    def _describe_place(self) -> None:
        timeline = self.place.timeline
        self._show_history()
        facts: list[Fact] = []
        if timeline is not None:
            grain = self.lines.grain if self.lines is not None else None
            facts = list(timeline_facts(timeline, self, grain))
        if self.place.listing:
            count = f" {phrases.many(timeline.objects, 'object')} so far" if timeline is not None else ""
            facts.append(("", text.line(("◌ listing", text.MUTED), count)))
        self.query_one("#coverage", FactSheet).show(facts)

    # the selected point

    @on(RecordTable.Moved)
    def _point_changed(self) -> None:
        entry, timeline = self.selected, self.place.timeline
        self._wants_preview = False
        self._describe_point()
        self.console.engine.drop(self._drafting)
        if not isinstance(entry, Stored) or entry.point is None or timeline is None:
            return
        if self._takes is not None and self._takes[0] == entry:
            return
        scratch = self.console.scratch_dir
        self._drafting = self.console.engine.ask(
            Queue.THINK,
            self,
            lambda report: _draft_at_rest(self.place, timeline, entry, scratch, report),
            then=lambda draft: self._drafted(entry, draft),
            failed=lambda error: self._drafted(entry, error),
        )

    def _drafted(self, entry: Entry, outcome: Draft | RecoverError) -> None:
        self._takes = (entry, outcome)
        self._describe_point()
        self.refresh_frame()
        if self._wants_preview:
            self._wants_preview = False
            self.console.act_on(self, actions.BY_ID["replica.preview"])

    def _show_history(self) -> None:
        entry = self.selected
        moment = entry.item.time if isinstance(entry, Stored) else None
        local = self.console.time_style == "local"
        self.query_one(Coverage).show(self.place.timeline, marked=moment, local=local)

    def _describe_point(self) -> None:
        entry = self.selected
        self._show_history()
        self.query_one("#point").display = entry is not None
        if entry is not None:
            self.query_one("#selected", FactSheet).show(list(self._point_facts(entry)))

    def _point_facts(self, entry: Entry) -> Iterator[Fact]:
        match entry:
            case Heading(lane):
                about = f": {lane.about}" if lane.about else ""
                yield lane.noun, text.line((lane.id, "bold"), about)
                yield "from", self.in_full(lane.start)
                yield "to", self.in_full(lane.end)
            case Hole(gap):
                yield "gap", text.line(("╳ ", "bold $text-error"), gap_words(gap))
                yield "object", gap.object
            case Stored(item, point=None, expired=expired):
                why = "its time has expired" if expired else "no snapshot connects to it"
                style = text.MUTED if expired else "$text-error"
                yield "point", text.line((f"✗ cannot be restored: {why}", style))
                yield "object", item.key
            case Stored(item, point=point):
                assert point is not None
                yield "point", text.line((self.in_full(point.time), "bold"))
                yield "exactly", text.line(describe(of_point(point)), ("  " + item.key, text.MUTED))
                yield "restore", self._cost(entry)

    def _cost(self, entry: Entry) -> Content | str:
        from sqlite_recovery_tui.tui.screens.plan_words import cost_line

        if self._takes is None or self._takes[0] != entry:
            return ""
        outcome = self._takes[1]
        if isinstance(outcome, RecoverError):
            return text.line((f"✗ {wording.words(outcome)}", "$text-error"))
        return cost_line(outcome)

    @property
    def _outcome(self) -> Draft | RecoverError | None:
        """The plan for the selected line, or why there is none; None while it is made."""
        return self._takes[1] if self._takes is not None and self._takes[0] == self.selected else None

    # actions

    def do_preview(self) -> None:
        match self._outcome:
            case None:
                self._wants_preview = True
            case RecoverError() as error:
                self.say(wording.words(error), bad=True)
            case draft:
                self.console.open_workbench(Subject.planned(draft))

    def do_restore(self) -> None:
        entry = self.selected
        if isinstance(entry, Stored) and entry.point is not None:
            self.console.open_plan(self.place, entries.aim_of(entry))

    def do_latest(self) -> None:
        self.console.open_plan(self.place, LATEST)

    def do_time(self) -> None:
        from sqlite_recovery_tui.tui.screens.time_dialog import TimeDialog

        def chosen(target: AtTime | None) -> None:
            if target is not None:
                self._go_to(target)
                self.console.open_plan(self.place, Aim(target))

        if self.place.timeline is not None:
            self.console.push_screen(TimeDialog((self.place,), self.console.now()), chosen)

    def do_refresh(self) -> None:
        self.console.listings.refresh([self.place])

    def do_older_mark(self) -> None:
        if self.lines is not None:
            self._jump(self.lines.mark_after(self.table.cursor))

    def do_newer_mark(self) -> None:
        if self.lines is not None:
            self._jump(self.lines.mark_before(self.table.cursor))

    def _jump(self, place: int | None) -> None:
        if place is not None:
            self.table.move_to(place, center=True)

    def go_to_object(self, key: str) -> None:
        """Put the cursor on the line of an object."""
        self.table.move_to_key(key)

    def _go_to(self, target: AtTime) -> None:
        """Put the cursor on the point that a time leads to, so that it is there on the way back."""
        timeline = self.place.timeline
        point = timeline.at_or_before(target.time) if timeline is not None else None
        if point is not None:
            self.table.move_to_key(point.key)

    # rows

    def _row(self, number: int) -> Row:
        assert self.lines is not None
        key = self.lines.keys[number]
        match self.lines.entries[number]:
            case Heading(lane):
                return self._heading(key, lane)
            case Hole(gap):
                pause = not gap.is_damage
                mark = "‖ pause: " if pause else "╳ gap: "
                return Row(key, (f"  {mark}{gap_words(gap)}",), wide=True, role="warn" if pause else "bad")
            case Stored() as entry:
                return self._stored(key, entry)

    def _heading(self, key: str, lane: Lane) -> Row:
        about = f" · {lane.about}" if lane.about else ""
        title = Cell(f"━ {lane.title}{about}", "accent")
        span = f"   {phrases.period(lane.start, lane.end, self.console.time_style, self.console.now())}"
        holds = f"   {lane.holds}, {phrases.size(lane.size)}"
        return Row(key, (title, span, Cell(holds, "muted")), wide=True)

    def _stored(self, key: str, entry: Stored) -> Row:
        item = entry.item
        if entry.point is not None:
            mark = Cell(f" ◆ {entry.noun}", "accent") if entry.is_base else Cell(f" │ {entry.noun}", "muted")
        else:
            mark = Cell(" · expired", "muted") if entry.expired else Cell(" ✗ cut off", "bad")
        cells = (
            mark,
            phrases.short_ids(item.label),
            self.moment(item.time),
            Cell(phrases.age(item.time, self.console.now()), "muted"),
            phrases.size(item.size),
            Cell(item.key, "muted"),
        )
        role: Role = "muted" if entry.point is None else "strong" if entry.is_base else ""
        return Row(key, cells, role=role)


def _draft_at_rest(place: Place, timeline: Timeline, entry: Stored, scratch: Path, report: Report) -> Draft:
    """Plan for a line unless the cursor moves on at once: on a long history that is real work."""
    report.cancel.wait(REST_SECONDS)
    report.cancel.check()
    return work.draft(place, timeline, entries.aim_of(entry), scratch)
