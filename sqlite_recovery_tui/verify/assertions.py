"""What the configuration says must hold in every good restore, asked of a database as untrusted input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlite_recovery_tui.config import Assertion, Options, Settings
from sqlite_recovery_tui.errors import (
    DamagedError,
    InspectorError,
    NotFoundError,
    RefusedError,
    StatementError,
    UsageError,
)
from sqlite_recovery_tui.progress import CancelToken, Progress, ProgressFn, ignore_progress
from sqlite_recovery_tui.sqlite.inspector import Inspector
from sqlite_recovery_tui.sqlite.messages import Cell

SECONDS = 60.0
"""How long one assertion may take."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One assertion, and what the database answered."""

    assertion: Assertion
    ok: bool
    answer: str
    """The first value of the first row, or why there is none (raw)."""

    @property
    def name(self) -> str:
        """What it is called."""
        return self.assertion.title

    @property
    def words(self) -> str:
        """What was found, and where it fails what was expected (raw)."""
        return self.answer if self.ok else f"{self.answer}, expected {_shown(self.assertion.expect)}"

    def to_json(self) -> dict[str, Any]:
        """Return it as the command line prints it."""
        return {
            "name": self.name,
            "sql": self.assertion.sql,
            "expect": self.assertion.expect,
            "answer": self.answer,
            "ok": self.ok,
        }


def configured(settings: Settings | None, database: str, replica: str = "") -> tuple[Assertion, ...]:
    """Return what a configuration asserts of a database, of its replica where one of that name has its own.

    Nothing for a database that it does not name.
    """
    if settings is None:
        return ()
    try:
        found = settings.database(database)
    except (NotFoundError, UsageError):
        return ()
    options: Options = next((one for one in found.replicas if one.name == replica), found)
    return options.assertions


def check(
    database: Path,
    assertions: Sequence[Assertion],
    *,
    seconds: float = SECONDS,
    progress: ProgressFn = ignore_progress,
    cancel: CancelToken | None = None,
) -> tuple[Outcome, ...]:
    """Ask a database for all `assertions`, each for `seconds` at most.

    One that cannot be answered has failed, and says why. Raises `Cancelled`, `NotFoundError`,
    `RefusedError` where the file cannot be looked at.
    """
    if not assertions:
        return ()
    found: list[Outcome] = []
    with Inspector(database) as inspector:
        for number, assertion in enumerate(assertions, start=1):
            progress(Progress("checking assertions", number, len(assertions), "assertions", assertion.title))
            found.append(_outcome(inspector, assertion, seconds, cancel))
    return tuple(found)


def failed(outcomes: Sequence[Outcome]) -> tuple[Outcome, ...]:
    """Return those that do not hold."""
    return tuple(outcome for outcome in outcomes if not outcome.ok)


def keep_from_replacing(
    output: Path,
    settings: Settings | None,
    replica: str = "",
    *,
    progress: ProgressFn = ignore_progress,
    cancel: CancelToken | None = None,
) -> Callable[[Path], None]:
    """Return what a restore to `output` asks of its file before that takes the place of a database.

    It raises `RefusedError` where `output` is a database of the configuration and its assertions do not
    hold: a promote alone can overrule them. Where nothing is there yet, nothing is lost.
    """

    def ask(file: Path) -> None:
        wanted = configured(settings, str(output.absolute()), replica) if output.exists() else ()
        found = failed(check(file, wanted, progress=progress, cancel=cancel))
        if found:
            raise RefusedError(
                f"“{found[0].name}” does not hold in what was restored ({found[0].words}): "
                f"{output} was left as it was",
                object=str(output),
                hint="restore another moment; or restore it to another file and promote that, which can "
                "overrule an assertion by its name",
            )

    return ask


def _outcome(
    inspector: Inspector, assertion: Assertion, seconds: float, cancel: CancelToken | None
) -> Outcome:
    try:
        page = inspector.query(assertion.sql, limit=1, seconds=seconds, cancel=cancel)
    except (StatementError, UsageError, DamagedError, InspectorError) as error:
        return Outcome(assertion, False, error.message)
    if not page.rows:
        return Outcome(assertion, False, "no rows")
    cell = page.rows[0][0]
    return Outcome(assertion, holds(cell, assertion.expect), cell.text)


def holds(cell: Cell, expected: str | float | None) -> bool:
    """Tell whether a value is the expected one: numbers by value, text as it is shown."""
    if expected is None:
        return cell.type == "null"
    if isinstance(expected, str):
        return cell.type != "null" and cell.text == expected
    return cell.type in ("integer", "real") and cell.value == expected


def _shown(expected: str | float | None) -> str:
    return "NULL" if expected is None else str(expected)
