"""Where nothing is configured: type a place, name a configuration, or explore the sample incident."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Input, Static

from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.tui import actions, text, work
from sqlite_recovery_tui.tui.engine import Queue, Request
from sqlite_recovery_tui.tui.screens.base import ConsoleScreen
from sqlite_recovery_tui.tui.widgets.field import Field
from sqlite_recovery_tui.tui.widgets.problem import Problem

if TYPE_CHECKING:
    from sqlite_recovery_tui.config import Settings
    from sqlite_recovery_tui.replica.fleet import ReplicaRef

Opened = tuple["Settings | None", "list[ReplicaRef]"]


class WelcomeScreen(ConsoleScreen):
    """The way in without a configuration; also the way to another place."""

    VIEW = "welcome"
    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings("welcome")]
    CSS_PATH = ["base.tcss", "welcome.tcss"]
    TYPING_HINT = "open it"

    def __init__(self) -> None:
        """Start with nothing typed."""
        super().__init__()
        self._request: Request[Any] | None = None
        self._busy = ""

    def body(self) -> Iterable[Widget]:
        with Vertical(id="welcome"):
            yield Static(
                text.lines(
                    text.line(("Get a database back.", "bold $text-primary")),
                    "",
                    "sqlrecover reads what Litestream stored, restores any moment of it into a scratch file, "
                    "proves it, and lets you look inside. It never writes to a production database here.",
                ),
                id="welcome-text",
            )
            yield Static(text.line(("Where is the replica?", "bold")), classes="label")
            yield Field(placeholder="s3://bucket/path · /path/to/replica · litestream.yml", id="where")
            yield Static(
                text.lines(
                    text.line(
                        ("A replica", "bold"),
                        "        s3://bucket/path  gs://…  abs://…  sftp://…  file:///dir",
                    ),
                    text.line(("A directory", "bold"), "      the replica itself, as Litestream laid it out"),
                    text.line(
                        ("A configuration", "bold"), "  your litestream.yml: every database and replica in it"
                    ),
                ),
                classes="label",
                id="forms",
            )
            yield Problem()
            yield Static("", id="busy")
            yield Static(
                text.line(
                    "No incident at hand?  ",
                    (" f2 ", "bold $text-primary on $panel"),
                    "  (or type: demo) builds a sample one in a few seconds, without a network.",
                ),
                id="demo",
            )

    @property
    def crumb(self) -> str:
        return "open a place"

    def facts(self) -> Iterator[str]:
        yield "row"

    def leave_typing(self) -> None:
        if self.console.depth > 1:
            self.console.back()
        else:
            self.set_focus(None)

    def on_unmount(self) -> None:
        self.console.engine.drop(self._request)

    @on(Input.Submitted)
    def do_open(self) -> None:
        typed = self.query_one(Input).value.strip()
        if not typed:
            self.query_one(Input).focus()
            return
        if typed == "demo":
            self.do_demo()
            return
        settings = self.console.settings
        self._ask(f"opening {typed}", lambda _: work.open_target(typed, settings))

    def do_demo(self) -> None:
        directory = Path.cwd() / "sqlrecover-demo"
        now = self.console.now
        self._ask(f"building the sample incident in {directory}", lambda _: work.build_demo(directory, now))

    def _ask(self, busy: str, job: Any) -> None:
        self.query_one(Problem).show(None)
        self.query_one("#busy", Static).update(text.line(("◌ ", "$text-accent"), busy, "…"))
        self.console.engine.drop(self._request)
        self._request = self.console.engine.ask(
            Queue.THINK, self, job, then=self._opened, failed=self._failed
        )

    def _opened(self, opened: Opened) -> None:
        settings, refs = opened
        if not refs:
            self._failed(RecoverError("no replica is configured there", hint="name another configuration"))
            return
        self.console.open_fleet(settings, refs)

    def _failed(self, error: RecoverError) -> None:
        self.query_one("#busy", Static).update("")
        self.query_one(Problem).show(error)
        self.query_one(Input).focus()
