"""Typing a time: what was understood, which commit it leads to and how far that lies, while typing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from sqlite_recovery_tui.domain import RestorePoint
from sqlite_recovery_tui.errors import UsageError
from sqlite_recovery_tui.restore.target import FORMS, AtTime, describe, of_point, parse_time
from sqlite_recovery_tui.tui import actions, phrases, text, wording
from sqlite_recovery_tui.tui.aim import leaves_out
from sqlite_recovery_tui.tui.state import Place
from sqlite_recovery_tui.tui.widgets.fact_sheet import Fact, FactSheet
from sqlite_recovery_tui.tui.widgets.field import Field

if TYPE_CHECKING:
    from sqlite_recovery_tui.replica.timeline import Timeline

_ARRIVALS = "by when objects arrived there; the plan asks when they were written"
_LEFT_OUT = "something was stored at that very moment: this format leaves it out, a moment later has it"


class TimeDialog(ModalScreen[AtTime | None]):
    """Asks for a time and shows at every key where it leads."""

    CSS_PATH = "dialogs.tcss"
    VIEW = "time"
    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings("time")]

    def __init__(
        self, places: Sequence[Place], now: datetime, value: str = "", *, shows: bool = False
    ) -> None:
        """Ask about the replicas `places` of one database, as of `now`.

        With `shows` the time can also be only gone to, for a look around before anything is planned.
        """
        super().__init__()
        self.shows = shows
        self.plan = True
        """Whether a plan was asked for, and not only to be shown the time."""
        self.places = tuple(places)
        self.now = now
        self.value = value
        self.target: AtTime | None = None

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static("Go back to which time?", classes="dialog-title")
            yield Field(self.value, placeholder="20 min ago", id="time")
            yield FactSheet(label_width=12, id="understood")
            yield Static(
                text.content(f"Write it like {FORMS}. Times without a zone are local.", text.MUTED),
                classes="dialog-hint",
            )
            yield Static(self._keys(), classes="dialog-keys")

    def on_mount(self) -> None:
        self._understand(self.value)

    @on(Input.Changed)
    def _typed(self, message: Input.Changed) -> None:
        self._understand(message.value)

    @on(Input.Submitted)
    def _submitted(self) -> None:
        if self.target is not None:
            self.dismiss(self.target)

    def action_leave(self) -> None:
        self.dismiss(None)

    def action_show(self) -> None:
        """Go to the time, and plan nothing yet."""
        if self.shows and self.target is not None:
            self.plan = False
            self.dismiss(self.target)

    def _keys(self) -> Content:
        show = (("tab ", "bold $text-primary"), "only go there   ") if self.shows else ()
        return text.line(
            (" enter ", "bold $text-primary"), "plan it   ", *show, ("esc ", "bold $text-primary"), "leave"
        )

    def _understand(self, typed: str) -> None:
        facts: list[Fact] = []
        self.target = None
        if typed.strip():
            try:
                self.target = parse_time(typed, now=self.now)
            except UsageError as error:
                facts = [("", text.line(("✗ ", "$text-error"), wording.words(error)))]
        if self.target is not None:
            facts = self._facts(self.target)
        elif not facts:
            newest = self._extreme(lambda timeline: timeline.newest, max)
            oldest = self._extreme(lambda timeline: timeline.oldest, min)
            known = (("newest", newest), ("oldest", oldest))
            facts = [(name, phrases.everywhere(point.time, self.now)) for name, point in known if point]
        self.query_one(FactSheet).show(facts)

    def _facts(self, target: AtTime) -> list[Fact]:
        facts: list[Fact] = [
            ("UTC", text.line((phrases.utc(target.time, fine=True), "bold"))),
            (
                "local",
                text.line(
                    phrases.local(target.time), (f"  {phrases.age(target.time, self.now)}", text.MUTED)
                ),
            ),
        ]
        led = self._leads_to(target.time)
        if led is None:
            first = self._extreme(lambda timeline: timeline.oldest, min)
            reach = f"; the oldest is {phrases.utc(first.time)}" if first else ""
            facts.append(("leads to", text.line(("✗ nothing that old here", "$text-error"), reach)))
            return facts
        place, point = led
        away = target.time - point.time
        moment = phrases.utc(point.time, fine=phrases.is_near(away))
        facts.append(("leads to", text.line((moment, "bold $text-success"), f"  {phrases.distance(away)}")))
        among = f"  in {place.replica}" if len(self.places) > 1 else ""
        facts.append(("", text.content(describe(of_point(point)) + among, text.MUTED)))
        assert place.timeline is not None
        if place.lists_arrivals:
            facts.append(("", text.content(_ARRIVALS, text.MUTED)))
        elif leaves_out(place.timeline, target.time):
            facts.append(("", text.line(("▲ ", "$text-warning"), _LEFT_OUT)))
        newest = self._extreme(lambda timeline: timeline.newest, max)
        if newest is not None and target.time > newest.time:
            facts.append(
                ("", text.line(("▲ later than anything stored: the newest is offered", "$text-warning")))
            )
        return facts

    def _leads_to(self, time: datetime) -> tuple[Place, RestorePoint] | None:
        """Return the newest state of a time, and the replica that has it."""
        states = (
            (place, point)
            for place in self.places
            if place.timeline is not None and (point := place.timeline.at_or_before(time)) is not None
        )
        return max(states, key=lambda pair: pair[1].time, default=None)

    def _extreme(
        self, of: Callable[[Timeline], RestorePoint | None], extreme: Callable[..., RestorePoint | None]
    ) -> RestorePoint | None:
        timelines = (place.timeline for place in self.places if place.timeline is not None)
        points = [point for timeline in timelines if (point := of(timeline)) is not None]
        return extreme(points, key=lambda point: point.time, default=None)
