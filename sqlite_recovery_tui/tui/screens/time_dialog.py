"""Typing a time: what was understood, which commit it leads to and how far that lies, while typing."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from sqlite_recovery_tui.errors import UsageError
from sqlite_recovery_tui.restore.target import FORMS, AtTime, parse_time
from sqlite_recovery_tui.tui import actions, phrases, text
from sqlite_recovery_tui.tui.widgets.fact_sheet import Fact, FactSheet
from sqlite_recovery_tui.tui.widgets.field import Field

if TYPE_CHECKING:
    from sqlite_recovery_tui.replica.timeline import Timeline


class TimeDialog(ModalScreen[AtTime | None]):
    """Asks for a time and shows at every key where it leads."""

    CSS_PATH = "dialogs.tcss"
    VIEW = "time"
    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings("time")]

    def __init__(self, timeline: Timeline, now: datetime, value: str = "") -> None:
        """Ask about `timeline`, as of `now`."""
        super().__init__()
        self.timeline = timeline
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
            yield Static(
                text.line(
                    (" enter ", "bold $text-primary"), "plan it   ", (" esc ", "bold $text-primary"), "leave"
                ),
                classes="dialog-keys",
            )

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

    def _understand(self, typed: str) -> None:
        facts: list[Fact] = []
        self.target = None
        if typed.strip():
            try:
                self.target = parse_time(typed, now=self.now)
            except UsageError as error:
                facts = [("", text.line(("✗ ", "$text-error"), str(error)))]
        if self.target is not None:
            facts = self._facts(self.target)
        elif not facts and self.timeline.newest and self.timeline.oldest:
            facts = [
                ("newest", phrases.everywhere(self.timeline.newest.time, self.now)),
                ("oldest", phrases.everywhere(self.timeline.oldest.time, self.now)),
            ]
        self.query_one(FactSheet).show(facts)

    def _facts(self, target: AtTime) -> list[Fact]:
        facts: list[Fact] = [
            ("UTC", text.line((phrases.utc(target.time), "bold"))),
            (
                "local",
                text.line(
                    phrases.local(target.time), (f"  {phrases.age(target.time, self.now)}", text.MUTED)
                ),
            ),
        ]
        point = self.timeline.at_or_before(target.time)
        newest = self.timeline.newest
        if point is None:
            first = self.timeline.oldest
            reach = f"; the oldest is {phrases.utc(first.time)}" if first else ""
            facts.append(("leads to", text.line(("✗ nothing that old here", "$text-error"), reach)))
            return facts
        distance = phrases.distance(target.time - point.time)
        facts.append(
            ("leads to", text.line((phrases.utc(point.time), "bold $text-success"), f"  {distance}"))
        )
        facts.append(("", text.content(str(point.end or point.position), text.MUTED)))
        if newest is not None and target.time > newest.time:
            facts.append(
                ("", text.line(("▲ later than anything stored: the newest is offered", "$text-warning")))
            )
        return facts
