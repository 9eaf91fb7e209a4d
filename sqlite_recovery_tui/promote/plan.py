"""The plan of a promote: what comes, what is there, which way, what is lost, and what stands against it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlite_recovery_tui.config import Assertion
from sqlite_recovery_tui.errors import RefusedError, VerificationFailed
from sqlite_recovery_tui.progress import CancelToken, ProgressFn, ignore_progress
from sqlite_recovery_tui.promote.choice import Choice, Mode, choose, daemon_words
from sqlite_recovery_tui.promote.facts import Incoming, Live, incoming, look
from sqlite_recovery_tui.promote.loss import TableChange, table_changes
from sqlite_recovery_tui.verify.assertions import Outcome, check
from sqlite_recovery_tui.verify.integrity import IntegrityReport, check_database

_SLACK = 1.1


@dataclass(frozen=True)
class PromotePlan:
    """Everything a person decides by; nothing has been changed."""

    new: Incoming
    live: Live
    choice: Choice
    integrity: IntegrityReport
    tables: tuple[TableChange, ...]
    needed_bytes: int
    """Beside the database: for the log or the new file, and for the undo point."""
    free_bytes: int
    assertions: tuple[Outcome, ...] = ()
    """What the configuration expects of a good restore, and what the new file answers."""
    socket: Path | None = None
    """Where the configuration has the daemon listen."""

    @property
    def name(self) -> str:
        """What has to be typed to confirm it."""
        return self.live.beside.named.name

    @property
    def lost_rows(self) -> int:
        """How many rows fewer the tables that shrink have."""
        return -sum(table.difference for table in self.tables if table.difference < 0)

    @property
    def won_rows(self) -> int:
        """How many rows more the tables that grow have."""
        return sum(table.difference for table in self.tables if table.difference > 0)

    def to_json(self) -> dict[str, Any]:
        """Return the plan as the command line's `--json` contract has it."""
        return {
            "database": str(self.live.beside.named),
            "confirm": self.name,
            "new": {
                "file": str(self.new.path),
                "size": self.new.size,
                "page_size": self.new.page_size,
                "encoding": self.new.encoding,
                "sha256": self.new.sha256,
            },
            "live": self.live.to_json(),
            "mode": self.choice.mode,
            "why": self.choice.why,
            "daemon": daemon_words(self.live, self.choice.mode) or None,
            "warnings": list(self.choice.warnings),
            "integrity": self.integrity.to_json(),
            "tables": [table.to_json() for table in self.tables],
            "rows_lost": self.lost_rows,
            "rows_won": self.won_rows,
            "assertions": [outcome.to_json() for outcome in self.assertions],
            "space": {"needed": self.needed_bytes, "free": self.free_bytes},
        }


def make_plan(
    new: Path,
    database: Path,
    *,
    mode: Mode | None = None,
    count_rows: bool = True,
    assertions: Sequence[Assertion] = (),
    socket: Path | None = None,
    progress: ProgressFn = ignore_progress,
    cancel: CancelToken | None = None,
) -> PromotePlan:
    """Plan to put the file `new` in the place of `database`.

    `assertions` are asked of the new file; whether they hold is for whoever carries the plan out;
    `socket` is where the configuration has the daemon listen, beside the places where any does. Raises
    `RefusedError` for what cannot be done, `VerificationFailed` when the new file is damaged,
    `NotFoundError`, `Cancelled`.
    """
    token = cancel or CancelToken()
    coming = incoming(new)
    live = look(database, socket)
    if coming.path.resolve() == live.beside.real:
        raise RefusedError(f"{new} is the production database itself", object=str(new))
    choice = choose(live, coming, mode)
    report = check_database(new, kind="full", foreign_keys=True, progress=progress, cancel=token)
    if report.verdict == "damaged":
        raise VerificationFailed(
            f"{new} is damaged and is not promoted: {report.messages[0] if report.messages else ''}",
            object=str(new),
            hint="restore another moment, or rescue its rows",
        )
    tables = table_changes(live, coming, progress=progress, cancel=token) if count_rows else ()
    if not live.beside.folder.is_dir():
        raise RefusedError(
            f"the directory {live.beside.folder} does not exist", object=str(database), hint="make it first"
        )
    free = shutil.disk_usage(live.beside.folder).free
    held = check(new, assertions, progress=progress, cancel=token)
    return PromotePlan(
        coming, live, choice, report, tables, _needed(coming, live, choice.mode), free, held, socket
    )


def _needed(new: Incoming, live: Live, mode: Mode) -> int:
    kept = 0 if mode == "swap" and live.state == "healthy" else live.size
    return int((new.size + kept) * _SLACK)
