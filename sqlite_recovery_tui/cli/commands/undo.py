"""`sqlrecover undo`: take a promote back, list what can be taken back, let old undo points expire."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sqlite_recovery_tui.cli.options import duration, size_in_bytes, subcommand, target_argument
from sqlite_recovery_tui.cli.session import Session
from sqlite_recovery_tui.errors import UsageError
from sqlite_recovery_tui.words import ago, plural, rfc3339, size

if TYPE_CHECKING:
    from sqlite_recovery_tui.promote.undo import UndoPoint


@subcommand("undo")
@target_argument(required=True, what="DB")
@click.argument("point", required=False, metavar="[POINT]")
@click.option("--confirm", metavar="NAME", help="Do it; NAME is the database's file name.")
@click.option("--timeout", metavar="DUR", callback=duration, help="How long to wait for a lock; 30s.")
@click.option("--expire", is_flag=True, help="Delete undo points instead that are too old or too much.")
@click.option("--older-than", metavar="DUR", callback=duration, help="With -expire: those older than this.")
@click.option(
    "--max-size",
    metavar="SIZE",
    callback=size_in_bytes,
    help="With -expire: until all take no more than this.",
)
@click.option("--dry-run", is_flag=True, help="With -expire: only say what would be deleted.")
def command(session: Session, target: str, point: str | None, expire: bool, **wished: Any) -> int:
    """Put back what a database was before a promote, the newest undo point or the one named.

    Without -confirm the undo points are listed and nothing is done. It goes by the same guarded procedure
    as a promote, and what is there now becomes an undo point in turn: an undo can be undone. Older ones
    expire by undo-keep and undo-max of the configuration, after each promote, undo and rescue and by
    -expire, unless -older-than or -max-size says otherwise. The newest undo point never expires. The
    patches that take rescues back are listed and expire in the same way; they are run with the sqlite3
    shell.
    """
    from sqlite_recovery_tui.cli.promoting import database_path

    path = database_path(session, target)
    limits = {name: wished[name] for name in ("older_than", "max_size", "dry_run")}
    if expire:
        return _expire(session, path, **limits)
    if any(limits.values()):
        raise UsageError("-older-than, -max-size and -dry-run go with -expire")
    if wished["confirm"] is None:
        return _list(session, path, point)
    return _take_back(session, path, point, wished["confirm"], wished["timeout"])


def _list(session: Session, path: Path, wanted: str | None) -> int:
    from sqlite_recovery_tui.promote import undo
    from sqlite_recovery_tui.promote.beside import Beside
    from sqlite_recovery_tui.promote.patches import patches

    beside = Beside(path)
    found = undo.points(beside) if wanted is None else [undo.find(beside, wanted)]
    kept = patches(beside) if wanted is None else []
    now = session.clock.now()
    if found:
        session.out.table(
            ("name", "made", "age", "size", "kept by"),
            [
                (point.name, rfc3339(point.made), ago(point.made, now), size(point.size), _reason(point))
                for point in found
            ],
        )
        session.out.line()
        session.out.line(
            f"nothing was changed; to put {found[0].name} back: "
            f"sqlrecover undo {path} {found[0].name} -confirm {path.name}"
        )
    else:
        session.out.line(f"there is no undo point of {beside.real}")
    if kept:
        session.out.line()
        session.out.table(
            ("patch of a rescue", "made", "age", "size"),
            [(patch.file, rfc3339(patch.made), ago(patch.made, now), size(patch.size)) for patch in kept],
        )
        session.out.line()
        session.out.line(f"to take the last rescue back: sqlite3 {path} < {kept[0].file}")
    session.document(
        {
            "database": str(path),
            "points": [point.to_json() for point in found],
            "patches": [patch.to_json() for patch in kept],
        }
    )
    return 0


def _reason(point: UndoPoint) -> str:
    reason = str(point.manifest.get("reason") or "a restore with -force")
    return f"{reason}, as raw files" if point.is_raw else reason


def _take_back(
    session: Session, path: Path, wanted: str | None, confirm: str, timeout: timedelta | None
) -> int:
    from sqlite_recovery_tui.cli.promoting import daemon_socket, of_result, show_result, undo_rule
    from sqlite_recovery_tui.promote import undo
    from sqlite_recovery_tui.promote.beside import Beside
    from sqlite_recovery_tui.promote.run import WAIT_SECONDS, take_back

    point = undo.find(Beside(path), wanted)
    with session.act("undo", database=str(path), output=str(point.folder)) as act:
        act.begin(asked=point.name)
        with session.meter() as meter:
            result = take_back(
                point,
                path,
                confirm=confirm,
                socket=daemon_socket(session),
                wait_seconds=timeout.total_seconds() if timeout else WAIT_SECONDS,
                progress=meter,
                cancel=session.cancel,
                clock=session.clock,
                rule=undo_rule(session, path),
            )
        act.finish("ok", **of_result(result))
    show_result(session, result, "put back")
    return 0


def _expire(
    session: Session, path: Path, *, dry_run: bool, older_than: timedelta | None, max_size: int | None
) -> int:
    from sqlite_recovery_tui.cli.promoting import undo_rule
    from sqlite_recovery_tui.promote.beside import Beside, PromoteLock
    from sqlite_recovery_tui.promote.expiry import UndoRule, due, prune
    from sqlite_recovery_tui.promote.patches import Patch

    rule = UndoRule(older_than, max_size) or undo_rule(session, path)
    if not rule:
        raise UsageError(
            "nothing says which undo points go",
            hint="add -older-than DUR or -max-size SIZE, or set undo-keep or undo-max",
        )
    beside = Beside(path)
    now = session.clock.now()
    if dry_run:
        doomed = due(beside, rule, now)
    else:
        with PromoteLock(beside):
            doomed = prune(beside, rule, now)
    word = "would delete" if dry_run else "deleted"
    session.out.lines(f"{word}  {way.name}  {size(way.size)}" for way in doomed)
    count = sum(isinstance(way, Patch) for way in doomed)
    named = plural(len(doomed) - count, "undo point")
    named += f" and {plural(count, 'patch', 'patches')}" if count else ""
    session.out.line(f"{named}, {size(sum(way.size for way in doomed))}")
    session.document(
        {"database": str(path), "dry_run": dry_run, "deleted": [way.to_json() for way in doomed]}
    )
    return 0
