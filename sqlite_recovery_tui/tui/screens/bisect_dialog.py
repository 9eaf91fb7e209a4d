"""Asking what a search is for: a query, the answer that counts, the times between which it is asked."""

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
from sqlite_recovery_tui.restore.target import parse_time
from sqlite_recovery_tui.tui import actions, text, wording
from sqlite_recovery_tui.tui.jobs.bisect import Asked, BisectJob
from sqlite_recovery_tui.tui.widgets.field import Field

if TYPE_CHECKING:
    from sqlite_recovery_tui.tui.app import Console
    from sqlite_recovery_tui.tui.state import Place

_ABOUT = (
    "Asked of the first state, of the last, and between them by halves. What fails, as for a table that "
    "is not there, is an answer too."
)


class BisectDialog(ModalScreen[Asked | None]):
    """Asks for the query."""

    CSS_PATH = "dialogs.tcss"
    VIEW = "bisect"
    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings("bisect")]

    def __init__(self, now: datetime) -> None:
        """Understand times as of `now`."""
        super().__init__()
        self.now = now

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static("When did the answer change?", classes="dialog-title")
            yield Field("", placeholder="SELECT count(*) > 0 FROM orders WHERE id = 42", id="sql")
            yield Field("", placeholder="only this answer counts: 1   (may stay empty)", id="expect")
            yield Field("", placeholder="from: 2 h ago   (may stay empty: the oldest state)", id="from")
            yield Field("", placeholder="to: 20 min ago   (may stay empty: the newest state)", id="to")
            yield Static("", id="problem")
            yield Static(text.content(_ABOUT, text.MUTED))
            keys = (
                (" enter ", "bold $text-primary"),
                "search   ",
                ("tab ", "bold $text-primary"),
                "other line   ",
                ("esc ", "bold $text-primary"),
                "leave",
            )
            yield Static(text.line(*keys), classes="dialog-keys")

    @on(Input.Submitted)
    def _submitted(self) -> None:
        sql = self._typed("sql")
        if not sql:
            self._refuse("sql", "a query first")
            return
        times: dict[str, datetime | None] = {}
        for name in ("from", "to"):
            try:
                times[name] = parse_time(typed, now=self.now).time if (typed := self._typed(name)) else None
            except UsageError as error:
                self._refuse(name, wording.words(error))
                return
        self.dismiss(Asked(sql, self._typed("expect") or None, times["from"], times["to"]))

    def _typed(self, name: str) -> str:
        return self.query_one(f"#{name}", Input).value.strip()

    def _refuse(self, name: str, words: str) -> None:
        self.query_one("#problem", Static).update(text.line((f"✗ {words}", "$text-error")))
        self.query_one(f"#{name}", Input).focus()

    def action_other(self) -> None:
        self.focus_next(Input)

    def action_leave(self) -> None:
        self.dismiss(None)


def ask_and_search(console: Console, place: Place) -> None:
    """Ask for a query, and search the history of `place` in the background."""

    def asked(question: Asked | None) -> None:
        if question is None:
            return
        configured = place.ref.database is not None
        job = BisectJob(
            place=place,
            question=question,
            scratch_dir=console.scratch_dir,
            config=console.config_file if configured else None,
            clock=console.clock,
        )
        console.open_job(console.jobs.start(job))

    console.push_screen(BisectDialog(console.now()), asked)
