"""Asking what a search is for: a query, and the answer that counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from sqlite_recovery_tui.tui import actions, text
from sqlite_recovery_tui.tui.jobs.bisect import Asked, BisectJob
from sqlite_recovery_tui.tui.widgets.field import Field

if TYPE_CHECKING:
    from sqlite_recovery_tui.tui.app import Console
    from sqlite_recovery_tui.tui.state import Place

_ABOUT = (
    "Asked of the oldest state, of the newest, and between them by halves. What fails, as for a table that "
    "is not there, is an answer too."
)


class BisectDialog(ModalScreen[Asked | None]):
    """Asks for the query."""

    CSS_PATH = "dialogs.tcss"
    VIEW = "bisect"
    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings("bisect")]

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static("When did the answer change?", classes="dialog-title")
            yield Field("", placeholder="SELECT count(*) > 0 FROM orders WHERE id = 42", id="sql")
            yield Field("", placeholder="only this answer counts: 1   (may stay empty)", id="expect")
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
        sql = self.query_one("#sql", Input).value.strip()
        if not sql:
            self.query_one("#problem", Static).update(text.line(("✗ a query first", "$text-error")))
            self.query_one("#sql", Input).focus()
            return
        self.dismiss(Asked(sql, self.query_one("#expect", Input).value.strip() or None))

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

    console.push_screen(BisectDialog(), asked)
