"""What a workbench asks of one database, and whom it tells; what is no longer wanted is dropped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from sqlite_recovery_tui.errors import Cancelled, RecoverError
from sqlite_recovery_tui.progress import Progress
from sqlite_recovery_tui.tui import wording
from sqlite_recovery_tui.tui.engine import Engine, Owner, Queue, Report, Request
from sqlite_recovery_tui.tui.proof import Check, Proof
from sqlite_recovery_tui.tui.sources import Source

if TYPE_CHECKING:
    from sqlite_recovery_tui.sqlite.inspector import Inspector
    from sqlite_recovery_tui.sqlite.messages import CheckReport, DatabaseSummary, TableInfo
    from sqlite_recovery_tui.sqlite.view import View

T = TypeVar("T")
Failed = Callable[[RecoverError], None]
Advanced = Callable[[Progress], None]
Opened = Callable[["tuple[DatabaseSummary, tuple[TableInfo, ...]]"], None]


@dataclass(frozen=True, slots=True)
class TableCount:
    """How many rows a table has, or why nobody knows."""

    rows: int | None
    error: str | None = None


class Inspection:
    """One database under inspection by one screen."""

    def __init__(self, engine: Engine, session: Owner, screen: Owner, source: Source) -> None:
        """Inspect `source` for `screen`; what must happen after it is gone is done for `session`."""
        self._engine = engine
        self._session = session
        self._screen = screen
        self._source = source
        self._browsing: Request[Any] | None = None
        self._counting: Request[Any] | None = None
        self._checking: Request[Any] | None = None
        self._tallying: Request[Any] | None = None

    @property
    def counts_freely(self) -> bool:
        """Whether all rows can be read without fetching what nobody looks at."""
        return self._source.fetched is None

    @property
    def busy(self) -> bool:
        """True while something runs that can be stopped."""
        return any(
            request is not None and request.running
            for request in (self._browsing, self._tallying, self._counting, self._checking)
        )

    def open(self, *, then: Opened, failed: Failed, progress: Advanced) -> None:
        """Read header and schema."""

        def work(report: Report) -> tuple[DatabaseSummary, tuple[TableInfo, ...]]:
            inspector = self._source.inspector(Queue.BROWSE, report)
            summary = inspector.summary(progress=report.progress, cancel=report.cancel)
            return summary, inspector.tables(progress=report.progress, cancel=report.cancel)

        self._browsing = self._engine.ask(
            Queue.BROWSE, self._screen, work, then=then, failed=failed, progress=progress
        )

    def ask(
        self,
        question: Callable[[Inspector, Report], T],
        *,
        then: Callable[[T], None],
        failed: Failed,
        progress: Advanced | None = None,
    ) -> None:
        """Ask something that is looked at; what was asked before is no longer wanted."""

        def work(report: Report) -> T:
            return question(self._source.inspector(Queue.BROWSE, report), report)

        if self._browsing is not None and self._browsing.running:
            self._engine.drop(self._browsing)
        self._browsing = self._engine.ask(
            Queue.BROWSE, self._screen, work, then=then, failed=failed, progress=progress
        )

    def tally(self, table: str, view: View, *, then: Callable[[TableCount], None]) -> None:
        """Count the rows of a table that a condition lets through, beside everything else."""

        def work(report: Report) -> TableCount:
            return self._count(table, report, view)

        def failed(error: RecoverError) -> None:
            if not isinstance(error, Cancelled):
                then(TableCount(None, wording.words(error)))

        self._engine.drop(self._tallying)
        self._tallying = self._engine.ask(Queue.COUNT, self._screen, work, then=then, failed=failed)

    def count(
        self,
        tables: Sequence[TableInfo],
        *,
        partial: Callable[[dict[str, TableCount]], None],
        failed: Failed,
    ) -> None:
        """Count every table's rows, smallest effort first; counts are handed out as they come."""

        def work(report: Report) -> dict[str, TableCount]:
            counts: dict[str, TableCount] = {}
            for table in tables:
                report.cancel.check()
                if table.kind != "view":
                    counts[table.name] = self._count(table.name, report)
                    report.partial(dict(counts))
            return counts

        self._engine.drop(self._counting)
        self._counting = self._engine.ask(
            Queue.COUNT, self._screen, work, then=partial, failed=failed, partial=partial
        )

    def prove(self, proof: Proof, *, changed: Callable[[], None]) -> None:
        """Run every check of `proof`, one after the other; `changed` is called at every news."""
        self._engine.drop(self._checking)
        self._check_next(proof, list(proof.checks), changed)

    def stop(self) -> None:
        """Stop the query that runs; if none does, the counts and checks."""
        if self._browsing is not None and self._browsing.running:
            self._browsing.stop()
            return
        for request in (self._tallying, self._counting, self._checking):
            if request is not None:
                request.stop()

    def close(self) -> None:
        """Stop everything and end the processes, in the background."""
        for request in (self._browsing, self._tallying, self._counting, self._checking):
            self._engine.drop(request)
        self._engine.ask(
            Queue.CLEAN, self._session, lambda _: self._source.close(), then=_nothing, failed=_nothing
        )

    def _count(self, table: str, report: Report, view: View | None = None) -> TableCount:
        from sqlite_recovery_tui.sqlite.view import WHOLE

        try:
            inspector = self._source.inspector(Queue.COUNT, report)
            return TableCount(inspector.count(table, view=view or WHOLE, cancel=report.cancel))
        except Cancelled:
            raise
        except RecoverError as error:
            return TableCount(None, wording.words(error))

    def _check_next(self, proof: Proof, waiting: list[Check], changed: Callable[[], None]) -> None:
        if not waiting:
            return
        check, rest = waiting[0], waiting[1:]
        check.running = True

        def work(report: Report) -> CheckReport:
            inspector = self._source.inspector(Queue.CHECK, report)
            if check.kind == "foreign-keys":
                return inspector.foreign_keys(progress=report.progress, cancel=report.cancel)
            return inspector.check(check.kind, progress=report.progress, cancel=report.cancel)

        def advanced(progress: Progress) -> None:
            check.progress = progress
            changed()

        def ended(outcome: CheckReport | RecoverError) -> None:
            check.running = False
            if isinstance(outcome, RecoverError):
                check.error = outcome
            else:
                check.report = outcome
            if isinstance(outcome, Cancelled):
                for other in rest:
                    other.error = outcome
            else:
                self._check_next(proof, rest, changed)
            changed()

        self._checking = self._engine.ask(
            Queue.CHECK, self._screen, work, then=ended, failed=ended, progress=advanced
        )


def _nothing(_: object) -> None:
    """Take an answer nobody waits for."""
