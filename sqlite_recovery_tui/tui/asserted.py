"""What the configuration asserts of a restored database, asked in the background, told line by line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.content import Content

from sqlite_recovery_tui.errors import Cancelled, RecoverError
from sqlite_recovery_tui.tui import text, wording
from sqlite_recovery_tui.tui.engine import Engine, Owner, Queue, Report, Request
from sqlite_recovery_tui.tui.state import Status

if TYPE_CHECKING:
    from sqlite_recovery_tui.config import Settings
    from sqlite_recovery_tui.verify.assertions import Outcome

_NAME = 14


@dataclass(frozen=True)
class Wanted:
    """A file, and what says what is asserted of it."""

    path: Path
    settings: Settings | None
    database: str
    replica: str = ""

    def check(self, report: Report) -> tuple[Outcome, ...]:
        """Ask the file; nothing where nothing is asserted."""
        from sqlite_recovery_tui.verify.assertions import check, configured

        assertions = configured(self.settings, self.database, self.replica)
        return check(self.path, assertions, progress=report.progress, cancel=report.cancel)


class Asserted:
    """The assertions of one database."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self.outcomes: tuple[Outcome, ...] = ()
        self.problem = ""
        self._request: Request[Any] | None = None

    def ask(self, engine: Engine, owner: Owner, wanted: Wanted, changed: Callable[[], None]) -> None:
        """Ask `wanted`, and call `changed` when that ended."""
        self.drop(engine)
        self.outcomes, self.problem = (), ""

        def done(outcomes: tuple[Outcome, ...]) -> None:
            self.outcomes = outcomes
            changed()

        def failed(error: RecoverError) -> None:
            self.problem = "" if isinstance(error, Cancelled) else wording.words(error)
            changed()

        if wanted.settings is not None:
            self._request = engine.ask(Queue.CHECK, owner, wanted.check, then=done, failed=failed)

    def drop(self, engine: Engine) -> None:
        """Ask no further."""
        engine.drop(self._request)
        self._request = None

    def verdict(self, status: Status) -> Status:
        """Return how a database stands, by what its checks say and by these."""
        if status.role == "ok" and any(not outcome.ok for outcome in self.outcomes):
            return Status("✗", "sound, but an assertion does not hold", "bad")
        return status

    def lines(self) -> Iterator[Content]:
        """Yield a line for each."""
        if self.problem:
            yield text.line(("▲ ", "$text-warning"), text.fit("assertions", _NAME), self.problem)
        for outcome in self.outcomes:
            yield line_of(outcome)


def line_of(outcome: Outcome, note: str = "") -> Content:
    """Return what there is to say of one assertion."""
    glyph, word, style = ("✓", "holds", "$text-success") if outcome.ok else ("✗", "fails", "bold $text-error")
    answer = "" if outcome.ok else f" · {text.safe(outcome.words, 80)}"
    return text.line(
        (f"{glyph} ", style),
        (text.fit("assertion", _NAME), ""),
        (f"{word}{note}", style),
        (f" · {text.safe(outcome.name, 60)}{answer}", text.MUTED),
    )
