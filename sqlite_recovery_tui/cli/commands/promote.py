"""`sqlrecover promote`: a restored database becomes production's; planned first, confirmed by its name."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sqlite_recovery_tui.cli.options import duration, subcommand
from sqlite_recovery_tui.cli.session import Session
from sqlite_recovery_tui.errors import UsageError

if TYPE_CHECKING:
    from sqlite_recovery_tui.promote.plan import PromotePlan


@subcommand("promote")
@click.argument("scratch", metavar="SCRATCH")
@click.option("--to", metavar="DB", help="The database to replace.  [default: the one SCRATCH is a copy of]")
@click.option("--mode", metavar="MODE", help="online, swap, inject or auto.  [default: auto]")
@click.option("--plan", "plan_only", is_flag=True, help="Only show what would happen; the default.")
@click.option("--confirm", metavar="NAME", help="Do it; NAME is the database's file name.")
@click.option("--timeout", metavar="DUR", callback=duration, help="How long to wait for a lock; 30s.")
@click.option(
    "--force-in-use",
    metavar="NAME",
    default="",
    help="With swap: though this process has it open.",
)
@click.option("--overrule", multiple=True, metavar="NAME", help="Promote though this assertion fails.")
@click.option("--no-count", is_flag=True, help="Do not count rows, which reads every table once.")
def command(session: Session, scratch: str, to: str | None, plan_only: bool, **wished: Any) -> int:
    """Put the restored database SCRATCH, a file or the name of a scratch, in production's place.

    Without -confirm the plan is shown and nothing is done: what would be lost by table, who has the
    database open, which way it goes and why. Online, it is one transaction into the live file, and
    applications go on. Swap renames a new file over the old one, with every application stopped. Inject
    takes over a database that nobody can open, by a complete log beside it. What was there is always kept
    as an undo point, and what was promoted is compared page by page. It is refused while an assertion of
    the configuration fails in SCRATCH, unless -overrule names that one.
    """
    from sqlite_recovery_tui.cli.assertions import of_database
    from sqlite_recovery_tui.cli.promoting import daemon_socket, show_plan
    from sqlite_recovery_tui.promote.choice import mode_of
    from sqlite_recovery_tui.promote.plan import make_plan
    from sqlite_recovery_tui.restore.travelling.note import replica_of

    confirm: str | None = wished["confirm"]
    if plan_only and confirm is not None:
        raise UsageError("-plan and -confirm exclude one another", hint="leave -confirm out to see the plan")
    file, database = _sides(session, scratch, to)
    with session.meter() as meter:
        plan = make_plan(
            file,
            database,
            mode=mode_of(wished["mode"]),
            count_rows=not wished["no_count"],
            assertions=of_database(session, str(database), replica_of(file)),
            socket=daemon_socket(session),
            progress=meter,
            cancel=session.cancel,
        )
    if confirm is None:
        show_plan(session, plan, f"the same command with -confirm {plan.name}")
        session.document({**plan.to_json(), "promoted": False})
        return 0
    return _carry_out(session, plan, confirm, wished)


def _carry_out(session: Session, plan: PromotePlan, confirm: str, wished: dict[str, Any]) -> int:
    from sqlite_recovery_tui.cli.promoting import of_result, show_result, undo_rule
    from sqlite_recovery_tui.promote.run import WAIT_SECONDS, Promote

    beside = plan.live.beside
    timeout: timedelta | None = wished["timeout"]
    overruled = {"overruled": list(wished["overrule"])} if wished["overrule"] else {}
    with session.act("promote", database=str(beside.named), output=str(beside.real)) as act:
        act.begin(
            asked=str(plan.new.path), results={"mode": plan.choice.mode, "why": plan.choice.why, **overruled}
        )
        with session.meter() as meter:
            promote = Promote(
                plan,
                wait_seconds=timeout.total_seconds() if timeout else WAIT_SECONDS,
                force_in_use=wished["force_in_use"],
                overrule=wished["overrule"],
                progress=meter,
                cancel=session.cancel,
                clock=session.clock,
                rule=undo_rule(session, beside.named),
            )
            result = promote.run(confirm)
        act.finish("ok", **of_result(result))
    show_result(session, result, "promoted")
    return 0


def _sides(session: Session, scratch: str, to: str | None) -> tuple[Path, Path]:
    """Return the restored file, and the database that it is to replace."""
    from sqlite_recovery_tui.cli.promoting import database_path
    from sqlite_recovery_tui.cli.sides import restored_file

    file, found = restored_file(session, scratch)
    if to is not None:
        return file, database_path(session, to)
    if found is None or not found.family:
        raise UsageError(f"nothing says which database {file} is to replace", hint="name it with -to DB")
    return file, database_path(session, found.family)
