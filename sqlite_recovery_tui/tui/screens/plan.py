"""The plan of a restore: what was asked, what it leads to, what it takes, where it goes; enter runs it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from sqlite_recovery_tui.domain import RestorePoint
from sqlite_recovery_tui.errors import DamagedError, OutsideCoverage, RecoverError
from sqlite_recovery_tui.restore.target import AtTime
from sqlite_recovery_tui.tui import actions, phrases, text, work
from sqlite_recovery_tui.tui.aim import Aim, at_snapshot
from sqlite_recovery_tui.tui.command import command_line
from sqlite_recovery_tui.tui.engine import Lane, Request
from sqlite_recovery_tui.tui.screens.base import ConsoleScreen
from sqlite_recovery_tui.tui.state import Place
from sqlite_recovery_tui.tui.widgets.coverage import Coverage
from sqlite_recovery_tui.tui.widgets.fact_sheet import Fact, FactSheet
from sqlite_recovery_tui.tui.widgets.field import Field
from sqlite_recovery_tui.tui.widgets.problem import Problem, way

if TYPE_CHECKING:
    from sqlite_recovery_tui.tui.work import Draft


class PlanScreen(ConsoleScreen):
    """One restore before it runs."""

    VIEW = "plan"
    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings("plan")]
    CSS_PATH = ["base.tcss", "plan.tcss"]
    AUTO_FOCUS = ""
    TYPING_HINT = "use this path"

    def __init__(self, place: Place, aim: Aim) -> None:
        """Plan a restore of `place`."""
        super().__init__()
        self.place = place
        self.aim = aim
        self.draft: Draft | None = None
        self.error: RecoverError | None = None
        self.output: Path | None = None
        """The path somebody typed; None takes the one proposed."""
        self._request: Request[Any] | None = None

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

    def copyable(self) -> str | None:
        return self.command

    def on_mount(self) -> None:
        self._plan()

    def on_unmount(self) -> None:
        self.console.engine.drop(self._request)

    def place_changed(self, place: Place) -> None:
        if place is self.place and self.draft is None and self.error is None:
            self._plan()

    # planning

    def _plan(self) -> None:
        self.draft, self.error = None, None
        self.console.engine.drop(self._request)
        timeline = self.place.timeline
        if timeline is not None:
            aim, scratch = self.aim, self.console.scratch_dir
            self._request = self.console.engine.ask(
                Lane.THINK,
                self,
                lambda _: work.draft(self.place, timeline, aim, scratch),
                then=self._planned,
                failed=self._refused,
            )
        self.redraw()

    def _planned(self, draft: Draft) -> None:
        self.draft = draft
        self.redraw()

    def _refused(self, error: RecoverError) -> None:
        self.error = error
        self.redraw()

    def redraw(self) -> None:
        self.query_one("#plan-title", Static).update(
            text.line("Restore ", (self.place.database, "$text-primary"), " from ", self.place.replica)
        )
        self._show_history()
        self.query_one("#asked", FactSheet).show(list(self._asked()))
        self.query_one(Problem).show(self.error, list(self._ways_out()))
        planned = self.draft is not None
        for name in ("#plan", "#how"):
            self.query_one(name).display = planned
        if self.draft is not None:
            self.query_one("#plan", FactSheet).show(list(self._plan_facts(self.draft)))
            self.query_one("#how", FactSheet).show(list(self._how()))
        self.query_one("#ready", Static).update(self._ready())
        self.refresh_frame()

    def _show_history(self) -> None:
        """Point out in the replica's history what the plan leads to."""
        stop = self._stops_at(self.draft) if self.draft is not None else None
        point = stop or (self.draft.plan.point if self.draft is not None else None)
        moment = point.time if point is not None else None
        local = self.console.time_style == "local"
        self.query_one(Coverage).show(self.place.timeline, marked=moment, local=local)

    def _asked(self) -> Iterator[Fact]:
        yield "you asked for", text.line((self.aim.label, "bold"))
        if isinstance(self.aim.target, AtTime):
            yield "", self.in_full(self.aim.target.time)
        if self.draft is None and self.error is None:
            yield "", text.line(("◌ planning…" if self.place.timeline else "◌ listing…", text.MUTED))

    def _plan_facts(self, draft: Draft) -> Iterator[Fact]:
        plan = draft.plan
        stop = self._stops_at(draft)
        if stop is not None:
            yield "you get", text.line((self.in_full(stop.time), "bold $text-warning"))
            yield "", "the last good commit in front of the damage"
            yield "lost", text.line(("✗ ", "bold $text-error"), str(self.aim.damage))
        else:
            yield "you get", text.line((self.in_full(plan.point.time), "bold $text-success"))
        if stop is None and plan.distance_seconds is not None:
            yield (
                "",
                text.line((phrases.distance(plan.distance_seconds), _distance_style(plan.distance_seconds))),
            )
        yield (
            "position",
            text.line(str(plan.reached), ("  " + plan.format, text.MUTED)),
        )
        yield "takes", cost_line(draft)
        yield "proof", "no hole by name; every checksum is verified on the way"
        for note in plan.notes:
            yield "note", text.line(("▲ ", "$text-warning"), note)
        timeline = self.place.timeline
        for warning in timeline.warnings if timeline is not None else ():
            yield "note", text.line(("▲ ", "$text-warning"), warning)

    def _stops_at(self, draft: Draft) -> RestorePoint | None:
        """Return where the restore will stop when that is in front of the plan's own point."""
        last_good = self.aim.damage.last_good if self.aim.damage is not None else None
        return last_good if last_good is not None and last_good.time < draft.plan.point.time else None

    def _how(self) -> Iterator[Fact]:
        yield "write to", text.line((str(self.chosen_output), "bold"), ("  o changes it", text.FAINT))
        yield "same as", text.content(self.command or "", text.MUTED)

    def _ready(self) -> Content:
        if self.draft is None:
            return Content("")
        return text.line(
            (" enter ", "bold $background on $success"),
            ("  restores into this file. ", "bold"),
            ("Your production database is neither opened nor changed.", text.MUTED),
        )

    def _ways_out(self) -> Iterator[Content]:
        match self.error:
            case OutsideCoverage(before=before, after=after):
                yield from self._offer("b", "take the newest before it:", before)
                yield from self._offer("a", "take the oldest after it:", after)
            case DamagedError(last_good=before, next_good=after):
                yield from self._offer("l", "take the last good commit:", before)
                yield from self._offer("n", "take the next good snapshot:", after)
        if self.error is not None:
            yield way("g", "type another time")
            yield way("esc", "choose another point")

    def _offer(self, key: str, words: str, point: RestorePoint | None) -> Iterator[Content]:
        if point is not None:
            distance = ""
            if isinstance(self.aim.target, AtTime):
                distance = f" · {phrases.distance(self.aim.target.time - point.time)}"
            yield way(key, f"{words} {phrases.utc(point.time)}{distance}")

    # actions

    def do_run(self) -> None:
        draft, output = self.draft, self.chosen_output
        if draft is None or output is None:
            return
        settings = self.console.settings
        job = self.console.jobs.start(
            self.place,
            self.aim,
            draft.plan,
            output,
            config=settings.file if settings is not None else None,
            scratch_dir=None if self.output is not None else self.console.scratch_dir,
            **({"memory_bytes": settings.memory_bytes} if settings is not None else {}),
        )
        self.console.open_job(job, instead=True)

    def do_output(self) -> None:
        field = self.query_one("#output", Input)
        field.value = text.safe(self.chosen_output)
        field.display = True
        field.focus()

    def do_time(self) -> None:
        from sqlite_recovery_tui.tui.screens.time_dialog import TimeDialog

        timeline = self.place.timeline
        if timeline is not None:
            typed = self.aim.target.text if isinstance(self.aim.target, AtTime) else ""
            self.console.push_screen(TimeDialog(timeline, self.console.now(), typed), self._time_typed)

    def do_nearest_before(self) -> None:
        self._plan_for(self.aim.at_nearest())

    do_nearest_after = do_nearest_before

    def do_last_good(self) -> None:
        if isinstance(self.error, DamagedError):
            self._plan_for(self.aim.in_front_of(self.error))

    def do_next_good(self) -> None:
        if isinstance(self.error, DamagedError) and self.error.next_good is not None:
            self._plan_for(at_snapshot(self.error.next_good))

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
        self.leave_typing()

    def leave_typing(self) -> None:
        self.query_one("#output", Input).display = False
        self.set_focus(None)
        self.redraw()


def cost_line(draft: Draft) -> Content:
    """Return what a restore fetches and about how long it takes."""
    plan = draft.plan
    changes = f" + {phrases.many(len(plan.changes), 'segment')}" if plan.changes else " alone"
    return text.line(
        f"snapshot of {phrases.clock(plan.base.time)}{changes}",
        f" · {phrases.size(plan.fetch_bytes)} in {phrases.many(plan.objects, 'object')}",
        (f" · about {phrases.seconds(draft.seconds)}", "bold"),
    )


def _distance_style(distance: float) -> str:
    return "$text-warning" if abs(distance) > 60 else text.MUTED
