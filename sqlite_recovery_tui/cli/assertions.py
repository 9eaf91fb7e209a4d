"""Assertions on the command line: which hold for a file, asked, and told."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sqlite_recovery_tui.cli.session import Session
from sqlite_recovery_tui.errors import UsageError, VerificationFailed

if TYPE_CHECKING:
    from sqlite_recovery_tui.config import Assertion
    from sqlite_recovery_tui.progress import ProgressFn
    from sqlite_recovery_tui.verify.assertions import Outcome

_INTEGER = re.compile(r"[+-]?\d{1,19}")
_REAL = re.compile(r"[+-]?(\d+\.\d*|\.\d+)([eE][+-]?\d{1,3})?")


def of_file(session: Session, file: Path) -> tuple[Assertion, ...]:
    """Return the assertions of the database that `file` is, or is a scratch of; none where nobody knows."""
    from sqlite_recovery_tui.cli.sides import scratch_named

    scratch = scratch_named(session, str(file))
    family, replica = (scratch.family, scratch.replica) if scratch is not None else (str(file), "")
    return of_database(session, family, replica)


def of_database(session: Session, database: str, replica: str = "") -> tuple[Assertion, ...]:
    """Return the assertions of a database of the configuration, those of its replica where one is named."""
    from sqlite_recovery_tui.verify.assertions import configured

    return configured(session.settings, database, replica)


def typed(texts: Sequence[str]) -> tuple[Assertion, ...]:
    """Read what `--assert SQL=VALUE` gives; the last equals sign stands in front of the value."""
    from sqlite_recovery_tui.config import Assertion

    found = []
    for text in texts:
        sql, sign, value = text.rpartition("=")
        if not sign or not sql.strip():
            raise UsageError(
                f"{text!r} is no assertion", hint='write --assert "SELECT count(*) > 0 FROM orders=1"'
            )
        found.append(Assertion(sql.strip(), _value(value.strip())))
    return tuple(found)


def _value(text: str) -> str | int | float | None:
    if _INTEGER.fullmatch(text):
        return int(text)
    if _REAL.fullmatch(text):
        return float(text)
    return None if text.upper() == "NULL" else text


def ask(
    session: Session, file: Path, assertions: Sequence[Assertion], progress: ProgressFn
) -> tuple[Outcome, ...]:
    """Ask a file for assertions."""
    if not assertions:
        return ()
    from sqlite_recovery_tui.verify.assertions import check

    return check(file, assertions, progress=progress, cancel=session.cancel)


def tell(session: Session, outcomes: Sequence[Outcome], indent: str = "") -> None:
    """Print a line for each."""
    for outcome in outcomes:
        style, word = ("ok", "holds") if outcome.ok else ("fail", "FAILS")
        session.out.marked(style, f"{indent}{word}", f"  {outcome.name}: {outcome.words}")


def code(outcomes: Sequence[Outcome]) -> int:
    """Return the exit code that outcomes have."""
    return 0 if all(outcome.ok for outcome in outcomes) else VerificationFailed.code
