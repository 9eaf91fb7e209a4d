"""`sqlrecover rescue`: only the rows that are missing, from a restored database back into production."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from sqlite_recovery_tui.cli.options import duration, subcommand
from sqlite_recovery_tui.cli.session import Session
from sqlite_recovery_tui.errors import UsageError
from sqlite_recovery_tui.words import plural

if TYPE_CHECKING:
    from sqlite_recovery_tui.promote.rescue import RescuePlan


@subcommand("rescue")
@click.argument("scratch", metavar="SCRATCH")
@click.option("--to", metavar="DB", help="The database to write to.  [default: the one SCRATCH is a copy of]")
@click.option("--table", "tables", multiple=True, metavar="T", help="Only this table; may be repeated.")
@click.option("--where", default="", metavar="SQL", help="Only rows that fulfil this, of one table.")
@click.option("--update", is_flag=True, help="Also set rows back that production has with other values.")
@click.option("--no-triggers", is_flag=True, help="Keep production's triggers out of it.")
@click.option("--confirm", metavar="NAME", help="Do it; NAME is the database's file name.")
@click.option("--timeout", metavar="DUR", callback=duration, help="How long to wait for a lock; 30s.")
def command(session: Session, scratch: str, to: str | None, tables: tuple[str, ...], **wished: Any) -> int:
    """Write rows that production lacks, as the restored database SCRATCH has them, in one transaction.

    Without -confirm it is shown what would be written, and nothing is. Rows are matched by primary key, or
    by rowid. Foreign keys are checked before the commit, a row that changed meanwhile ends it all, and SQL
    that takes everything back is saved first beside the database.
    """
    from sqlite_recovery_tui.cli.promoting import database_path
    from sqlite_recovery_tui.cli.sides import restored_file
    from sqlite_recovery_tui.promote.rescue import plan_rescue

    if wished["where"] and len(tables) != 1:
        raise UsageError("-where goes with exactly one -table")
    file, found = restored_file(session, scratch)
    if to is None and (found is None or not found.family):
        raise UsageError(f"nothing says which database {file} is a copy of", hint="name it with -to DB")
    database = database_path(session, to if to is not None else found.family if found else "")
    with session.meter() as meter:
        plan = plan_rescue(
            file,
            database,
            tables,
            update=wished["update"],
            where=wished["where"],
            progress=meter,
            cancel=session.cancel,
        )
    with plan:
        if wished["confirm"] is None or not plan.rows:
            _show(session, plan)
            return 0
        return _carry_out(session, plan, wished["confirm"], wished["timeout"], not wished["no_triggers"])


def _show(session: Session, plan: RescuePlan) -> None:
    rows = plural(plan.rows, "row")
    session.out.marked("bold", "plan", f"  {rows} from {plan.scratch} into {plan.database}")
    if plan.tables:
        session.out.table(
            ("table", "insert", "update", "triggers"),
            [
                (table.name, f"{table.inserts:,}", f"{table.updates:,}", ", ".join(table.triggers) or "-")
                for table in plan.tables
            ],
        )
    for table in plan.tables:
        if table.left_only:
            session.err.warning(f"{table.name}: production has no column {', '.join(table.left_only)}")
    session.out.line()
    session.out.lines(_cut(text) for text in plan.sample)
    if plan.rows > len(plan.sample):
        session.out.line(f"and {plural(plan.rows - len(plan.sample), 'statement')} more")
    session.out.line()
    next_step = f"; to do it: the same command with -confirm {plan.name}" if plan.rows else ""
    session.out.line(f"nothing was changed{next_step}")
    session.document({**plan.to_json(), "written": False})


def _cut(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:199]}…"


def _carry_out(
    session: Session, plan: RescuePlan, confirm: str, timeout: timedelta | None, triggers: bool
) -> int:
    from sqlite_recovery_tui.cli.promoting import undo_rule
    from sqlite_recovery_tui.promote.rescue import WAIT_SECONDS, Rescue

    with session.act("rescue", database=str(plan.database), output=str(plan.database)) as act:
        act.begin(asked=str(plan.scratch), results={"tables": [table.to_json() for table in plan.tables]})
        with session.meter() as meter:
            result = Rescue(
                plan,
                triggers=triggers,
                wait_seconds=timeout.total_seconds() if timeout else WAIT_SECONDS,
                progress=meter,
                cancel=session.cancel,
                clock=session.clock,
                rule=undo_rule(session, plan.database),
            ).run(confirm)
        act.finish("ok", results=result.to_json())
    session.out.marked("ok", "rescued", f"  {plural(result.rows, 'row')} into {plan.database}")
    facts = [("to take it back", f"sqlite3 {plan.database} < {result.undo}")]
    session.out.facts([*facts, *(("expired", name) for name in result.expired)])
    session.document({**plan.to_json(), **result.to_json(), "written": True})
    return 0
