"""One replica: its history over time and as a list, with one cursor in both, and what a restore takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from textual import events, on
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.widget import Widget

from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.restore.target import AtTime
from sqlite_recovery_tui.tui import actions, phrases, replica_work, text, wording
from sqlite_recovery_tui.tui.aim import LATEST, Aim
from sqlite_recovery_tui.tui.command import command_line, timeline_line
from sqlite_recovery_tui.tui.commit_reader import CommitReader
from sqlite_recovery_tui.tui.engine import Queue, Request
from sqlite_recovery_tui.tui.entries import Stored
from sqlite_recovery_tui.tui.jobs import Job
from sqlite_recovery_tui.tui.jobs.bisect import BisectJob
from sqlite_recovery_tui.tui.known import Known, known_of
from sqlite_recovery_tui.tui.proof import Subject
from sqlite_recovery_tui.tui.replica_work import Laid, Takes
from sqlite_recovery_tui.tui.screens.replica_moves import HistoryScreen, ObjectList
from sqlite_recovery_tui.tui.screens.replica_pins import pins
from sqlite_recovery_tui.tui.screens.replica_rows import COLUMNS, HistoryRows
from sqlite_recovery_tui.tui.screens.replica_words import spot_facts
from sqlite_recovery_tui.tui.screens.summary import timeline_facts
from sqlite_recovery_tui.tui.state import Place
from sqlite_recovery_tui.tui.steps import Steps
from sqlite_recovery_tui.tui.widgets.fact_sheet import Fact, FactSheet
from sqlite_recovery_tui.tui.widgets.problem import Problem, way
from sqlite_recovery_tui.tui.widgets.record_table import RecordTable
from sqlite_recovery_tui.tui.widgets.timeline import Cursor, Timeline

_LABELS = 9
"""Cells for the label of a fact."""


class ReplicaScreen(HistoryScreen):
    """The history of one replica, and what a restore of the selected point takes."""

    VIEW = "replica"
    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings("replica")]
    CSS_PATH = ["base.tcss", "replica.tcss"]
    AUTO_FOCUS = "#history"

    def __init__(self, place: Place, *, at: str | None = None) -> None:
        """Show `place`, whose listing may still be under way, with the cursor on the object `at`."""
        super().__init__(place)
        self._begin_at = at
        self.known = Known()
        self._laying: Request[Any] | None = None
        self._drafting: Request[Any] | None = None
        self._looking: Request[Any] | None = None
        self._takes: tuple[Aim, Takes | RecoverError] | None = None
        self._wants_preview = False
        self._proven: object = None
        """The last proof that was taken in."""

    def body(self) -> Iterable[Widget]:
        with Vertical(id="head", classes="panel"):
            yield Timeline()
        with Container(id="about", classes="panel"):
            yield FactSheet(label_width=_LABELS, id="selected")
            yield FactSheet(label_width=_LABELS, id="coverage")
        yield Problem()
        yield ObjectList(COLUMNS, id="history", empty="The first results are on their way…")

    @property
    def crumb(self) -> str:
        return f"{self.place.database} {self.place.replica}"

    def facts(self) -> Iterator[str]:
        timeline = self.place.timeline
        if timeline is not None:
            yield "timeline"
            if timeline.newest is not None:
                yield "history"
        if self.timeline.view is not None:
            yield "zoomed"
        entry = self.selected
        if isinstance(entry, Stored):
            yield "object"
            if entry.point is not None:
                yield "point"
                takes = self._outcome
                if takes is None or isinstance(takes, RecoverError) or takes.draft.can_preview:
                    yield "previewable"

    def copyable(self) -> str | None:
        spot = self.spot
        return spot.label if spot is not None else self.place.url

    def equivalent(self) -> str:
        """Return the command that restores what the cursor stands on, or that shows this history."""
        configured = self.place.ref.database is not None
        config = self.console.config_file if configured else None
        takes = self._outcome
        if takes is None or isinstance(takes, RecoverError):
            return timeline_line(self.place, config=config)
        return command_line(self.place, self._aim or LATEST, takes.draft.output, config=config)

    def copies(self) -> Iterator[tuple[str, str]]:
        if (words := self.copyable()) is not None and words != self.place.url:
            yield "position", words
        if isinstance(entry := self.selected, Stored):
            yield "object", entry.item.key
        yield "place", self.place.url
        yield "command", self.equivalent()

    def on_mount(self) -> None:
        self.commits = CommitReader(self.console.engine, self, self.place)
        self.place_changed(self.place)
        self._look_up()

    def on_unmount(self) -> None:
        for request in (self._laying, self._drafting, self._looking):
            self.console.engine.drop(request)
        self.commits.drop()

    # what arrives

    def place_changed(self, place: Place) -> None:
        if place is not self.place:
            return
        error = place.error if not place.listing else None
        self.query_one(Problem).show(
            error, [way("r", "list it again"), way("esc", "look at another replica")]
        )
        self._describe_place()
        if error is not None and self.laid is None:
            self.table.empty = ""
            self.table.redraw()
        timeline = place.timeline
        if timeline is None or (self.lines is not None and self.lines.timeline is timeline):
            return
        self.console.engine.drop(self._laying)
        self._laying = self.console.engine.ask(
            Queue.THINK,
            self,
            lambda _: replica_work.lay_out(timeline),
            then=self._laid_out,
            failed=self._failed,
        )

    def _laid_out(self, made: Laid) -> None:
        first = self.laid is None
        self.laid = made
        self.table.empty = "Nothing that could be restored was found here."
        self.table.reload(HistoryRows(made.lines, self.known.flaws, self))
        if first:
            self._begin(made.lines.first_point())
        self.point_changed()
        self._describe_place()
        self.refresh_frame()

    def _begin(self, newest: int) -> None:
        """Put the cursor where it is to begin; its line is brought into view once there is a layout."""
        if self._begin_at is None or not self.table.move_to_key(self._begin_at):
            self.table.move_to(newest)
        else:
            self.call_after_refresh(self.table.move_to_key, self._begin_at)

    def _failed(self, error: RecoverError) -> None:
        self.query_one(Problem).show(error)

    def job_changed(self, job: Job[Any]) -> None:
        if job.running or getattr(job, "place", None) is not self.place:
            return
        self._look_up()
        if isinstance(job, BisectJob) and job.result is not None:
            self.go_to_commit(job.result.after.stop.key, job.result.after.place)

    def _last_proof(self) -> object:
        history = getattr(self.console, "history", None)
        return history.last_proof(self.place.url) if history is not None else None

    @on(events.ScreenResume)
    def _look_up(self) -> None:
        """Ask what is known of this replica beyond its listing."""
        history = getattr(self.console, "history", None)
        url, jobs = self.place.url, tuple(self.console.jobs.all)
        self._proven = self._last_proof()
        self.console.engine.drop(self._looking)
        self._looking = self.console.engine.ask(
            Queue.THINK,
            self,
            lambda _: known_of(self.place, jobs, replica_work.proofs(history, url)),
            then=self._looked_up,
            failed=self._failed,
        )

    def _looked_up(self, known: Known) -> None:
        if known == self.known:
            return
        self.known = known
        self._takes = None
        if self.lines is not None:
            self.table.reload(HistoryRows(self.lines, known.flaws, self))
            self.point_changed()

    def redraw(self) -> None:
        if self._last_proof() != self._proven:
            self._look_up()
        self.table.reload()
        self._describe_place()
        self.describe_point()

    def _describe_place(self) -> None:
        timeline = self.place.timeline
        self._show_timeline()
        facts: list[Fact] = []
        if timeline is not None:
            grain = self.lines.grain if self.lines is not None else None
            facts = [
                ("points", text.line("every ", value)) if label == "points every" else (label, value)
                for label, value in timeline_facts(timeline, self, grain)
                if label not in self._said
            ]
        if self.place.listing:
            count = f" {phrases.many(timeline.objects, 'object')} so far" if timeline is not None else ""
            facts.append(("", text.line(("◌ listing", text.MUTED), count)))
        self.query_one("#coverage", FactSheet).show(facts)

    @property
    def _said(self) -> tuple[str, ...]:
        """What of a replica stands elsewhere on the screen, or has to where there is little room."""
        return ("back to",) if self.has_class("-tall") else ("back to", "covered", "holds")

    # the selected point

    @on(RecordTable.Moved)
    def point_changed(self) -> None:
        spot, timeline = self.spot, self.place.timeline
        self._wants_preview = False
        if spot is not None and isinstance(spot.entry, Stored):
            key = spot.entry.item.key
            self.asked = self.asked if self.asked is not None and self.asked[1] == key else None
            self.commit = self.commit if self.commit is not None and self.commit[0] == key else None
        self.describe_point()
        self.console.engine.drop(self._drafting)
        aim = self._aim
        if aim is None or timeline is None or (self._takes is not None and self._takes[0] == aim):
            return
        scratch, flawed = self.console.scratch_dir, self.known.flaws
        self._drafting = self.console.engine.ask(
            Queue.THINK,
            self,
            lambda report: replica_work.draft(
                self.place, timeline, aim, scratch, flawed=flawed, report=report
            ),
            then=lambda takes: self._drafted(aim, takes),
            failed=lambda error: self._drafted(aim, error),
            rest=replica_work.REST_SECONDS,
        )

    def _drafted(self, aim: Aim, outcome: Takes | RecoverError) -> None:
        self._takes = (aim, outcome)
        self.describe_point()
        self.refresh_frame()
        if self._wants_preview:
            self._wants_preview = False
            self.console.act_on(self, actions.BY_ID["replica.preview"])

    def _show_timeline(self) -> None:
        """Bring the timeline up to date with the list: one cursor, in both."""
        shown, laid = self.timeline, self.laid
        shown.show(
            laid.index if laid is not None else None,
            now=self.console.now(),
            local=self.console.time_style == "local",
        )
        if laid is None:
            return
        steps, place = Steps(laid.lines), self.table.cursor
        moment, lane = steps.moment_of(place), steps.block_of(place)
        shown.point(Cursor(moment, lane or 0) if moment is not None else None)
        asked = self.asked[0].time if self.asked is not None else None
        shown.pin(pins(laid.lines, self.known, asked, self.console.now()))

    def describe_point(self) -> None:
        spot = self.spot
        self._show_timeline()
        self.query_one("#selected").display = spot is not None
        if spot is not None:
            reading = self.commits.reading is not None
            facts = spot_facts(spot, self._outcome, self.known, self, reading=reading)
            self.query_one("#selected", FactSheet).show(list(facts))

    @property
    def _aim(self) -> Aim | None:
        """What to wish for to get the state under the cursor."""
        spot = self.spot
        return spot.aim if spot is not None else None

    @property
    def _outcome(self) -> Takes | RecoverError | None:
        """The plan for the selected state, or why there is none; None while it is made."""
        return self._takes[1] if self._takes is not None and self._takes[0] == self._aim else None

    # restore and look

    def do_preview(self) -> None:
        match self._outcome:
            case None:
                self._wants_preview = True
            case RecoverError() as error:
                self.say(wording.words(error), bad=True)
            case takes:
                self.console.open_workbench(Subject.planned(takes.draft))

    def do_restore(self) -> None:
        if (aim := self._aim) is not None:
            self.console.open_plan(self.place, aim)

    def do_latest(self) -> None:
        self.console.open_plan(self.place, LATEST)

    def do_open(self) -> None:
        if isinstance(entry := self.selected, Stored):
            self.console.open_object(self.place, entry.item)

    def do_refresh(self) -> None:
        self.console.listings.refresh([self.place])

    def do_bisect(self) -> None:
        from sqlite_recovery_tui.tui.screens.bisect_dialog import ask_and_search

        ask_and_search(self.console, self.place)

    def do_time(self) -> None:
        from sqlite_recovery_tui.tui.screens.time_dialog import TimeDialog

        def chosen(answer: AtTime | None) -> None:
            if answer is not None:
                self.go_to(answer)
                if dialog.plan:
                    self.console.open_plan(self.place, Aim(answer))

        if self.place.timeline is not None:
            dialog = TimeDialog((self.place,), self.console.now(), shows=True)
            self.console.push_screen(dialog, chosen)
