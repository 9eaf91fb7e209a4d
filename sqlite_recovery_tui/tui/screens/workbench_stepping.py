"""The workbench through time: the scratch goes one commit back or on, and all that is shown follows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from textual.content import Content
from textual.widgets import Static

from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.progress import Progress
from sqlite_recovery_tui.tui import phrases, text, wording
from sqlite_recovery_tui.tui.asserted import Asserted, Wanted
from sqlite_recovery_tui.tui.engine import Queue, Request
from sqlite_recovery_tui.tui.inspection import Inspection
from sqlite_recovery_tui.tui.look import Look
from sqlite_recovery_tui.tui.screens.workbench_choosing import Choosing
from sqlite_recovery_tui.tui.sources import Source
from sqlite_recovery_tui.tui.stepping import Stepped, Stepping, is_scratch

if TYPE_CHECKING:
    from sqlite_recovery_tui.sqlite.messages import DatabaseSummary, TableInfo
    from sqlite_recovery_tui.tui.proof import Proof

    Opened = tuple[DatabaseSummary, tuple[TableInfo, ...]]


class SteppingBench(Choosing):
    """The part of the workbench that moves its scratch."""

    proof: Proof
    counts: dict[str, Any]

    def __init__(self) -> None:
        """Stand where the restore led."""
        super().__init__()
        self.asserted = Asserted()
        self.stepping: Stepping | None = None
        self.can_step = False
        self.stood: Content | None = None
        """Where the last step led; None before the first."""
        self._step: Request[Any] | None = None
        self._wanted = 0

    # what the workbench does

    def _source(self) -> Source:
        raise NotImplementedError

    def _opened(self, opened: Opened) -> None:
        raise NotImplementedError

    def _broken(self, error: RecoverError) -> None:
        raise NotImplementedError

    def _advanced(self, progress: Progress) -> None:
        raise NotImplementedError

    def _prove(self) -> None:
        raise NotImplementedError

    def ask_assertions(self, changed: Callable[[], None]) -> None:
        """Ask what the configuration asserts; a preview is not asked, which would fetch all of it."""
        subject = self.subject
        if subject.draft is None:
            replica = subject.result.plan.replica if subject.result is not None else ""
            wanted = Wanted(subject.path, self.console.settings, subject.name, replica)
            self.asserted.ask(self.console.engine, self, wanted, changed)

    # stepping

    def begin_stepping(self) -> None:
        """Find out whether this is a scratch, which alone can be moved."""
        if self.subject.draft is None:
            path = self.subject.path

            def found(answer: bool) -> None:
                self.can_step = answer
                self.refresh_frame()

            self.console.engine.ask(
                Queue.THINK, self, lambda _: is_scratch(path), then=found, failed=lambda _: None
            )

    def end_stepping(self) -> None:
        """Let go of the way, in the background."""
        self.console.engine.drop(self._step)
        self.asserted.drop(self.console.engine)
        if (stepping := self.stepping) is not None:
            self.console.engine.ask(
                Queue.CLEAN,
                self.console,
                lambda _: stepping.close(),
                then=lambda _: self.console.history.refresh(),
                failed=_nothing,
            )

    def do_earlier(self) -> None:
        self._go(-1)

    def do_later(self) -> None:
        self._go(1)

    def _go(self, step: int) -> None:
        """Go a step; further ones wait for it."""
        self._wanted += step
        if self._step is not None and self._step.running:
            return
        if self.stepping is None:
            places = self.console.listings.places
            self.stepping = Stepping(self.subject.path, places, self.console.clock, self.console.history)
        # Nobody may look into the file while it is written: first all processes end.
        self.inspection.close()
        self.asserted.drop(self.console.engine)
        self._tell_step("◐ going there…")
        self._step = self.console.engine.ask(
            Queue.CLEAN, self, lambda _: None, then=lambda _: self._move(), failed=self._stayed
        )

    def _move(self) -> None:
        stepping, step = self.stepping, 1 if self._wanted > 0 else -1
        if stepping is None or not self._wanted:
            self._look_again()
            return
        self._wanted -= step
        self._step = self.console.engine.ask(
            Queue.JOB,
            self,
            lambda report: stepping.step(step, report),
            then=self._arrived,
            failed=self._stayed,
            progress=lambda progress: self._tell_step(f"◐ {progress.phase}…"),
        )

    def _arrived(self, stepped: Stepped) -> None:
        moved = stepped.moved
        self.subject = replace(self.subject, moved_to=stepped.time, result=self._result(stepped))
        how = f"restored anew: {moved.restored}" if moved.restored else phrases.many(moved.written, "page")
        self.stood = text.line(
            ("● ", "$text-primary"),
            (text.fit("position", 14), ""),
            (phrases.short_ids(str(moved.place)), "bold"),
            (f" · {how} written" if not moved.restored else f" · {text.safe(how)}", text.MUTED),
        )
        if self._wanted:
            self._move()
        else:
            self._look_again()

    def _result(self, stepped: Stepped) -> Any:
        """Return what is known of the state as of a restore that led there."""
        result = self.subject.result
        if result is None:
            return None
        moved = stepped.moved
        return replace(
            result,
            plan=moved.plan,
            position=moved.place,
            time=moved.plan.point.time,
            pages=moved.pages,
            continuity="proven" if stepped.continuity == "proven" else "consistent",
            unproven=stepped.unproven,
            lost=(),
            notes=moved.plan.notes,
        )

    def _stayed(self, error: RecoverError) -> None:
        self._wanted = 0
        hint = f" → {wording.hint(error)}" if wording.hint(error) else ""
        self.say(f"{wording.words(error)}{hint}", bad=True)
        self._look_again()

    def _look_again(self) -> None:
        """Open the file anew, and show of it what was shown."""
        self.source = self._source()
        self.inspection = Inspection(self.console.engine, self.console, self, self.source)
        self.pane.inspection = self.inspection
        self.counts = {}
        look, sql = self.pane.look, self.pane.sql
        row, column = self.preview.cursor, self.preview.column

        def opened(found: Opened) -> None:
            self._opened(found)
            if look is not None:
                self._show_again(look, row, column)
            elif sql:
                self.pane.ask(sql)

        self.inspection.open(then=opened, failed=self._broken, progress=self._advanced)
        self._prove()

    def _show_again(self, look: Look, row: int, column: int) -> None:
        table = next((table for table in self.tables if table.name == look.table.name), None)
        if table is None:
            self.say(f"There is no table {text.safe(look.table.name, 40)} at this commit")
            return
        names = tuple(each.name for each in table.columns)
        kept = replace(look, table=table, names=names) if look.names == names else Look.at(table)
        self.pane.look_at(kept, None, row=row, column=column)

    def _tell_step(self, words: str) -> None:
        self.query_one("#checks", Static).update(text.line((words, "$text-primary")))


def _nothing(_: object) -> None:
    """Take an answer nobody waits for."""
