"""What every full screen shares: its frame, its hints, and how it answers what the registry asks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.geometry import Size
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input

from sqlite_recovery_tui.tui import actions, areas, phrases
from sqlite_recovery_tui.tui.actions import NEEDS, Action
from sqlite_recovery_tui.tui.padlock import ONLY_READS
from sqlite_recovery_tui.tui.widgets.chrome import Hint, KeyBar, TopBar
from sqlite_recovery_tui.tui.widgets.log_pane import LogPane
from sqlite_recovery_tui.tui.widgets.record_table import RecordTable

if TYPE_CHECKING:
    from sqlite_recovery_tui.tui.app import Console
    from sqlite_recovery_tui.tui.jobs import Job
    from sqlite_recovery_tui.tui.state import Place

KEPT_HINTS = ("app.back", "app.help")


class ConsoleScreen(Screen[None]):
    """A full screen: the bar above, the keys below, a body between."""

    VIEW: ClassVar[str] = ""
    """Which part of the registry is in force."""
    ABOUT: ClassVar[str] = ""
    """What it is for, in one sentence for the help."""
    BINDINGS: ClassVar[list[BindingType]] = []
    CSS_PATH: ClassVar[str | PurePath | list[str | PurePath] | None] = "base.tcss"
    HORIZONTAL_BREAKPOINTS = [
        (0, "-narrow"),
        (100, "-medium"),
        (160, "-wide"),
    ]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-tall")]
    _has_body = False
    _written_for: Size | None = None
    """The room for which its words were last chosen."""
    TYPING_HINT = "take it"
    """What enter does while text is typed."""

    @property
    def console(self) -> Console:
        """The application, by its own type."""
        return cast("Console", self.app)

    def compose(self) -> ComposeResult:
        yield TopBar()
        yield from self.body()
        yield KeyBar()

    def body(self) -> Iterable[Widget]:
        """Yield what stands between the bars."""
        return ()

    # what a screen tells about itself

    @property
    def crumb(self) -> str:
        """Its name in the breadcrumbs."""
        return self.VIEW

    def facts(self) -> Iterator[str]:
        """Yield the needs (see `actions.NEEDS`) that are met now."""
        yield from ()

    def copyable(self) -> str | None:
        """Return what `copy` would copy."""
        return None

    def equivalent(self) -> str | None:
        """Return the `sqlrecover` command that says in a shell what stands here."""
        return None

    def copies(self) -> Iterator[tuple[str, str]]:
        """Yield what there is to copy, each thing with its name, the likeliest first."""
        value, command = self.copyable(), self.equivalent()
        if value is not None:
            yield ("command" if value.startswith("sqlrecover ") else "value"), value
        if command is not None and command != value:
            yield "command", command

    def redraw(self) -> None:
        """Show everything again; times may have aged, or be wanted in another zone."""

    def place_changed(self, place: Place) -> None:
        """React to news of a replica's listing."""

    def job_changed(self, job: Job[Any]) -> None:
        """React to news of a job."""

    def history_changed(self) -> None:
        """React to news in the history: what was proven, and by what."""
        self.redraw()

    def daemons_changed(self) -> None:
        """React to what replication daemons say."""

    def do_back(self) -> None:
        """Leave: what is typed first, then the screen."""
        if isinstance(self.focused, Input):
            self.leave_typing()
        else:
            self.console.back()

    def leave_typing(self) -> None:
        """Give the focus back to where it belongs."""
        self.focus_next()

    def met(self, *asked: Action) -> set[str]:
        """Return the needs of actions that are met here now; ask once for all that are looked at."""
        met = {*self.facts(), *self.console.facts()}
        if any("copyable" in action.needs for action in asked) and any(True for _ in self.copies()):
            met.add("copyable")
        return met

    def why_not(self, action: Action, met: set[str] | None = None) -> str | None:
        """Return why an action cannot be used now, with these needs `met`; None when it can."""
        if action.dangerous and self.console.read_only:
            return self.console.padlock.why_not
        if action.keeps and self.console.padlock.for_good:
            return ONLY_READS
        known = self.met(action) if met is None else met
        return next((NEEDS[need] for need in action.needs if need not in known), None)

    def offered(self, met: set[str] | None = None) -> list[Action]:
        """Return what can be asked for here; what cannot be used just now is dimmed, not left out."""
        found = actions.for_view(self.VIEW)
        known = self.met(*found) if met is None else met
        return [action for action in found if not action.only or self.why_not(action, known) is None]

    # words

    def moment(self, when: datetime) -> str:
        """Return a moment the way the operator reads times."""
        return phrases.moment(when, self.console.time_style, self.console.now())

    def short(self, when: datetime) -> str:
        """Return a moment for a narrow column with an age beside it."""
        return phrases.short(when, self.console.time_style, self.console.now())

    def in_full(self, when: datetime, *, fine: bool = False) -> str:
        """Return a moment in UTC, local time and age."""
        return phrases.everywhere(when, self.console.now(), fine=fine)

    # frame

    def refresh_frame(self) -> None:
        """Bring crumbs, clock and hints up to date."""
        if self.ready:
            self.refresh_bar()
            self.query_one(KeyBar).show(self._hints())

    def refresh_bar(self) -> None:
        """Bring the bar above up to date: the way here, what runs, the clock."""
        if self.ready:
            self.query_one(TopBar).show(self.console.frame(self))

    def _hints(self) -> list[Hint]:
        focused = self.focused
        if focused is not None and any(isinstance(each, LogPane) for each in focused.ancestors_with_self):
            return _log_hints()
        if isinstance(self.focused, Input):
            return [
                Hint("enter", self.TYPING_HINT, "", keep=True),
                Hint("esc", "stop typing", "app.back", keep=True),
                Hint("ctrl+p", "commands", "app.palette"),
                Hint("ctrl+q", "quit", "app.leave"),
            ]
        met = self.met(*actions.for_view(self.VIEW))
        return [
            Hint(
                action.shown_key,
                action.label,
                action.id,
                self.why_not(action, met) is None,
                action.id in KEPT_HINTS,
            )
            for action in self.offered(met)
            if action.footer and (action.id != "app.back" or self.console.depth > 1)
        ]

    @on(RecordTable.Moved)
    @on(events.DescendantFocus)
    @on(events.DescendantBlur)
    @on(events.ScreenResume)
    def _frame_changed(self) -> None:
        self.call_later(self.refresh_frame)

    @on(events.Mount)
    def _mounted(self) -> None:
        self._has_body = True
        self._frame_changed()

    @on(events.Resize)
    def _resized(self) -> None:
        self.call_later(self._write_for_room)

    def _write_for_room(self) -> None:
        """Choose its words anew when there is more or less room for them than there was."""
        before, self._written_for = self._written_for, self.size
        if before not in (None, self.size) and self.ready:
            self.redraw()

    @property
    def ready(self) -> bool:
        """True from when its widgets are there until it is left; only then it may be told of news."""
        # When the application ends, widgets go one by one while messages are still delivered.
        return self._has_body and self.is_attached and {TopBar, KeyBar} <= {*map(type, self.children)}

    @on(KeyBar.Clicked)
    def _hint_clicked(self, message: KeyBar.Clicked) -> None:
        self.console.action_act(message.action)

    @on(TopBar.CrumbClicked)
    def _crumb_clicked(self, message: TopBar.CrumbClicked) -> None:
        self.console.back_to(message.number)

    @on(TopBar.AreaClicked)
    def _area_clicked(self, message: TopBar.AreaClicked) -> None:
        self.console.go_to(areas.AREAS[message.number])

    @on(TopBar.LockClicked)
    def _lock_clicked(self) -> None:
        self.console.action_act("app.padlock")

    @on(TopBar.WorkClicked)
    def _work_clicked(self) -> None:
        self.console.action_act("app.jobs")

    @on(RecordTable.Activated)
    def _row_clicked(self) -> None:
        enter = next((each for each in actions.for_view(self.VIEW) if "enter" in each.keys.split()), None)
        if enter is not None:
            self.console.act_on(self, enter)

    def say(self, message: Content | str, *, bad: bool = False) -> None:
        """Show a short notice."""
        self.console.say(message, bad=bad)


def _log_hints() -> list[Hint]:
    own = [Hint(each.shown_key, each.label, "", keep=each.verb == "leave") for each in actions.own("log")]
    return [*own, Hint("ctrl+l", "hide the log", "app.log", keep=True)]
