"""The history: every act on this machine, by whichever process, and the report for the post-mortem."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar

from textual import events, on
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.history import telling
from sqlite_recovery_tui.tui import actions, phrases, text, wording
from sqlite_recovery_tui.tui.engine import Queue, Report, Request
from sqlite_recovery_tui.tui.jobs import Job
from sqlite_recovery_tui.tui.screens.filtered import FilteredScreen
from sqlite_recovery_tui.tui.screens.history_dialogs import ActDialog, ReportDialog
from sqlite_recovery_tui.tui.screens.history_rows import COLUMNS, Acts, Told
from sqlite_recovery_tui.tui.screens.summary import role_style
from sqlite_recovery_tui.tui.widgets.fact_sheet import Fact, FactSheet
from sqlite_recovery_tui.tui.widgets.filter import FilterBar
from sqlite_recovery_tui.tui.widgets.problem import Problem
from sqlite_recovery_tui.tui.widgets.record_table import RecordTable

MOST = 2_000
"""How many acts are shown, the newest; the command line lists all."""
LOOK_SECONDS = 2.0
"""How often to look whether another process recorded something."""


class HistoryScreen(FilteredScreen):
    """One row per act, the newest first; it follows what other processes record."""

    VIEW = "history"
    BINDINGS: ClassVar[list[BindingType]] = [*actions.bindings("history")]
    CSS_PATH = ["base.tcss", "history.tcss"]

    def __init__(self) -> None:
        """Start with nothing read."""
        super().__init__()
        self.told: tuple[Told, ...] = ()
        self.marked: set[int] = set()
        self.known = False
        """Whether the history has been read."""
        self._reading: Request[Any] | None = None

    def body(self) -> Iterable[Widget]:
        yield Static(id="count")
        yield FilterBar()
        yield Problem()
        yield RecordTable(COLUMNS, id="acts", empty="◌ reading the history…")
        with Vertical(id="about", classes="panel"):
            yield FactSheet()

    @property
    def crumb(self) -> str:
        return "history"

    @property
    def selected(self) -> Told | None:
        key = self.table.current_key
        return next((told for told in self.told if told.entry.id == key), None)

    @property
    def meant(self) -> list[Told]:
        """The acts that an export is about: the marked ones, or all that are shown."""
        if self.marked:
            return [told for told in self.told if told.entry.id in self.marked]
        pattern, acts = self.filter_bar.pattern, self.entries()
        return [told for number, told in enumerate(self.told) if pattern.matches(acts.text(number))]

    def entries(self) -> Acts:
        console = self.console
        return Acts(self.told, frozenset(self.marked), console.time_style, console.now())

    def facts(self) -> Iterator[str]:
        if self.selected is not None:
            yield "row"
        if self.marked or self.shown_entries:
            yield "acts"

    def copyable(self) -> str | None:
        return self.selected.entry.command if self.selected is not None else None

    # what arrives

    def on_mount(self) -> None:
        self.redraw()
        self.do_refresh()
        self.set_interval(LOOK_SECONDS, self._look)

    @on(events.ScreenResume)
    def _look(self) -> None:
        if self.is_current and self.ready:
            self.console.history.refresh()

    def history_changed(self) -> None:
        self.do_refresh()

    def job_changed(self, job: Job[Any]) -> None:
        """Wait for the ledger: a job is in there when it began, and again when it ended."""

    def redraw(self) -> None:
        self.show_entries()
        self._describe()

    def entries_shown(self) -> None:
        self._describe()

    def _taken(self, told: tuple[Told, ...]) -> None:
        self.known, self.told = True, told
        self.marked &= {told.entry.id or 0 for told in self.told}
        self.table.empty = "Nothing was recorded yet: restores and proofs are, from now on."
        self.query_one(Problem).show(None)
        self.redraw()

    def _failed(self, error: RecoverError) -> None:
        self.table.empty = "The history cannot be read; everything else goes on."
        self.query_one(Problem).show(error)
        self.redraw()

    @on(RecordTable.Moved)
    def _describe(self) -> None:
        self.query_one("#count", Static).update(self._counts())
        told = self.selected
        self.query_one("#about").display = told is not None
        if told is not None:
            self.query_one(FactSheet).show(list(self._about(told)))

    def _counts(self) -> Content:
        words: list[text.Part] = [(f" {phrases.many(len(self.told), 'act')}" if self.known else "", "bold")]
        if self.marked:
            words.append((f" · ● {len(self.marked)} marked", "$text-primary"))
        for warning in self.console.history.warnings[-1:]:
            words.append((f" ▲ not everything is recorded: {wording.words(warning)}", "$text-warning"))
        return text.line(*words)

    def _about(self, told: Told) -> Iterator[Fact]:
        entry, status = told.entry, told.status
        yield "act", text.line((status.label, role_style(status.role)), "  ", (telling.title(entry), "bold"))
        if entry.error:
            yield "error", text.line((wording.words(entry.error), "$text-error"))
        if entry.hint:
            yield "", text.line(("→ ", "$text-accent"), wording.words(entry.hint))
        yield "began", self.in_full(entry.started)
        if entry.point_time is not None:
            far = (
                f" · {phrases.distance(entry.distance_seconds)}" if entry.distance_seconds is not None else ""
            )
            yield "reached", f"{self.in_full(entry.point_time)}{far}"
        if entry.asked:
            yield "asked for", entry.asked
        if entry.output:
            yield "output" if entry.url else "file", entry.output
        if entry.command:
            yield "same as", text.content(entry.command, text.MUTED)

    # actions

    def do_refresh(self) -> None:
        """Read the history again; what was asked before is no longer wanted."""
        history = self.console.history

        def work(_: Report) -> tuple[Told, ...]:
            return tuple(Told.of(entry) for entry in history.ledger.entries(limit=MOST))

        self.console.engine.drop(self._reading)
        self._reading = self.console.engine.ask(
            Queue.RECORD, self, work, then=self._taken, failed=self._failed
        )

    def do_open(self) -> None:
        if self.selected is not None:
            self.console.push_screen(ActDialog(self.selected))

    def do_mark(self) -> None:
        told = self.selected
        if told is not None:
            self.marked ^= {told.entry.id or 0}
            self.redraw()
            self.table.move_to(self.table.cursor + 1)

    def do_export(self) -> None:
        """Ask for a file, and write the report in the background."""
        told = self.meant
        now = self.console.now()

        def chosen(path: Path | None) -> None:
            if path is not None:
                self._export(told, path)

        if told:
            self.console.push_screen(ReportDialog(told, f"incident-{now:%Y%m%dT%H%M%SZ}.md"), chosen)

    def _export(self, told: list[Told], path: Path) -> None:
        now = self.console.now()

        def work(_: Report) -> Path:
            from sqlite_recovery_tui.history import report

            report.write(report.markdown([each.entry for each in told], now), path)
            return path

        def failed(error: RecoverError) -> None:
            self.query_one(Problem).show(error)
            self.say(wording.words(error), bad=True)

        def done(written: Path) -> None:
            self.query_one(Problem).show(None)
            self.say(f"{phrases.many(len(told), 'act')} written to {written}")

        self.console.engine.ask(Queue.THINK, self, work, then=done, failed=failed)
