"""Only the rows that are missing or were changed back into production: one transaction, its inverse kept.

What is written is found first and kept aside, so that nothing holds production still meanwhile. A row that
changed since then ends the whole rescue, with nothing written.
"""

from __future__ import annotations

import os
import pickle
import tempfile
import weakref
from array import array
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import apsw

from sqlite_recovery_tui.clock import SYSTEM, Clock
from sqlite_recovery_tui.errors import RecoverError, RefusedError, UsageError
from sqlite_recovery_tui.progress import CancelToken, Progress, ProgressFn, ignore_progress
from sqlite_recovery_tui.promote import patches
from sqlite_recovery_tui.promote.beside import Beside, PromoteLock
from sqlite_recovery_tui.promote.expiry import UndoRule, prune_calmly
from sqlite_recovery_tui.promote.facts import look
from sqlite_recovery_tui.promote.recover import recover
from sqlite_recovery_tui.promote.statements import Statement, backward, forward
from sqlite_recovery_tui.sqlite.comparison import RowChange, SchemaObject, Shape
from sqlite_recovery_tui.sqlite.connect import open_to_write
from sqlite_recovery_tui.sqlite.identifier import quote
from sqlite_recovery_tui.verify.diff import TableDiff, comparing

WAIT_SECONDS = 30.0
_SAMPLE = 20
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class TableRescue:
    """What would be written to one table."""

    name: str
    inserts: int
    updates: int
    triggers: tuple[str, ...]
    """Triggers of production's table that such statements set off."""
    left_only: tuple[str, ...]
    """Columns that production no longer has: their values stay behind."""

    def to_json(self) -> dict[str, Any]:
        """Return it as the command line's `--json` contract has it."""
        return {
            "table": self.name,
            "inserts": self.inserts,
            "updates": self.updates,
            "triggers": list(self.triggers),
            "columns_left_behind": list(self.left_only),
        }


@dataclass
class RescuePlan:
    """The rows to write, kept aside in a file without a name until the context ends."""

    scratch: Path
    database: Path
    update: bool
    tables: list[TableRescue] = field(default_factory=list)
    sample: list[str] = field(default_factory=list)
    """The first statements, as they would be run."""
    _starts: array[int] = field(default_factory=lambda: array("q"))
    """Where each change begins in the file."""
    _size: int = 0
    _kept: IO[bytes] = field(default_factory=lambda: tempfile.TemporaryFile(prefix="sqlrecover-"))  # noqa: SIM115

    def __post_init__(self) -> None:
        """See to it that the file goes with the plan, also where nobody ends its context."""
        weakref.finalize(self, self._kept.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._kept.close()

    @property
    def name(self) -> str:
        """What has to be typed to confirm it."""
        return self.database.name

    @property
    def rows(self) -> int:
        """How many rows would be written."""
        return sum(table.inserts + table.updates for table in self.tables)

    def keep(self, shape: Shape, change: RowChange) -> None:
        """Keep one change aside."""
        self._starts.append(self._size)
        pickle.dump((shape, change), self._kept)
        self._size = self._kept.tell()
        if len(self.sample) < _SAMPLE:
            self.sample.append(forward(shape, change).text)

    def seal(self) -> None:
        """End the keeping; from now on it can be read."""
        self._kept.flush()

    def changes(self, *, backwards: bool = False) -> Iterator[tuple[Shape, RowChange]]:
        """Yield what was kept, in its order or from the last on."""
        for start in reversed(self._starts) if backwards else self._starts:
            self._kept.seek(start)
            # Nobody else has this file: it never had a name.
            yield pickle.load(self._kept)  # noqa: S301

    def statements(self, first: int, count: int) -> list[str]:
        """Return some of the statements as they would be run, counted from 0; from any thread."""
        found = []
        for number in range(first, min(first + count, len(self._starts))):
            start = self._starts[number]
            end = self._starts[number + 1] if number + 1 < len(self._starts) else self._size
            kept = pickle.loads(os.pread(self._kept.fileno(), end - start, start))  # noqa: S301  # see above
            found.append(forward(*kept).text)
        return found

    def to_json(self) -> dict[str, Any]:
        """Return the plan as the command line's `--json` contract has it."""
        return {
            "scratch": str(self.scratch),
            "database": str(self.database),
            "confirm": self.name,
            "rows": self.rows,
            "tables": [table.to_json() for table in self.tables],
            "sample": self.sample,
        }


def plan_rescue(
    scratch: Path,
    database: Path,
    tables: Sequence[str] = (),
    *,
    update: bool = False,
    where: str = "",
    progress: ProgressFn = ignore_progress,
    cancel: CancelToken | None = None,
) -> RescuePlan:
    """Find the rows of `scratch` that production lacks, and with `update` those that it has otherwise.

    `where` is a condition on the rows of the scratch. Raises `UsageError` for tables whose rows cannot be
    matched, `NotFoundError`, `DamagedError`, `InspectorError`, `Cancelled`.
    """
    plan = RescuePlan(scratch, database, update)
    try:
        with comparing(scratch, database) as diff:
            for name in diff.tables(tables):
                found: dict[str, int] = {"-": 0, "~": 0}
                shapes: list[Shape] = []

                def keep(
                    shape: Shape,
                    change: RowChange,
                    found: dict[str, int] = found,
                    shapes: list[Shape] = shapes,
                ) -> None:
                    if change.change == "-" or (change.change == "~" and update):
                        found[change.change] += 1
                        plan.keep(shape, change)
                        shapes[:] = [shape]

                outcome = diff.table(
                    name, on_row=keep, exact=True, where=where, progress=progress, cancel=cancel
                )
                _refuse_unmatched(outcome, is_wanted=bool(tables))
                if shapes:
                    triggers = _triggers(diff.right, name, found)
                    plan.tables.append(
                        TableRescue(name, found["-"], found["~"], triggers, shapes[0].left_only)
                    )
        plan.seal()
    except BaseException:
        plan.__exit__(None, None, None)
        raise
    return plan


def _refuse_unmatched(table: TableDiff, *, is_wanted: bool) -> None:
    if not is_wanted:
        return
    if table.problem:
        raise UsageError(f"{table.name}: {table.problem}", hint="promote the whole database instead")
    if table.right_rows is None:
        raise UsageError(
            f"production has no table {table.name}", hint="make it first, or promote the whole database"
        )


def _triggers(production: Sequence[SchemaObject], table: str, found: dict[str, int]) -> tuple[str, ...]:
    """Return production's triggers that the statements would set off."""
    events = [event for event, sign in (("INSERT", "-"), ("UPDATE", "~")) if found[sign]]
    return tuple(
        each.name
        for each in production
        if each.kind == "trigger"
        and each.table.lower() == table.lower()
        and any(event in each.sql.upper() for event in events)
    )


@dataclass(frozen=True)
class RescueResult:
    """What was written, and where its inverse is."""

    rows: int
    undo: Path
    """SQL that takes it back."""
    expired: tuple[str, ...] = ()
    """The names of older undo points and patches that were deleted, as the configuration wants it."""

    def to_json(self) -> dict[str, Any]:
        """Return it as the command line's `--json` contract has it."""
        return {"rows": self.rows, "undo": str(self.undo), "expired": list(self.expired)}


@dataclass
class Rescue:
    """One rescue, confirmed by the database's name."""

    plan: RescuePlan
    triggers: bool = True
    """Whether production's triggers act on what is written, as they did on what was deleted."""
    wait_seconds: float = WAIT_SECONDS
    progress: ProgressFn = ignore_progress
    cancel: CancelToken = field(default_factory=CancelToken)
    clock: Clock = SYSTEM
    rule: UndoRule = field(default_factory=UndoRule)
    """What becomes of older patches and undo points once it is done."""
    _deciding: bool = field(default=False, init=False)
    """From the commit on, an error does not say that nothing was written: the inverse is kept."""

    def run(self, confirm: str) -> RescueResult:
        """Write the rows into production, all or none.

        Raises `RefusedError` without the right name, for a row that changed since, for a key that would
        point nowhere, and while production is busy; `RecoverError`, `Cancelled`. Nothing is written then.
        """
        self._check_name(confirm)
        database = self.plan.database
        beside = Beside(database)
        if look(database).state != "healthy":
            raise RefusedError(f"{database} cannot be opened", object=str(database))
        with PromoteLock(beside):
            found = recover(beside, self.cancel)
            if found is not None:
                raise RefusedError(
                    f"{found}; what was compared may not hold any more",
                    object=str(database),
                    hint="look at the differences again",
                )
            undo = patches.write(beside, _inverse(self.plan), self.clock.now())
            try:
                rows = self._write(beside.real)
            except BaseException:
                if not self._deciding:
                    undo.unlink(missing_ok=True)
                raise
            expired = prune_calmly(beside, self.rule, self.clock.now(), spare=undo)
        return RescueResult(rows, undo, expired)

    def _check_name(self, confirm: str) -> None:
        if confirm != self.plan.name:
            said = f"{confirm!r} was typed" if confirm else "nothing was typed"
            raise RefusedError(
                f"not confirmed: the name of the database is {self.plan.name!r}, {said}",
                object=str(self.plan.database),
                hint=f"confirm with --confirm {self.plan.name}",
            )

    def _write(self, real: Path) -> int:
        with closing(open_to_write(real, busy_seconds=self.wait_seconds)) as connection:
            connection.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, int(self.triggers))
            connection.pragma("foreign_keys", True)
            connection.pragma("synchronous", "extra")
            try:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("PRAGMA defer_foreign_keys = ON")
                rows = _write_rows(connection, self.plan, self.progress, self.cancel)
                _check_keys(connection, self.plan)
                self._deciding = True
                connection.execute("COMMIT")
            except (apsw.BusyError, apsw.LockedError):
                self._deciding = False
                raise RefusedError(
                    f"{real} stayed busy for {self.wait_seconds:g} s, and nothing was written",
                    object=str(real),
                    hint="end the transaction that holds it, or wait longer with --timeout",
                ) from None
            except apsw.Error as error:
                state = "may hold the rows" if self._deciding else "is what it was"
                raise RecoverError(
                    f"{real} could not be written, and {state}: {error}",
                    object=str(real),
                    hint="look at the differences again; the inverse was kept" if self._deciding else "",
                ) from None
        return rows


def _inverse(plan: RescuePlan) -> Iterator[str]:
    """Yield the statements that take the rescue back, the last one first."""
    return (backward(shape, change).text for shape, change in plan.changes(backwards=True))


def _write_rows(
    connection: apsw.Connection, plan: RescuePlan, progress: ProgressFn, cancel: CancelToken
) -> int:
    total, done = plan.rows, 0
    for shape, change in plan.changes():
        cancel.check()
        _write_row(connection, shape, change, forward(shape, change))
        done += 1
        if not done % 1000:
            progress(Progress("writing rows", done, total, "rows", shape.name))
    return done


def _write_row(connection: apsw.Connection, shape: Shape, change: RowChange, statement: Statement) -> None:
    try:
        connection.execute(statement.sql, statement.bindings)
    except apsw.ConstraintError as error:
        raise RefusedError(
            f"{shape.name}: the row {_key_words(shape, change)} cannot be written: {error}",
            object=shape.name,
            hint="nothing was written; look at the differences again",
        ) from None
    if connection.changes() != 1:
        raise RefusedError(
            f"{shape.name}: the row {_key_words(shape, change)} changed since it was compared",
            object=shape.name,
            hint="nothing was written; look at the differences again",
        )


def _key_words(shape: Shape, change: RowChange) -> str:
    key = shape.key_of(change.row)
    return ", ".join(f"{name} {value!r}" for name, value in zip(shape.key, key, strict=True))


def _check_keys(connection: apsw.Connection, plan: RescuePlan) -> None:
    """Refuse rows whose foreign keys would point nowhere; what pointed nowhere before is left alone."""
    written = {table.name for table in plan.tables if table.inserts or table.updates}
    wrong = []
    for table in sorted(written):
        for row in connection.execute(f"PRAGMA foreign_key_check({quote(table)})"):
            wrong.append((table, row[1], str(row[2])))
    ours = _ours(plan, wrong)
    if ours:
        named = ", ".join(f"{table} row {rowid} → {parent}" for table, rowid, parent in ours[:_MOST_NAMED])
        raise RefusedError(
            f"{len(ours)} foreign keys would point nowhere: {named}",
            hint="nothing was written; rescue the rows of those tables as well",
        )


def _ours(plan: RescuePlan, wrong: list[tuple[str, Any, str]]) -> list[tuple[str, Any, str]]:
    """Return which of these rows the rescue writes."""
    if not wrong:
        return []
    keys: dict[str, set[Any]] = {}
    for shape, change in plan.changes():
        keys.setdefault(shape.name, set()).update(
            value for value in shape.key_of(change.row) if value is not None
        )
    return [each for each in wrong if each[1] is None or each[1] in keys.get(each[0], set())]
