"""What the console does wherever one is: help, palette, copying, times, themes, the log, the padlock."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from textual import on
from textual.containers import VerticalScroll
from textual.content import Content
from textual.notifications import SeverityLevel

from sqlite_recovery_tui.tui import phrases, text
from sqlite_recovery_tui.tui.logbook import LogBook
from sqlite_recovery_tui.tui.navigation import Navigation
from sqlite_recovery_tui.tui.padlock import NOT_HERE, Padlock, ReadOnly, what_opening_means
from sqlite_recovery_tui.tui.screens.base import ConsoleScreen
from sqlite_recovery_tui.tui.stylesheet import OnceRead
from sqlite_recovery_tui.tui.theme import MONO, NIGHT, PREFIX, THEMES
from sqlite_recovery_tui.tui.widgets.log_pane import LogPane

if TYPE_CHECKING:
    from sqlite_recovery_tui.replica.bursts import Burst

NOTICES = 4
"""How many notices are shown at a time; older ones go."""
GOOD_SECONDS, BAD_SECONDS = 5.0, 12.0
_STYLE_NAMES = {"utc": "in UTC", "local": "in local time", "age": "as ages"}


class Everywhere(Navigation):
    """The application as far as its actions are those of every screen."""

    def __init__(self, *, book: LogBook | None = None, read_only: ReadOnly = True) -> None:
        """Keep the log in `book`; begin with the padlock closed unless told otherwise."""
        # Without colour not even greys: only what the terminal itself writes in, bold, reverse, underlined.
        super().__init__(ansi_color=True if os.environ.get("NO_COLOR") else None)
        self.stylesheet = OnceRead(variables=self.get_css_variables())
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = (MONO if self.no_color else NIGHT).name
        self.book = book or LogBook()
        self.padlock = Padlock(read_only)
        self.time_style: phrases.TimeStyle = "utc"
        self._saying: set[str] = set()

    @property
    def read_only(self) -> bool:
        """Whether the padlock is closed."""
        return self.padlock.closed

    def say(self, message: Content | str, *, bad: bool = False) -> None:
        """Show a short notice, the same one only once at a time; data in it is safe."""
        words = text.content(message).plain
        shown = list(self._notifications)
        if words in self._saying or any(notice.message == words for notice in shown):
            return
        for notice in shown[: max(0, len(shown) + 1 - NOTICES)]:
            self._unnotify(notice, refresh=False)
        self._saying.add(words)
        self.call_later(self._said, words)
        severity: SeverityLevel = "error" if bad else "information"
        self.notify(words, severity=severity, timeout=BAD_SECONDS if bad else GOOD_SECONDS, markup=False)

    def _said(self, words: str) -> None:
        self._saying.discard(words)

    def do_help(self) -> None:
        from sqlite_recovery_tui.tui.screens.help import HelpScreen

        if isinstance(self.screen, ConsoleScreen):
            self.push_screen(HelpScreen(self.screen))

    def do_palette(self) -> None:
        self.action_command_palette()

    def do_copy(self) -> None:
        """Copy what there is to copy; ask where there is more than one thing."""
        from sqlite_recovery_tui.tui.screens.copy_menu import CopyMenu

        copies = list(self.screen.copies()) if isinstance(self.screen, ConsoleScreen) else []
        if len(copies) > 1:
            self.push_screen(CopyMenu(copies), self._copy)
        elif copies:
            self._copy(copies[0])

    def _copy(self, chosen: tuple[str, str] | None) -> None:
        if chosen is not None:
            self.copy_to_clipboard(chosen[1])
            self.say(f"Copied: {text.safe(chosen[1], 200)}")

    def scroll_sheet(self, way: str) -> None:
        """Move on a screen that is one long sheet: up, down, page_up, page_down, first or last."""
        sheets = [each for each in self.screen.query(VerticalScroll) if each.display and each.max_scroll_y]
        for sheet in sheets[:1]:
            match way:
                case "up":
                    sheet.scroll_up(animate=False)
                case "down":
                    sheet.scroll_down(animate=False)
                case "page_up":
                    sheet.scroll_page_up(animate=False)
                case "page_down":
                    sheet.scroll_page_down(animate=False)
                case "first":
                    sheet.scroll_home(animate=False)
                case "last":
                    sheet.scroll_end(animate=False)

    def do_times(self) -> None:
        styles = phrases.TIME_STYLES
        self.time_style = styles[(styles.index(self.time_style) + 1) % len(styles)]
        self.say(f"Times are shown {_STYLE_NAMES[self.time_style]}")
        for screen in self._ready_screens():
            screen.redraw()

    def do_theme(self) -> None:
        names = [theme.name for theme in THEMES]
        following = names.index(self.theme) + 1 if self.theme in names else 0
        self.theme = names[following % len(names)]
        self.say(f"Theme: {self.theme.removeprefix(PREFIX)}")

    def do_log(self) -> None:
        """Show the log and go there; hide it, whoever has the focus."""
        pane = self.screen.query(LogPane)
        if pane:
            self._leave_log(pane.first())
            pane.remove()
        else:
            self.screen.mount(LogPane(self.book, came_from=self.screen.focused))

    def _leave_log(self, pane: LogPane) -> None:
        before = pane.came_from
        self.screen.set_focus(before if before is not None and before.is_attached else None)

    @on(LogPane.Left)
    def _log_left(self) -> None:
        self._leave_log(self.screen.query_one(LogPane))

    @on(LogPane.Chosen)
    def _log_chosen(self, message: LogPane.Chosen) -> None:
        from sqlite_recovery_tui.tui.screens.dialogs import TextDialog

        rows = [note.line for note in message.notes]
        self.push_screen(TextDialog("From the log", rows, copy="\n".join(rows)))

    @on(LogPane.Copied)
    def _log_copied(self, message: LogPane.Copied) -> None:
        self._copy(("log", message.words))

    @property
    def bursts(self) -> tuple[Burst, ...]:
        """Where far more than usual was written to the replica in view, as far as it is listed."""
        place = self.place_in_view
        timeline = place.timeline if place is not None and not place.pending else None
        return timeline.bursts if timeline is not None else ()

    def do_burst(self) -> None:
        """Go right before the largest write, from there before the next one."""
        from sqlite_recovery_tui.tui.screens.replica import ReplicaScreen

        place, keys = self.place_in_view, [burst.before.key for burst in self.bursts]
        if place is None or not keys:
            return
        if not isinstance(self.screen, ReplicaScreen):
            self.open_place(place, at=keys[0])
            return
        here = self.screen.table.current_key
        following = keys.index(here) + 1 if here in keys else 0
        self.screen.go_to_object(keys[following % len(keys)])

    def do_jobs(self) -> None:
        from sqlite_recovery_tui.tui.screens.jobs import JobsScreen

        if len(self.jobs.all) == 1:
            self.open_job(self.jobs.all[0])
        elif not isinstance(self.screen, JobsScreen):
            self.push_screen(JobsScreen())

    def do_padlock(self) -> None:
        """Open the padlock after asking; close it at once."""
        if self.padlock.for_good:
            self.say(NOT_HERE)
        elif not self.padlock.closed:
            self.padlock.close()
            self.say("Read-only again")
        else:
            self._ask_to_open()

    def _ask_to_open(self) -> None:
        from sqlite_recovery_tui.tui.screens.dialogs import Confirm

        def answer(wanted: bool | None) -> None:
            if wanted:
                self.padlock.open()
                self.say("Unlocked: K closes the padlock again")
                self.refresh_frames()

        question = "Open the padlock?"
        self.push_screen(Confirm(question, what_opening_means(), yes="Open it", no="Stay read-only"), answer)

    def do_quit(self) -> None:
        if not self.jobs.running:
            self.exit()
            return
        from sqlite_recovery_tui.tui.screens.dialogs import Confirm

        def answer(leave: bool | None) -> None:
            if leave:
                self.exit()

        question, detail = self.jobs.parting
        self.push_screen(Confirm(question, detail, yes="Stop and leave", no="Stay"), answer)

    do_leave = do_quit
