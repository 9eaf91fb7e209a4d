"""The plan of a restore: what was asked, what it leads to, what it takes, where it goes; enter runs it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from sqlite_recovery_tui.errors import DamagedError, OutsideCoverage, RecoverError
from sqlite_recovery_tui.progress import Progress
from sqlite_recovery_tui.restore.target import AtTime
from sqlite_recovery_tui.tui import actions, text, wording, work
from sqlite_recovery_tui.tui.actions import Action
from sqlite_recovery_tui.tui.aim import Aim, at_base
from sqlite_recovery_tui.tui.command import command_line
from sqlite_recovery_tui.tui.engine import Queue, Request
from sqlite_recovery_tui.tui.jobs import RestoreJob
from sqlite_recovery_tui.tui.jobs.restore import MEMORY_BYTES
from sqlite_recovery_tui.tui.proof import Subject
from sqlite_recovery_tui.tui.room import Room, room_for, room_line
from sqlite_recovery_tui.tui.screens import plan_words
from sqlite_recovery_tui.tui.screens.base import ConsoleScreen
from sqlite_recovery_tui.tui.state import Other, Place
from sqlite_recovery_tui.tui.widgets.coverage import Coverage
from sqlite_recovery_tui.tui.widgets.fact_sheet import Fact, FactSheet
from sqlite_recovery_tui.tui.widgets.field import Field
from sqlite_recovery_tui.tui.widgets.problem import Problem

if TYPE_CHECKING:
    from sqlite_recovery_tui.tui.work import Draft

OLD = timedelta(minutes=5)
"""From which age on a listing is made anew before a plan runs: Litestream 0.5 keeps level 0 that long."""


class PlanScreen(ConsoleScreen):
    """One restore before it runs."""

    VIEW = "plan"
    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings("plan")]
    CSS_PATH = ["base.tcss", "plan.tcss"]
    AUTO_FOCUS = ""
    TYPING_HINT = "use this path"

    def __init__(self, places: Sequence[Place], aim: Aim, chosen: Place | None) -> None:
        """Plan a restore of one database from the replica `chosen`; None: from the best of `places`."""
        super().__init__()
        self.places = tuple(places)
        self.aim = aim
        self.chosen = chosen
        self.draft: Draft | None = None
        self.error: RecoverError | None = None
        self.others: tuple[Other, ...] = ()
        self.output: Path | None = None
        """The path somebody typed; None takes the one proposed."""
        self.room: Room | None = None
        self._doing = ""
        self._to_run: Draft | None = None
        """What enter was pressed on while its listing was old: it runs if a new one leads to the same."""
        self._listing_again = False
        """Whether somebody asked for new listings, which are waited for."""
        self._measuring: Request[Any] | None = None
        self._request: Request[Any] | None = None
        self._comparing: Request[Any] | None = None

    def body(self) -> Iterable[Widget]:
        with VerticalScroll(id="sheet"):
            yield Coverage()
            yield Static("", id="plan-title", classes="title")
            yield FactSheet(id="asked", classes="panel")
            yield Problem()
            yield FactSheet(id="plan", classes="panel")
            yield FactSheet(id="how", classes="panel")
            yield Field(id="output")
        yield Static("", id="ready")

    @property
    def crumb(self) -> str:
        return "plan"

    @property
    def place(self) -> Place:
        """The replica that it is planned from, as far as that is known."""
        return self.chosen or (self.draft.place if self.draft is not None else self.places[0])

    @property
    def pending(self) -> list[Place]:
        """The replicas whose listings are waited for."""
        return [place for place in self._wanted if place.pending or (self._listing_again and place.listing)]

    @property
    def _wanted(self) -> tuple[Place, ...]:
        """The replicas that it may be planned from."""
        return (self.chosen,) if self.chosen else self.places

    @property
    def chosen_output(self) -> Path | None:
        """Where the restored database will be written."""
        return self.output or (self.draft.output if self.draft is not None else None)

    @property
    def command(self) -> str | None:
        """The command line that does the same."""
        output = self.chosen_output
        if self.draft is None or output is None:
            return None
        settings = self.console.settings
        config = settings.file if settings is not None else None
        return command_line(self.place, self.aim, output, config=config)

    def facts(self) -> Iterator[str]:
        if self.draft is not None:
            yield "plan"
            if self.draft.can_preview:
                yield "previewable"
        if self._next_place() is not None:
            yield "other-replica"
        error = self.error
        if isinstance(error, OutsideCoverage):
            if error.before is not None:
                yield "nearest-before"
            if error.after is not None:
                yield "nearest-after"
        if isinstance(error, DamagedError):
            if error.last_good is not None:
                yield "last-good"
            if error.next_good is not None:
                yield "next-good"

    def why_not(self, action: Action, met: set[str] | None = None) -> str | None:
        why = super().why_not(action, met)
        is_planless = why == actions.NEEDS["plan"]
        return plan_words.why_none(self.error, self.pending, self._doing) if is_planless else why

    def copyable(self) -> str | None:
        return self.command

    def on_mount(self) -> None:
        self._plan()

    def on_unmount(self) -> None:
        self.console.engine.drop(self._request)
        self.console.engine.drop(self._comparing)
        self.console.engine.drop(self._measuring)

    def place_changed(self, place: Place) -> None:
        if place not in self.places:
            return
        if self._to_run is not None and place is self.place:
            if not place.listing:
                self._plan()
        elif self.draft is None and self.error is None:
            self._plan()
        elif place is not self.place:
            self._compare()

    # planning

    def _plan(self) -> None:
        """Plan once everything that matters is listed: half a listing shows holes that are none."""
        self.draft, self.error, self._doing = None, None, "planning"
        self.console.engine.drop(self._request)
        aim, scratch, proofs = self.aim, self.console.scratch_dir, self.console.history
        if not self.pending:
            chosen, self._listing_again = self._wanted, False
            self._request = self.console.engine.ask(
                Queue.THINK,
                self,
                lambda report: work.draft_best(chosen, aim, scratch, report, proofs),
                then=self._planned,
                failed=self._refused,
                progress=self._advanced,
            )
        self.redraw()

    def _advanced(self, progress: Progress) -> None:
        """Say what planning waits for: exact times may cost a request each."""
        of = f" of {progress.total:,}" if progress.total else ""
        self._doing = f"{progress.phase} {progress.done:,}{of}"
        self.redraw()

    def _planned(self, draft: Draft) -> None:
        before, self._to_run = self._to_run, None
        self.draft = draft
        if before is not None and same_restore(before, draft):
            self.do_run()
            return
        if before is not None:
            self.say("The replica has changed meanwhile: this is the plan as of now")
        self._compare()
        self._measure()
        self.redraw()

    def _refused(self, error: RecoverError) -> None:
        self.error, self._to_run = error, None
        self._compare()
        self.redraw()

    def _measure(self) -> None:
        """Find out whether there is room where the restored database goes."""
        draft, output = self.draft, self.chosen_output
        self.room = None
        self.console.engine.drop(self._measuring)
        if draft is None or output is None:
            return

        def measured(room: Room) -> None:
            self.room = room
            self.redraw()

        self._measuring = self.console.engine.ask(
            Queue.THINK,
            self,
            lambda _: room_for(draft.place, draft.plan, output),
            then=measured,
            failed=self._not_compared,
        )

    def _compare(self) -> None:
        """Find out what the other replicas would give."""
        self.others = ()
        self.console.engine.drop(self._comparing)
        rest = [place for place in self.places if place is not self.place and not place.pending]
        aim = self.aim
        if not rest or not aim.suits_any:
            return

        def compared(others: tuple[Other, ...]) -> None:
            self.others = others
            self.redraw()

        self._comparing = self.console.engine.ask(
            Queue.THINK,
            self,
            lambda report: work.others(rest, aim, report),
            then=compared,
            failed=self._not_compared,
        )

    def _not_compared(self, error: RecoverError) -> None:
        self.say(wording.words(error), bad=True)

    # drawing

    def redraw(self) -> None:
        parts: list[text.Part] = ["Restore ", (self.place.database, "$text-primary")]
        if self.chosen is not None or self.draft is not None:
            parts += [" from ", self.place.replica]
        self.query_one("#plan-title", Static).update(text.line(*parts))
        self._show_history()
        self.query_one("#asked", FactSheet).show(list(self._asked()))
        failed = plan_words.failures(self._wanted, self.error) if self.error is not None else ()
        ways = plan_words.ways_out(self.error, self.aim, self._next_place())
        self.query_one(Problem).show(self.error, [*failed, *ways])
        planned = self.draft is not None
        for name in ("#plan", "#how"):
            self.query_one(name).display = planned
        if self.draft is not None:
            facts = plan_words.plan_facts(self.draft, self.aim, self.others, self._next_place(), self)
            self.query_one("#plan", FactSheet).show(list(facts))
            self.query_one("#how", FactSheet).show(list(self._how()))
        ready = self.query_one("#ready", Static)
        ready.display = planned
        ready.update(self._ready())
        self.refresh_frame()

    def _show_history(self) -> None:
        """Point out in the replica's history what the plan leads to."""
        point = None
        if self.draft is not None:
            point = plan_words.stops_at(self.draft, self.aim) or self.draft.plan.point
        moment = point.time if point is not None else None
        local = self.console.time_style == "local"
        self.query_one(Coverage).show(self.place.timeline, marked=moment, local=local)

    def _asked(self) -> Iterator[Fact]:
        yield "you asked for", text.line((self.aim.label, "bold"))
        if isinstance(self.aim.target, AtTime):
            yield "", self.in_full(self.aim.target.time, fine=True)
        if self.draft is None and self.error is None:
            waiting = ", ".join(place.replica for place in self.pending)
            yield "", text.line((f"◌ {f'listing {waiting}' if waiting else self._doing}…", text.MUTED))

    def _how(self) -> Iterator[Fact]:
        yield "write to", text.line((str(self.chosen_output), "bold"), ("  o changes it", text.FAINT))
        yield "space", room_line(self.room) if self.room is not None else text.line(("…", text.MUTED))
        yield "same as", text.line((self.command or "", text.MUTED), ("  y copies it", text.FAINT))

    def _ready(self) -> Content:
        if self.draft is None:
            return Content("")
        return text.line(
            (" enter ", "bold $background on $success"),
            ("  restores into this file. ", "bold"),
            ("Your production database is neither opened nor changed.", text.MUTED),
        )

    # actions

    def do_run(self) -> None:
        draft, output = self.draft, self.chosen_output
        if draft is None or output is None:
            return
        if self._is_old(draft.place):
            self._to_run = draft
            self.say(f"Listing {draft.place.replica} again first: what is known of it is old")
            self.console.listings.refresh([draft.place])
            return
        settings = self.console.settings
        job = RestoreJob(
            place=draft.place,
            aim=self.aim,
            plan=draft.plan,
            output=output,
            config=settings.file if settings is not None else None,
            scratch_dir=None if self.output is not None else self.console.scratch_dir,
            others=self.others,
            clock=self.console.clock,
            memory_bytes=settings.memory_bytes if settings is not None else MEMORY_BYTES,
        )
        self.console.jobs.start(job)
        self.console.open_job(job, instead=True)

    def _is_old(self, place: Place) -> bool:
        """Tell whether objects may have gone since a replica was listed."""
        state = place.state
        return state is not None and self.console.now() - state.as_of > OLD

    def do_refresh(self) -> None:
        """List again, and plan anew once that is done."""
        self._listing_again = True
        self.console.listings.refresh(self._wanted)
        self._plan()

    def do_preview(self) -> None:
        if self.draft is not None:
            self.console.open_workbench(Subject.planned(self.draft))

    def do_output(self) -> None:
        field = self.query_one("#output", Input)
        field.value = text.safe(self.chosen_output)
        field.display = True
        field.focus()

    def do_time(self) -> None:
        from sqlite_recovery_tui.tui.screens.time_dialog import TimeDialog

        places = (self.chosen,) if self.chosen else self.places
        typed = self.aim.target.text if isinstance(self.aim.target, AtTime) else ""
        self.console.push_screen(TimeDialog(places, self.console.now(), typed), self._time_typed)

    def do_other(self) -> None:
        """Plan from the next replica of this database, whatever is best."""
        following = self._next_place()
        if following is not None:
            self.chosen = following
            self._plan_for(self.aim.undamaged())

    def _next_place(self) -> Place | None:
        """Return the replica after this one, in turn, that can serve the aim; None when no other can."""
        number = self.places.index(self.place)
        turn = (*self.places[number + 1 :], *self.places[:number])
        able = [other.place for other in self.others if other.plan is not None]
        return next((place for place in turn if place in able), None)

    def do_nearest_before(self) -> None:
        self._plan_for(self.aim.at_nearest())

    do_nearest_after = do_nearest_before

    def do_last_good(self) -> None:
        if isinstance(self.error, DamagedError):
            self._plan_for(self.aim.in_front_of(self.error))

    def do_next_good(self) -> None:
        if isinstance(self.error, DamagedError) and self.error.next_good is not None:
            self._plan_for(at_base(self.error.next_good))

    def do_recipe(self) -> None:
        from sqlite_recovery_tui.tui.screens.dialogs import TextDialog

        output = self.chosen_output
        if self.draft is not None and output is not None:
            rows = work.recipe(self.draft.plan, output)
            self.console.push_screen(TextDialog("The same restore by hand", rows, copy="\n".join(rows)))

    def _time_typed(self, target: AtTime | None) -> None:
        if target is not None:
            self._plan_for(Aim(target))

    def _plan_for(self, aim: Aim) -> None:
        self.aim = aim
        self._plan()

    # the output path

    @on(Input.Submitted)
    def _output_typed(self, message: Input.Submitted) -> None:
        typed = message.value.strip()
        proposed = self.draft.output if self.draft is not None else None
        self.output = Path(typed).expanduser().absolute() if typed and typed != text.safe(proposed) else None
        self._measure()
        self.leave_typing()

    def leave_typing(self) -> None:
        self.query_one("#output", Input).display = False
        self.set_focus(None)
        self.redraw()


def same_restore(draft: Draft, other: Draft) -> bool:
    """Tell whether two plans fetch the same objects and lead to the same state."""
    keys = [[item.key for item in (each.plan.base, *each.plan.changes)] for each in (draft, other)]
    return keys[0] == keys[1] and draft.plan.reached == other.plan.reached
