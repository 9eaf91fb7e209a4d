"""The console: it holds the session together, carries out actions, and moves between screens."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual import on
from textual.binding import BindingType

from sqlite_recovery_tui.clock import SYSTEM, Clock
from sqlite_recovery_tui.errors import Cancelled
from sqlite_recovery_tui.tui import actions, areas, interrupted, phrases, recall, text, tuning
from sqlite_recovery_tui.tui.actions import Action
from sqlite_recovery_tui.tui.daemons import Daemons
from sqlite_recovery_tui.tui.engine import Engine, Queue
from sqlite_recovery_tui.tui.everywhere import Everywhere
from sqlite_recovery_tui.tui.jobs import Job, Jobs
from sqlite_recovery_tui.tui.listings import Listings
from sqlite_recovery_tui.tui.logbook import LogBook
from sqlite_recovery_tui.tui.logfile import keep_log
from sqlite_recovery_tui.tui.memory import Memory
from sqlite_recovery_tui.tui.messages import Advanced, Answered
from sqlite_recovery_tui.tui.padlock import ReadOnly
from sqlite_recovery_tui.tui.palette import ActionProvider
from sqlite_recovery_tui.tui.records import Records
from sqlite_recovery_tui.tui.screens.base import ConsoleScreen
from sqlite_recovery_tui.tui.state import Place
from sqlite_recovery_tui.tui.widgets.chrome import Frame

if TYPE_CHECKING:
    from sqlite_recovery_tui.config import Settings
    from sqlite_recovery_tui.replica.fleet import ReplicaRef

LOGGER = logging.getLogger(__name__)
TICK_SECONDS = 1.0
AGEING_TICKS = 5
"""After how many ticks a screen is drawn again, so that the ages beside its times stay true."""


class Console(Everywhere):
    """The application; screens ask it for everything that is not their own."""

    TITLE = "sqlrecover"
    CSS_PATH = Path(__file__).with_name("app.tcss")
    BINDINGS: ClassVar[list[BindingType]] = [
        *actions.bindings(actions.EVERYWHERE),
        *actions.bindings(actions.AREA),
        *actions.bindings(actions.SHEET),
    ]
    COMMANDS = {ActionProvider}
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+p"

    def __init__(
        self,
        settings: Settings | None = None,
        refs: Sequence[ReplicaRef] = (),
        *,
        clock: Clock = SYSTEM,
        book: LogBook | None = None,
        log_file: Path | None = None,
        read_only: ReadOnly = True,
        memory: Memory | None = None,
        apart: bool = False,
        painted: Callable[[], None] | None = None,
    ) -> None:
        """Show these replicas; without any, the welcome. Nothing is listed before the first paint.

        The padlock is closed at first; with `read_only="always"` nobody can open it. With a `memory` it
        begins where it was left. With `apart` restores and proofs run in processes of their own, by the
        system's clock. After the first paint `painted` is called.
        """
        super().__init__(book=book, read_only=read_only)
        self.settings = settings
        self.clock = clock
        self.log_file = log_file
        self._ticks = 0
        self._painted = painted
        self.engine = Engine(self.post_message, apart=apart)
        self.listings = Listings(self.engine, self, clock, self._place_changed)
        self.history = Records(self.engine, self, clock, self._history_changed)
        socket = settings.daemon.control_socket if settings is not None else None
        self.daemons = Daemons(self.engine, self, socket, self._daemons_changed)
        self.jobs = Jobs(
            self.engine,
            self,
            clock,
            self._job_changed,
            advanced=self._job_advanced,
            recorded=self.history.carry_out,
        )
        self.listings.hold(refs)
        self.memory = memory
        if memory is not None:
            recall.dress(self, memory.load())

    # life

    def on_mount(self) -> None:
        self.start()
        self.set_interval(TICK_SECONDS, self._tick)

    def start(self) -> None:
        """Show the replicas there are, or ask for a place; listing begins after the first paint."""
        from sqlite_recovery_tui.tui.screens.fleet import FleetScreen
        from sqlite_recovery_tui.tui.screens.welcome import WelcomeScreen

        places = self.listings.places
        self.push_screen(FleetScreen() if places else WelcomeScreen())
        remembered = self.memory.saved if self.memory is not None else None
        if len(places) == 1 and places[0].ref.database is None:
            self.open_place(places[0])
        elif places and remembered is not None:
            recall.go_back(self, remembered)
        self.call_after_refresh(self.listings.refresh)
        self.call_after_refresh(self.history.refresh)
        self.call_after_refresh(interrupted.offer, self)
        if self._painted is not None:
            self.call_after_refresh(self._painted)

    def on_unmount(self) -> None:
        self.engine.stop()

    def exit(self, *args: Any, **kwargs: Any) -> None:
        """Leave, and remember where."""
        if self.memory is not None and self.screens:
            self.memory.save(recall.place_of(self))
        super().exit(*args, **kwargs)

    def open_fleet(self, settings: Settings | None, refs: Sequence[ReplicaRef]) -> None:
        super().open_fleet(settings, refs)
        if self.memory is not None:
            self.memory.turn_to(_about(settings, refs))

    def _remember(self) -> None:
        """Keep where one is in case the terminal is lost; written by a thread."""
        memory = self.memory
        if memory is None or (now := recall.place_of(self)) == memory.saved:
            return
        memory.saved = now
        self.engine.ask(Queue.CLEAN, self, lambda _: memory.save(now), then=_done, failed=_done)

    @on(Answered)
    @on(Advanced)
    def _deliver(self, message: Answered | Advanced) -> None:
        self.engine.handle(message)

    def _tick(self) -> None:
        screen = self.screen
        if isinstance(screen, ConsoleScreen) and screen.ready:
            self._remember()
            screen.refresh_frame()
            self._ticks += 1
            if self._ticks % AGEING_TICKS == 0:
                self.history.refresh()
            if self.time_style == "age" or self._ticks % AGEING_TICKS == 0:
                screen.redraw()

    def _place_changed(self, place: Place) -> None:
        for screen in self._ready_screens():
            screen.place_changed(place)
            screen.refresh_frame()

    def _history_changed(self) -> None:
        for screen in self._ready_screens():
            screen.history_changed()

    def _daemons_changed(self) -> None:
        for screen in self._ready_screens():
            screen.daemons_changed()

    def _job_changed(self, job: Job[Any]) -> None:
        if not job.running:
            self.history.refresh()
        for screen in self._ready_screens():
            screen.job_changed(job)
            screen.refresh_frame()
        self._say_end(job)

    def _job_advanced(self, job: Job[Any]) -> None:
        """Show how far a job is where that shows; what can be done stays the same."""
        screens = self._ready_screens()
        for screen in screens:
            screen.job_changed(job)
        if screens:
            screens[-1].refresh_bar()

    def _say_end(self, job: Job[Any]) -> None:
        if not job.running and not job.seen:
            self.say(text.line(job.status.label, f": {job.title} — J shows it"), bad=job.status.role == "bad")

    # what screens ask

    def now(self) -> datetime:
        """Return the time of the injected clock."""
        return self.clock.now()

    @property
    def config_file(self) -> Path | None:
        """The configuration that is shown; None where a place was named instead."""
        return self.settings.file if self.settings is not None else None

    @property
    def scratch_dir(self) -> Path:
        """Where restored databases go unless somebody says otherwise."""
        from sqlite_recovery_tui.config import Settings

        return (self.settings or Settings()).scratch_dir

    def facts(self) -> set[str]:
        """Return the needs that are met whatever is looked at."""
        met = {"jobs"} if self.jobs.all else set()
        return met | {"burst"} if self.bursts else met

    def frame(self, screen: ConsoleScreen) -> Frame:
        """Return what the bar above `screen` shows."""
        crumbs = []
        for each in self._screens():
            crumbs.append(each.crumb)
            if each is screen:
                break
        return Frame(
            crumbs=tuple(crumbs),
            work=self._work(),
            clock=phrases.clock(self.now()),
            areas=tuple((area.key, area.title) for area in areas.AREAS),
            area=self.area_number(screen),
            lock=self.padlock.label,
            locked=self.padlock.closed,
        )

    def _work(self) -> str:
        listing = sum(place.listing for place in self.listings.places)
        return self.jobs.summary or (f"◌ listing {listing}" if listing else "")

    # actions

    def action_act(self, action_id: str) -> None:
        """Carry out an action of the registry on the screen in front; the one way from a key to a deed."""
        action = actions.BY_ID.get(action_id)
        if action is None:
            return
        if isinstance(self.screen, ConsoleScreen):
            self.act_on(self.screen, action)
        elif action.id == "app.leave":
            self.do_quit()

    def act_on(self, screen: ConsoleScreen, action: Action) -> None:
        """Carry out an action, or say why not."""
        reason = screen.why_not(action)
        if reason is not None:
            self.say(reason)
            return
        if action.view == actions.AREA:
            self.go_to(areas.BY_ID[action.verb])
            return
        if action.view == actions.SHEET:
            self.scroll_sheet(action.verb)
            return
        method = getattr(screen, action.method, None) or getattr(self, action.method)
        method()
        screen.refresh_frame()

    def action_help_quit(self) -> None:
        self.say("Press ctrl+q to leave")

    # our own faults

    def _handle_exception(self, error: Exception) -> None:
        LOGGER.critical("the console failed", exc_info=error)
        super()._handle_exception(error)

    def panic(self, *_: object) -> None:
        self._fatal_error()

    def _fatal_error(self) -> None:
        """End with one sentence; a traceback with local variables could show credentials."""
        where = f" Details are in {self.log_file}." if self.log_file else ""
        message = f"sqlrecover: the console failed; nothing was written to your databases.{where}"
        self._exit_renderables[:] = [Text(text.safe(message))]
        self._close_messages_no_wait()


def _done(_: object) -> None:
    """Take an answer that changes nothing."""


def _about(settings: Settings | None, refs: Sequence[ReplicaRef]) -> str:
    """Return what tells one set of replicas from another."""
    if settings is not None and settings.file is not None:
        return str(settings.file.absolute())
    return "\n".join(ref.replica.url for ref in refs)


def run(
    settings: Settings | None,
    *,
    target: str | None = None,
    colour: bool = True,
    clock: Clock = SYSTEM,
    read_only: ReadOnly = True,
) -> int:
    """Open the console on a configuration, a database of it, or a URL; return the exit code.

    Raises `NotFoundError` for a target nobody knows.
    """
    from sqlite_recovery_tui.replica.fleet import refs

    wanted = refs(settings, target) if settings is not None or target is not None else []
    book = LogBook()
    log_file = keep_log(book)
    if not colour:
        os.environ["NO_COLOR"] = "1"  # what Textual goes by
    console = Console(
        settings,
        wanted,
        clock=clock,
        book=book,
        log_file=log_file,
        read_only=read_only,
        memory=Memory(_about(settings, wanted)) if read_only != "always" else None,
        apart=clock is SYSTEM,
        painted=tuning.settle,
    )
    console.run()
    if not console.engine.close() or threading.active_count() > 1:
        # A thread hangs in a library. Python would wait for it at exit; the operator must not.
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(Cancelled.code if console.return_code is None else console.return_code)
    return console.return_code or 0
