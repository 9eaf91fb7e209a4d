"""What a promote takes away and brings back, table by table, before anybody decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import apsw

from sqlite_recovery_tui.errors import InspectorError
from sqlite_recovery_tui.progress import CancelToken, Progress, ProgressFn
from sqlite_recovery_tui.promote.facts import Incoming, Live, reading
from sqlite_recovery_tui.sqlite.identifier import quote
from sqlite_recovery_tui.sqlite.inspector import Inspector


@dataclass(frozen=True, slots=True)
class TableChange:
    """One table's rows in production and in the new file; None where it is not there."""

    table: str
    live_rows: int | None
    new_rows: int | None

    @property
    def difference(self) -> int:
        """How many rows more the new file has; below zero they are lost."""
        return (self.new_rows or 0) - (self.live_rows or 0)

    @property
    def is_changed(self) -> bool:
        """Whether it has more or fewer rows, or is on one side only."""
        return self.live_rows != self.new_rows

    def to_json(self) -> dict[str, Any]:
        """Return it as the command line's `--json` contract has it."""
        return {
            "table": self.table,
            "live_rows": self.live_rows,
            "new_rows": self.new_rows,
            "difference": self.difference,
        }


def table_changes(
    live: Live, new: Incoming, *, progress: ProgressFn, cancel: CancelToken
) -> tuple[TableChange, ...]:
    """Count the rows of every table on both sides; empty when production cannot be read.

    Raises `Cancelled`, and `InspectorError` when the new file cannot be counted.
    """
    before = _live_counts(live, progress, cancel)
    if before is None:
        return ()
    after = _new_counts(new, progress, cancel)
    every = sorted(before.keys() | after.keys())
    return tuple(TableChange(name, before.get(name), after.get(name)) for name in every)


def _live_counts(live: Live, progress: ProgressFn, cancel: CancelToken) -> dict[str, int] | None:
    if live.state != "healthy":
        return {} if not live.exists else None
    found: dict[str, int] = {}
    try:
        with reading(live.beside.real) as connection:
            connection.set_progress_handler(lambda: cancel.cancelled, 10_000)
            for name in _tables(connection):
                progress(Progress("counting production's rows", len(found), None, "tables", name))
                found[name] = _count(connection, name)
    except apsw.InterruptError:
        cancel.check()
        return None
    except apsw.Error:
        return None
    return found


def _tables(connection: apsw.Connection) -> list[str]:
    sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'"
    return [str(name) for (name,) in connection.execute(sql) if not str(name).startswith("sqlite_")]


def _count(connection: apsw.Connection, table: str) -> int:
    rows = connection.execute(f"SELECT count(*) FROM {quote(table)}")
    return int(str(rows.fetchall()[0][0]))


def _new_counts(new: Incoming, progress: ProgressFn, cancel: CancelToken) -> dict[str, int]:
    found: dict[str, int] = {}
    with Inspector(new.path) as inspector:
        for table in inspector.tables():
            if table.kind != "table" or table.name.startswith("sqlite_"):
                continue
            progress(Progress("counting the new rows", len(found), None, "tables", table.name))
            try:
                found[table.name] = inspector.count(table.name, cancel=cancel)
            except InspectorError:
                continue
    return found
