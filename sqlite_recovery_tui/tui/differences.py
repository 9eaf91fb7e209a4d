"""What differs between a restored database and production: found in a thread, kept to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sqlite_recovery_tui.errors import NotFoundError
from sqlite_recovery_tui.tui.engine import Report

if TYPE_CHECKING:
    from sqlite_recovery_tui.verify.diff import SchemaChange, TableDiff
    from sqlite_recovery_tui.verify.kept import KeptChanges


@dataclass(frozen=True)
class TableFound:
    """One table that has been compared."""

    diff: TableDiff
    kept: KeptChanges


@dataclass(frozen=True)
class Found:
    """What is known so far."""

    names: tuple[str, ...] = ()
    """Every table of either side."""
    schema: tuple[SchemaChange, ...] = ()
    tables: dict[str, TableFound] = field(default_factory=dict)
    """Those that have been compared."""

    @property
    def done(self) -> bool:
        return len(self.tables) == len(self.names)

    @property
    def differing(self) -> Sequence[TableFound]:
        return [table for table in self.tables.values() if not table.diff.is_same]


def compare(scratch: Path, production: Path, report: Report) -> Found:
    """Compare all of two databases; hand out each table as it is done."""
    from sqlite_recovery_tui.verify.diff import comparing
    from sqlite_recovery_tui.verify.kept import KeptChanges, Spool

    if not production.is_file():
        raise NotFoundError(f"there is no file {production} here to compare with", object=str(production))
    spool = Spool()
    with comparing(scratch, production) as diff:
        found = Found(tuple(diff.tables()), diff.schema)
        report.partial(found)
        for name in found.names:
            kept = KeptChanges(spool)
            table = diff.table(name, on_row=kept.add, progress=report.progress, cancel=report.cancel)
            kept.seal()
            found = Found(found.names, found.schema, {**found.tables, name: TableFound(table, kept)})
            report.partial(found)
    return found
