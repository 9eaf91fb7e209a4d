"""One restore as the command line carries it out: from one replica, checked before it gets its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sqlite_recovery_tui.cli.session import Session
from sqlite_recovery_tui.errors import ConfigError, VerificationFailed

if TYPE_CHECKING:
    from sqlite_recovery_tui.progress import ProgressFn
    from sqlite_recovery_tui.restore.choose import Choice
    from sqlite_recovery_tui.restore.run import RestoreResult
    from sqlite_recovery_tui.verify.assertions import Outcome
    from sqlite_recovery_tui.verify.integrity import IntegrityReport


@dataclass(frozen=True, kw_only=True)
class Wish:
    """The command line as it was typed, parsed."""

    target: str
    output: Path | None
    replica: str | None
    generation: str | None
    timestamp: str | None
    index: int | None
    offset: int | None
    txid: str | None
    if_db_not_exists: bool
    if_replica_exists: bool
    integrity_check: Literal["none", "quick", "full"]
    dry_run: bool
    force: bool
    nearest: bool
    to_last_good: bool
    parallelism: int
    memory: int | None
    follow: bool = False
    follow_interval: timedelta | None = None
    max_lag: timedelta | None = None


@dataclass
class Attempt:
    """Restores to `path` from whichever replica it is called with; keeps the report of the last check."""

    session: Session
    wish: Wish
    path: Path
    meter: ProgressFn
    report: IntegrityReport | None = None
    assertions: tuple[Outcome, ...] = ()
    """What the configuration expects of a good restore, and what this one answers."""

    def __call__(self, choice: Choice, stop_early: bool) -> RestoreResult:
        """Restore, in front of damage if `stop_early`; raises like `restore`.

        A file that fails its check, or an assertion on the database it would replace, replaces nothing:
        then `VerificationFailed` or `RefusedError` is raised.
        """
        from sqlite_recovery_tui.restore.run import RestoreOptions, restore
        from sqlite_recovery_tui.storage.open import open_store

        self.report = None
        options = RestoreOptions(
            self.path,
            force=self.wish.force,
            parallelism=self.wish.parallelism,
            memory_bytes=self.wish.memory or choice.ref.replica.memory_bytes,
            to_last_good=stop_early,
        )
        store = open_store(choice.ref.replica, clock=self.session.clock)
        try:
            return restore(
                store,
                choice.plan,
                options,
                age_identities=choice.ref.identities,
                before_placing=lambda file: self._look_at(file, choice),
                progress=self.meter,
                cancel=self.session.cancel,
                clock=self.session.clock,
            )
        finally:
            store.close()

    def ask(self, choice: Choice) -> None:
        """Ask the restored file what the configuration expects of it."""
        from sqlite_recovery_tui.cli import assertions

        wanted = choice.ref.replica.assertions
        self.assertions = assertions.ask(self.session, self.path, wanted, self.meter)

    def _look_at(self, file: Path, choice: Choice) -> None:
        if self.wish.integrity_check != "none":
            self._check(file)
        if self.wish.force:
            lock_of(self.session, self.path, choice.ref.replica.name, self.meter)(file)

    def _check(self, file: Path) -> None:
        from sqlite_recovery_tui.verify.integrity import check_database

        kind: Literal["quick", "full"] = "quick" if self.wish.integrity_check == "quick" else "full"
        self.report = check_database(
            file, kind=kind, foreign_keys=False, progress=self.meter, cancel=self.session.cancel
        )
        if self.path.exists() and not self.report.ok:
            raise check_failed(self.report, self.path, f"{self.path} was left as it was")


def lock_of(session: Session, output: Path, replica: str, progress: ProgressFn) -> Callable[[Path], None]:
    """Return what keeps a restore from replacing production while an assertion on it fails.

    A broken configuration keeps nobody from recovering.
    """
    from sqlite_recovery_tui.verify.assertions import keep_from_replacing

    try:
        settings = session.settings
    except ConfigError as error:
        session.err.warning(f"nothing is asserted: {error}")
        settings = None
    return keep_from_replacing(output, settings, replica, progress=progress, cancel=session.cancel)


def check_failed(report: IntegrityReport, path: Path, kept: str) -> VerificationFailed:
    """Return the error for a restored database that did not pass; `kept` says what became of it."""
    outcome = {"damaged": "fails its check", "timed-out": "could not be checked in time"}
    words = outcome.get(report.verdict, "could not be checked")
    first = f": {report.messages[0]}" if report.messages else ""
    return VerificationFailed(
        f"the restored database {words}{first}",
        object=str(path),
        hint=f"{kept}; try an earlier -timestamp or another replica",
    )
