"""How the console moves between its screens: what lies on what, and what opens what."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.app import App
from textual.content import Content

from sqlite_recovery_tui.tui import areas
from sqlite_recovery_tui.tui.aim import Aim
from sqlite_recovery_tui.tui.areas import Area
from sqlite_recovery_tui.tui.screens.base import ConsoleScreen
from sqlite_recovery_tui.tui.state import Place

if TYPE_CHECKING:
    from sqlite_recovery_tui.anatomy.belonging import Belonging
    from sqlite_recovery_tui.config import Settings
    from sqlite_recovery_tui.domain import StoredObject
    from sqlite_recovery_tui.replica.fleet import ReplicaRef
    from sqlite_recovery_tui.tui.dissection import Dissection
    from sqlite_recovery_tui.tui.jobs import Job, Jobs
    from sqlite_recovery_tui.tui.jobs.rescue import Wish
    from sqlite_recovery_tui.tui.listings import Listings
    from sqlite_recovery_tui.tui.records import Records
    from sqlite_recovery_tui.tui.screens.workbench import Subject


class Navigation(App[None]):
    """The application as far as it opens and leaves screens."""

    settings: Settings | None
    listings: Listings
    jobs: Jobs
    history: Records

    def start(self) -> None:
        """Show the first screen of what there is."""
        raise NotImplementedError

    def say(self, message: Content | str, *, bad: bool = False) -> None:
        """Show a short notice."""
        raise NotImplementedError

    @property
    def depth(self) -> int:
        """How many screens lie on one another."""
        return len(self._screens())

    @property
    def screens(self) -> list[ConsoleScreen]:
        """The full screens, the one in front last."""
        return self._screens()

    def _screens(self) -> list[ConsoleScreen]:
        return [screen for screen in self.screen_stack if isinstance(screen, ConsoleScreen)]

    def _ready_screens(self) -> list[ConsoleScreen]:
        """Return the screens that can be told of news; the others look for themselves when they begin."""
        return [screen for screen in self._screens() if screen.ready]

    @property
    def place_in_view(self) -> Place | None:
        """The replica that is looked at or selected."""
        screen = self.screens[-1] if self.screens else None
        if screen is None or not screen.ready:
            return None
        found = getattr(screen, "place", None) or getattr(screen, "selected", None)
        return found if isinstance(found, Place) else None

    def refresh_frames(self) -> None:
        """Bring the bars of every screen up to date."""
        for screen in self._ready_screens():
            screen.refresh_frame()

    def go_to(self, area: Area) -> None:
        """Go back to the screen of an area, or lay it on top where there is none yet."""
        views = [screen.VIEW for screen in self._screens()]
        if area.id in views:
            self.back_to(views.index(area.id))
        else:
            self.push_screen(area.make())

    def area_number(self, screen: ConsoleScreen) -> int | None:
        """Return which area `screen` belongs to, counted from 0: the nearest one below it on the stack."""
        screens = self._screens()
        below = screens[: screens.index(screen) + 1] if screen in screens else screens
        ids = [area.id for area in areas.AREAS]
        return next((ids.index(each.VIEW) for each in reversed(below) if each.VIEW in ids), None)

    def back(self) -> None:
        """Go up one screen; the first one stays."""
        if self.depth > 1:
            self.pop_screen()
        else:
            self.say("This is the first screen; q leaves")

    def back_to(self, number: int) -> None:
        """Go back to the screen with this breadcrumb."""
        while self.depth > number + 1:
            self.pop_screen()

    def open_fleet(self, settings: Settings | None, refs: Sequence[ReplicaRef]) -> None:
        """Start over with another configuration or place."""
        self.settings = settings
        self.listings.hold(refs)
        while self.depth:
            self.pop_screen()
        self.start()

    def open_place(self, place: Place, *, at: str | None = None) -> None:
        """Show what one replica holds, with the cursor on the object `at`, or where it usually begins."""
        from sqlite_recovery_tui.tui.screens.replica import ReplicaScreen

        self.push_screen(ReplicaScreen(place, at=at))

    def open_plan(self, place: Place, aim: Aim, *, best: bool = False, instead: bool = False) -> None:
        """Show the plan that serves `aim` from `place`, or from the `best` replica of its database.

        `instead` of the screen in front.
        """
        from sqlite_recovery_tui.tui.screens.plan import PlanScreen

        self._open(PlanScreen(self.listings.siblings(place), aim, None if best else place), instead)

    def open_job(self, job: Job[Any], *, instead: bool = False) -> None:
        """Show a job; `instead` of the screen in front."""
        from sqlite_recovery_tui.tui.screens.job import JobScreen, screen_of

        if isinstance(self.screen, JobScreen) and self.screen.job is job:
            return
        self._open(screen_of(job), instead)

    def open_object(self, place: Place, item: StoredObject) -> None:
        """Take a snapshot, a segment or an LTX file apart."""
        from sqlite_recovery_tui.tui.screens.object import ObjectScreen

        if place.timeline is not None:
            self.push_screen(ObjectScreen(place, place.timeline, item))

    def open_page(self, found: Dissection, number: int, known: Belonging | None) -> None:
        """Take one page of an object apart: image `number` of those that it has, from 0."""
        from sqlite_recovery_tui.tui.screens.page import PageScreen

        self.push_screen(PageScreen(found, number, known))

    def production_of(self, name: str) -> Path | None:
        """Return where the database of this name is by the configuration; None when it names none."""
        from sqlite_recovery_tui.errors import NotFoundError

        try:
            return self.settings.database(name).path if self.settings is not None else None
        except NotFoundError:
            return None

    def open_promote(self, file: Path, database: Path) -> None:
        """Show what it would mean to put `file` in the place of `database`."""
        from sqlite_recovery_tui.tui.screens.promote import PromoteScreen

        self.push_screen(PromoteScreen(file, database))

    def open_diff(self, file: Path, database: Path, *, table: object = None) -> None:
        """Show in which rows `database` differs from the restored `file`, beginning at a table."""
        from sqlite_recovery_tui.tui.screens.diff import DiffScreen

        self.push_screen(DiffScreen(file, database, table=table))

    def open_rescue(self, wish: Wish) -> None:
        """Show what a rescue would write into production."""
        from sqlite_recovery_tui.tui.screens.rescue import RescueScreen

        self.push_screen(RescueScreen(wish))

    def open_workbench(self, subject: Subject, *, instead: bool = False) -> None:
        """Look into a restored database; `instead` of the screen in front."""
        from sqlite_recovery_tui.tui.screens.workbench import WorkbenchScreen

        self._open(WorkbenchScreen(subject), instead)

    def _open(self, screen: ConsoleScreen, instead: bool) -> None:
        if instead:
            self.switch_screen(screen)
        else:
            self.push_screen(screen)
