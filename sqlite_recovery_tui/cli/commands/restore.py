"""`sqlrecover restore`: one state of a replica to a file, saying which; never over anything unasked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sqlite_recovery_tui.cli import following
from sqlite_recovery_tui.cli.options import (
    duration,
    generation_option,
    hexadecimal,
    replica_option,
    size_in_bytes,
    subcommand,
    target_argument,
)
from sqlite_recovery_tui.cli.preload import preload
from sqlite_recovery_tui.cli.restoring import Attempt, Wish, check_failed
from sqlite_recovery_tui.cli.session import Session
from sqlite_recovery_tui.cli.targets import scan_for, target_of
from sqlite_recovery_tui.errors import (
    BucketNotFound,
    NotFoundError,
    RefusedError,
    UsageError,
    VerificationFailed,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlite_recovery_tui.errors import DamagedError
    from sqlite_recovery_tui.history.act import Act
    from sqlite_recovery_tui.replica.fleet import ReplicaRef, ReplicaState
    from sqlite_recovery_tui.restore.choose import Choice
    from sqlite_recovery_tui.restore.run import RestoreResult
    from sqlite_recovery_tui.restore.target import Target


@subcommand("restore")
@target_argument(required=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="OUT", help="Where to restore to.")
@replica_option
@generation_option
@click.option("--timestamp", metavar="T", help="The newest state of this time; see above.")
@click.option("--index", metavar="HEX", callback=hexadecimal, help="The state at the end of this WAL.")
@click.option("--offset", metavar="HEX", callback=hexadecimal, help="With -index: up to this byte of it.")
@click.option("--txid", metavar="HEX", help="The state after this TXID (LTX files only).")
@click.option("--if-db-not-exists", is_flag=True, help="Exit 0 when the output already exists.")
@click.option("--if-replica-exists", is_flag=True, help="Exit 0 when there is nothing to restore from.")
@click.option(
    "--integrity-check",
    type=click.Choice(["none", "quick", "full"]),
    default="none",
    show_default=True,
    help="Check the restored database; exit 5 when it fails.",
)
@click.option("--dry-run", is_flag=True, help="Print the plan and how to carry it out by hand.")
@click.option("--force", is_flag=True, help="Replace OUT once everything succeeded; the old file is kept.")
@click.option("--nearest", is_flag=True, help="Outside the time covered: take the nearest state.")
@click.option("--to-last-good", is_flag=True, help="Stop in front of damage instead of refusing.")
@click.option("--parallelism", type=click.IntRange(1, 256), default=8, metavar="N", help="Objects at a time.")
@click.option("--memory", metavar="SIZE", callback=size_in_bytes, help="Memory for data, such as 128MiB.")
@click.option("-f", "--follow", is_flag=True, help="Keep OUT up to date until interrupted; see above.")
@click.option(
    "--follow-interval", metavar="DUR", callback=duration, help="With -f: how often to look.  [default: 1s]"
)
@click.option(
    "--max-lag", metavar="DUR", callback=duration, help="With -f: give up after so long.  [default: 5m]"
)
def command(session: Session, **wished: Any) -> int:
    """Restore a database from a replica to a file.

    Without a time, a position or a TXID: the latest state. Times: 2026-03-26T10:30:00Z, "2026-03-26
    10:30", 10:30, "20 min ago", seconds since 1970; without a zone they are local. What was stored at
    that very moment belongs to it in replicas of Litestream 0.3, and no longer in those of 0.5. Where
    `sqlrecover replicate` noted when it saw each commit, every commit up to the last that was made by
    that time belongs to it, whenever it was stored; its clock is that of the machine that replicated. The
    WAL that is still written is not dated so yet. The answer says which counted.
    Without -o the database's own path is used; a file that exists is never replaced without -force
    and -o, and a database of the configuration not while its assertions fail in what was restored.

    With -f OUT is kept up to date in place, for processes that read it with SQLite meanwhile: never half
    an update, and always the state that is told. A copy that is there is gone on from. SIGINT and SIGTERM
    end it with exit code 0; where nothing succeeds for longer than -max-lag, it ends with the failure.
    """
    wish = Wish(**wished)
    following.check_wish(wish)
    requested = target_of(session, wish)
    kind = "follow" if wish.follow else "restore"
    with session.act(kind, exact=_exact(wish, requested), asked=wish.timestamp) as act:
        if wish.dry_run:
            act.drop()
        return _carry_out(session, wish, requested, act)


def _exact(wish: Wish, requested: Target) -> dict[str, str]:
    """Return how the time that was asked for is written for good."""
    from sqlite_recovery_tui.restore.target import AtTime, format_utc

    if wish.timestamp is None or not isinstance(requested, AtTime):
        return {}
    return {wish.timestamp: format_utc(requested.time)}


def _carry_out(session: Session, wish: Wish, requested: Target, act: Act) -> int:
    """Do what the command line asks for, and let `act` know."""
    refs = session.refs(wish.target, wish.replica)
    path = _output(refs, wish)
    act.learn(**_known(refs, path))
    if wish.if_db_not_exists and path.exists():
        return _nothing_done(session, path, f"{path} exists")
    if wish.follow and following.can_go_on(path, wish):
        return following.go_on(session, refs, path, wish, act)
    if not wish.dry_run:
        from sqlite_recovery_tui.restore.place import check_target

        check_target(path.absolute(), force=wish.force)
        preload("sqlite_recovery_tui.restore.run", "sqlite_recovery_tui.restore.ltx_build")
    states = scan_for(session, refs, requested)
    try:
        choice = _choose(session, states, requested, wish)
    except (NotFoundError, BucketNotFound) as error:
        if wish.if_replica_exists and all(map(_is_empty, states)):
            return _nothing_done(session, path, str(error))
        raise
    if wish.dry_run:
        return _show_plan(session, choice, path)
    if wish.follow:
        return following.begin(session, choice, path, wish, act)
    return _restore(session, choice, path, wish, act)


def _known(refs: Sequence[ReplicaRef], path: Path) -> dict[str, Any]:
    """Return what the history says of an act that ends before a replica is chosen."""
    only = refs[0] if len(refs) == 1 else None
    return {
        "output": str(path.absolute()),
        "database": refs[0].database_name if refs else None,
        "replica": only.replica.name if only else None,
        "url": only.replica.url if only else None,
    }


def _output(refs: Sequence[ReplicaRef], wish: Wish) -> Path:
    """Return where to restore to: -o, or as Litestream does it the database's own path."""
    if wish.output is not None:
        return wish.output
    database = refs[0].database if refs else None
    if database is None:
        if wish.dry_run:
            return Path("restored.db")
        raise UsageError("a replica URL needs -o", hint="name the file to restore to: -o restored.db")
    if wish.force:
        raise RefusedError(
            f"-force replaces only what -o names, not {database.path} by itself",
            object=str(database.path),
            hint=f"add -o {database.path} if that is what you want",
        )
    return database.path


def _choose(session: Session, states: Sequence[ReplicaState], requested: Target, wish: Wish) -> Choice:
    from sqlite_recovery_tui.restore.choose import choose

    choice = choose(
        states,
        requested,
        generation=wish.generation,
        nearest=wish.nearest,
        to_last_good=wish.to_last_good,
        proofs=session.history if len(states) > 1 else None,
    )
    for ref, error in choice.rejected:
        session.err.warning(f"{ref.label} is not used: {error}")
    return choice


def _is_empty(state: ReplicaState) -> bool:
    """Tell whether nothing was ever stored; a file replica's missing directory is the same thing."""
    if state.timeline is not None:
        return not state.timeline.objects
    return isinstance(state.error, BucketNotFound) and state.ref.replica.type in ("file", "sftp")


def _nothing_done(session: Session, path: Path, why: str) -> int:
    session.out.line(f"nothing restored: {why}")
    session.document({"output": str(path), "restored": False, "reason": why})
    return 0


def _show_plan(session: Session, choice: Choice, path: Path) -> int:
    from sqlite_recovery_tui.cli.ltx import plan_members, plan_table
    from sqlite_recovery_tui.cli.reports import plan_facts
    from sqlite_recovery_tui.domain import LtxFile
    from sqlite_recovery_tui.restore.plan import estimate_seconds
    from sqlite_recovery_tui.restore.recipe import recipe

    seconds = estimate_seconds(choice.plan, local=choice.ref.replica.type == "file")
    if path.exists():
        session.err.warning(f"{path} exists; without -force a restore to it is refused")
    by_hand = recipe(choice.plan, _unused(path))
    session.out.marked("bold", "plan", f"  restore {choice.ref.label} to {path}")
    session.out.facts(plan_facts(choice.plan, why=choice.why, seconds=seconds))
    session.out.line()
    files = [item for item in (choice.plan.base, *choice.plan.changes) if isinstance(item, LtxFile)]
    if files:
        session.out.table(*plan_table(files))
        session.out.line()
    session.out.line("by hand:")
    session.out.lines(f"  {line}" for line in by_hand)
    document = choice.plan.to_json()
    more = {"why": choice.why, "estimate_seconds": round(seconds, 3), "recipe": by_hand}
    listed = {"files": plan_members(files)} if files else {}
    session.document({"dry_run": True, "output": str(path), **document, **listed, **more})
    return 0


def _unused(path: Path) -> Path:
    """Return a name that the manual recipe may write to without overwriting anything."""
    names = (
        path.name,
        f"restored-{path.name}",
        *(f"restored-{number}-{path.name}" for number in range(2, 100)),
    )
    return next((place for name in names if not (place := path.with_name(name)).exists()), path)


def _restore(session: Session, choice: Choice, path: Path, wish: Wish, act: Act) -> int:
    from sqlite_recovery_tui.history.facts import of_plan
    from sqlite_recovery_tui.restore.choose import restore_best

    def fall_back(following: Choice, error: DamagedError) -> None:
        failed, _ = following.rejected[-1]
        session.err.warning(f"{failed.label} is not used: {error}")

    act.begin(**of_plan(choice.plan.to_json()))
    with session.meter() as meter:
        attempt = Attempt(session, wish, path, meter)
        result, used = restore_best(choice, attempt, to_last_good=wish.to_last_good, on_fallback=fall_back)
        attempt.ask(used)
    _keep(act, result, used, attempt)
    return _tell(session, result, used, attempt)


def _keep(act: Act, result: RestoreResult, choice: Choice, attempt: Attempt) -> None:
    """Let the history know what a restore made."""
    from sqlite_recovery_tui.history.facts import of_restore, shown

    report = attempt.report
    if attempt.assertions:
        act.learn(results={"assertions": [outcome.to_json() for outcome in attempt.assertions]})
    found = report.to_json() if report is not None else None
    members = of_restore(result.to_json(), (result.plan.base, *result.plan.changes), found)
    act.learn(results={"why": choice.why})
    act.finish(shown(members["verdict"], members["integrity"]), **members)


def _tell(session: Session, result: RestoreResult, choice: Choice, attempt: Attempt) -> int:
    from sqlite_recovery_tui.cli.assertions import tell
    from sqlite_recovery_tui.cli.reports import command_line, integrity_member, result_facts

    report = attempt.report
    session.out.marked("bold", "restored", f"  {choice.ref.label} to {result.output}")
    session.out.facts(result_facts(result, why=choice.why, integrity=report))
    tell(session, attempt.assertions)
    if report is None:
        session.out.line()
        session.out.line(f"next: {command_line('verify', result.output)}")
    kind = attempt.wish.integrity_check
    document: dict[str, Any] = {**result.to_json(), "integrity": integrity_member(report, kind)}
    document["assertions"] = [outcome.to_json() for outcome in attempt.assertions]
    session.document({**document, "why": choice.why, "restored": True})
    if report is not None and not report.ok:
        session.err.error(check_failed(report, result.output, "the restored file was kept"))
        return VerificationFailed.code
    return 0
