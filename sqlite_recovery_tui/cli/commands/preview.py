"""`sqlrecover preview`: tables and rows of a restore point, fetched page by page, nothing restored."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sqlite_recovery_tui.cli.options import replica_option, subcommand, target_argument
from sqlite_recovery_tui.cli.row_pages import page_member, short, tell_extent
from sqlite_recovery_tui.cli.session import Session
from sqlite_recovery_tui.cli.targets import scan_for, target_of
from sqlite_recovery_tui.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlite_recovery_tui.progress import ProgressFn
    from sqlite_recovery_tui.replica.fleet import ReplicaRef
    from sqlite_recovery_tui.restore.plan import Plan
    from sqlite_recovery_tui.restore.preview import Preview
    from sqlite_recovery_tui.sqlite.messages import RowPage, TableInfo

_MOST_ROWS = 1000


@dataclass(frozen=True, kw_only=True)
class Wish:
    """The command line as it was typed, parsed."""

    target: str
    replica: str | None
    timestamp: str | None
    txid: str | None
    nearest: bool
    table: str | None
    sql: str | None
    rows: int
    offset_rows: int
    generation: str | None = None
    index: int | None = None
    offset: int | None = None


@subcommand("preview")
@target_argument(required=True)
@replica_option
@click.option("--timestamp", metavar="T", help="The newest state of this time.")
@click.option("--txid", metavar="HEX", help="The state after this TXID.")
@click.option("--nearest", is_flag=True, help="Outside the time covered: take the nearest state.")
@click.option("--table", metavar="NAME", help="Show rows of this table; without it, the tables.")
@click.option("--sql", metavar="QUERY", help="Show what a read-only query gives.")
@click.option("--rows", type=click.IntRange(1, _MOST_ROWS), default=20, metavar="N", help="How many rows.")
@click.option(
    "--skip", "offset_rows", type=click.IntRange(0), default=0, metavar="N", help="Leave out the first rows."
)
def command(session: Session, **wished: Any) -> int:
    """Look at tables and rows of a restore point without restoring it.

    Only the pages that are looked at are fetched, through the page indexes of LTX files: replicas of
    Litestream 0.3 have none. A single page has no checksum of its own: what is shown here is proven
    only by a restore.
    """
    wish = Wish(**wished)
    if wish.table is not None and wish.sql is not None:
        raise UsageError("-table and -sql exclude one another", hint="give one of them")
    plan, ref = _plan(session, wish)
    from sqlite_recovery_tui.restore.preview import open_preview
    from sqlite_recovery_tui.storage.open import open_store

    store = open_store(ref.replica, clock=session.clock)
    try:
        with (
            session.meter() as meter,
            open_preview(
                store, plan, Path(tempfile.gettempdir()), progress=meter, cancel=session.cancel
            ) as preview,
        ):
            shown = _look(session, preview, wish, meter)
    finally:
        store.close()
    shown.tell(session, ref)
    return 0


def _plan(session: Session, wish: Wish) -> tuple[Plan, ReplicaRef]:
    from sqlite_recovery_tui.restore.choose import choose

    requested = target_of(session, wish)
    states = scan_for(session, session.refs(wish.target, wish.replica), requested)
    choice = choose(
        states, requested, nearest=wish.nearest, proofs=session.history if len(states) > 1 else None
    )
    for rejected, error in choice.rejected:
        session.err.warning(f"{rejected.label} is not used: {error}")
    return choice.plan, choice.ref


@dataclass(frozen=True)
class _Shown:
    """What was seen, kept until the progress line is gone."""

    plan: Plan
    size: int
    fetched: int
    tables: Sequence[TableInfo] = ()
    rows: RowPage | None = None
    name: str = ""

    def tell(self, session: Session, ref: ReplicaRef) -> None:
        """Print it."""
        from sqlite_recovery_tui.cli.reports import distance
        from sqlite_recovery_tui.words import both_zones, size

        session.out.marked("bold", "preview", f"  {ref.label}: nothing was restored")
        session.out.facts(
            [
                ("time", both_zones(self.plan.point.time) + distance(self.plan.distance_seconds)),
                ("position", self.plan.reached),
                ("size", f"{size(self.size)}, of which {size(self.fetched)} were fetched"),
                *(("note", note) for note in self.plan.notes),
            ]
        )
        session.out.line()
        if self.rows is None:
            session.out.table(("table", "kind", "columns"), map(_described, self.tables))
        else:
            session.out.table(self.rows.columns, ([short(cell) for cell in row] for row in self.rows.rows))
            tell_extent(session, self.rows)
        session.document(self._document(ref))

    def _document(self, ref: ReplicaRef) -> dict[str, Any]:
        from sqlite_recovery_tui.cli.listing import identity

        document = {
            **identity(ref),
            "position": self.plan.reached.to_json(),
            "time": self.plan.point.time.isoformat().replace("+00:00", "Z"),
            "size": self.size,
            "bytes_fetched": self.fetched,
            "notes": list(self.plan.notes),
        }
        if self.rows is None:
            tables = [
                {"name": table.name, "kind": table.kind, "columns": [item.name for item in table.columns]}
                for table in self.tables
            ]
            return {**document, "tables": tables}
        return {
            **document,
            "table": self.name or None,
            **page_member(self.rows),
        }


def _look(session: Session, preview: Preview, wish: Wish, progress: ProgressFn) -> _Shown:
    inspector, cancel = preview.inspector, session.cancel
    tables: Sequence[TableInfo] = ()
    rows = None
    if wish.sql is not None:
        rows = inspector.query(wish.sql, limit=wish.rows, progress=progress, cancel=cancel)
    else:
        tables = inspector.tables(progress=progress, cancel=cancel)
        if wish.table is not None:
            _check_known(wish.table, tables)
            rows = inspector.rows(
                wish.table, offset=wish.offset_rows, limit=wish.rows, progress=progress, cancel=cancel
            )
    return _Shown(preview.plan, preview.size, preview.bytes_fetched, tables, rows, wish.table or "")


def _check_known(name: str, tables: Iterable[TableInfo]) -> None:
    known = [table.name for table in tables]
    if name not in known:
        raise NotFoundError(
            f"no table {name!r} at this point", hint=f"tables here: {', '.join(known) or 'none'}"
        )


def _described(table: TableInfo) -> tuple[str, str, str]:
    return table.name, table.kind, ", ".join(column.name for column in table.columns)
