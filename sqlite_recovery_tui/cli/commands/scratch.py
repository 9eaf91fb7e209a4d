"""`sqlrecover scratch`: the restored copies that are not production: list, delete, let expire, move."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sqlite_recovery_tui.cli.options import (
    duration,
    generation_option,
    hexadecimal,
    size_in_bytes,
    subcommand,
)
from sqlite_recovery_tui.cli.session import Session
from sqlite_recovery_tui.errors import RecoverError, UsageError
from sqlite_recovery_tui.words import ago, plural, size

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sqlite_recovery_tui.restore.expiry import Fate, Rule
    from sqlite_recovery_tui.restore.scratches import Scratch


@subcommand("scratch")
@click.argument("action", type=click.Choice(["list", "delete", "expire", "move"]), default="list")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--older-than", metavar="DUR", callback=duration, help="With expire: by this age, not the configured one."
)
@click.option(
    "--max-size",
    metavar="SIZE",
    callback=size_in_bytes,
    help="With expire: until all take no more than this.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be deleted.")
@click.option("--by", type=int, metavar="N", help="With move: so many commits on, or back where negative.")
@click.option("--timestamp", metavar="T", help="With move: to the newest state of this time.")
@generation_option
@click.option("--index", metavar="HEX", callback=hexadecimal, help="With move: to the end of this WAL.")
@click.option("--offset", metavar="HEX", callback=hexadecimal, help="With -index: up to this byte of it.")
@click.option("--txid", metavar="HEX", help="With move: to the state after this TXID.")
def command(session: Session, action: str, names: tuple[str, ...], dry_run: bool, **wished: Any) -> int:
    """List scratch databases, delete some or those whose time is up, or move one through its history.

    A scratch is what the console restores: a copy in a directory of its own below scratch-dir, with a
    manifest of where it is from. `expire` goes by scratch-keep and scratch-max of the configuration unless
    told otherwise; the newest of each database stays, and so does what is open anywhere. One that is in
    use is never deleted: that is exit code 7. `move NAME -by -1` takes one to the commit before: only the
    pages that differ are written.
    """
    from sqlite_recovery_tui.cli.moving import Where, move
    from sqlite_recovery_tui.restore.expiry import Rule

    told = Rule(wished.pop("older_than"), wished.pop("max_size"))
    where = Where(**wished)
    if action == "move":
        return move(session, _place(session)[0], names, where)
    if where.is_given:
        raise UsageError("-by, -timestamp, -index and -txid go with `sqlrecover scratch move`")
    if action != "delete" and names:
        raise UsageError(f"scratch {action} takes no names", hint="`sqlrecover scratch delete NAME` does")
    if action != "expire" and told:
        raise UsageError("-older-than and -max-size go with `sqlrecover scratch expire`")
    folder, configured = _place(session)
    rule = told if told else configured
    if action == "delete":
        return _delete(session, folder, names, dry_run)
    return _expire(session, folder, rule, dry_run) if action == "expire" else _list(session, folder, rule)


def _place(session: Session) -> tuple[Path, Rule]:
    """Return the scratch directory and how long scratches are kept there."""
    from sqlite_recovery_tui.config import Settings
    from sqlite_recovery_tui.restore.expiry import Rule

    settings = session.settings or Settings()
    return settings.scratch_dir, Rule(settings.scratch_keep, settings.scratch_max)


def _list(session: Session, folder: Path, rule: Rule) -> int:
    from sqlite_recovery_tui.restore.expiry import fates
    from sqlite_recovery_tui.restore.scratches import scratches

    found = list(scratches(folder))
    now = session.clock.now()
    decided = fates(found, rule, now)
    total = sum(scratch.size for scratch in found)
    if found:
        session.out.table(
            ("name", "database", "replica", "as of", "made", "size", "state", "expires"),
            [_row(session, fate) for fate in decided],
        )
        session.out.line()
    session.out.line(f"{plural(len(found), 'scratch database')}, {size(total)}, in {folder}")
    session.document(
        {
            "folder": str(folder),
            "bytes": total,
            "scratches": [{**fate.scratch.to_json(), **_fate_json(fate)} for fate in decided],
        }
    )
    return 0


def _row(session: Session, fate: Fate) -> tuple[object, ...]:
    from sqlite_recovery_tui.words import rfc3339

    scratch = fate.scratch
    return (
        scratch.name,
        scratch.database,
        scratch.replica or "-",
        rfc3339(scratch.time) if scratch.time else "-",
        ago(scratch.made, session.clock.now()),
        size(scratch.size),
        scratch.state,
        _expiry_words(fate, session),
    )


def _expiry_words(fate: Fate, session: Session) -> str:
    from sqlite_recovery_tui.words import rfc3339

    if fate.goes:
        return f"now: {fate.due}"
    if fate.kept:
        return f"kept: {fate.kept}"
    if fate.expires is None or fate.expires < session.clock.now():
        return "-"
    return rfc3339(fate.expires)


def _fate_json(fate: Fate) -> dict[str, Any]:
    from sqlite_recovery_tui.words import rfc3339

    return {
        "expires": rfc3339(fate.expires) if fate.expires else None,
        "due": fate.due or None,
        "kept": fate.kept or None,
    }


def _delete(session: Session, folder: Path, names: Sequence[str], dry_run: bool) -> int:
    from sqlite_recovery_tui.restore import scratches

    if not names:
        raise UsageError(
            "scratch delete takes the names of what to delete", hint="`sqlrecover scratch` lists them"
        )
    # Every name is known before anything goes: a typing error must not leave half the work done.
    found = list(dict.fromkeys(scratches.find(folder, name).path for name in names))
    doomed = [scratches.find(folder, str(path)) for path in found]
    return _remove(session, folder, doomed, dry_run)


def _expire(session: Session, folder: Path, rule: Rule, dry_run: bool) -> int:
    from sqlite_recovery_tui.restore.expiry import fates
    from sqlite_recovery_tui.restore.scratches import scratches

    if not rule:
        raise UsageError(
            "nothing says how long scratch databases are kept",
            hint="add -older-than DUR or -max-size SIZE, or set scratch-keep or scratch-max",
        )
    decided = fates(list(scratches(folder)), rule, session.clock.now())
    for fate in decided:
        if fate.kept:
            session.err.warning(f"{fate.scratch.name} is {fate.due}, but kept: it is {fate.kept}")
    return _remove(session, folder, [fate.scratch for fate in decided if fate.goes], dry_run)


def _remove(session: Session, folder: Path, doomed: Sequence[Scratch], dry_run: bool) -> int:
    from sqlite_recovery_tui.restore.scratches import sweep

    gone: list[Scratch] = []
    faults: list[tuple[Scratch, RecoverError]] = []
    for scratch in doomed:
        try:
            if not dry_run:
                _recorded(session, scratch)
            gone.append(scratch)
        except RecoverError as error:
            faults.append((scratch, error))
            session.err.error(error)
    if not dry_run:
        sweep(folder)
    word = "would delete" if dry_run else "deleted"
    session.out.lines(f"{word}  {scratch.name}  {size(scratch.size)}" for scratch in gone)
    session.out.line(f"{plural(len(gone), 'scratch database')}, {size(sum(each.size for each in gone))}")
    session.document(
        {
            "folder": str(folder),
            "dry_run": dry_run,
            "deleted": [scratch.to_json() for scratch in gone],
            "errors": [{"name": scratch.name, **error.to_json()} for scratch, error in faults],
        }
    )
    return faults[0][1].code if faults else 0


def _recorded(session: Session, scratch: Scratch) -> None:
    """Delete one scratch, and let the history know."""
    from sqlite_recovery_tui.restore.scratches import remove

    with session.act("scratch-delete", output=str(scratch.path)) as act:
        act.begin(database=scratch.family or None, replica=scratch.replica or None, url=scratch.url or None)
        remove(scratch)
        act.finish()
