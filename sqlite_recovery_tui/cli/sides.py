"""The two sides of a comparison: files, databases of the configuration, scratches, or `DB@TIME`."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from sqlite_recovery_tui.cli.files import database_file
from sqlite_recovery_tui.cli.session import Session
from sqlite_recovery_tui.errors import NotFoundError

if TYPE_CHECKING:
    from sqlite_recovery_tui.restore.scratches import Scratch


def side(session: Session, target: str, stack: ExitStack) -> Path:
    """Return the file that `target` means; a past state is restored until `stack` ends.

    `target` is a file, a database of the configuration, the name of a scratch, or `DB@TIME` with a time in
    any form that restore takes. Raises `NotFoundError` and what a restore raises.
    """
    if Path(target).exists():
        return Path(target)
    name, at, time = target.partition("@")
    if at and name:
        return _restored(session, name, time, stack)
    found = scratch_named(session, target)
    if found is None:
        return database_file(session, target)
    _refuse_moving(found.path)
    return found.path


def scratch_named(session: Session, name: str) -> Scratch | None:
    """Return the scratch of this name or path; None when there is none."""
    from sqlite_recovery_tui.config import Settings
    from sqlite_recovery_tui.restore import scratches

    folder = (session.settings or Settings()).scratch_dir
    path = Path(name)
    try:
        return scratches.find(folder, str(path.absolute()) if path.exists() else name)
    except NotFoundError:
        return None


def restored_file(session: Session, name: str) -> tuple[Path, Scratch | None]:
    """Return the file at the path `name`, or the scratch of that name; raise `NotFoundError`."""
    path, found = Path(name), scratch_named(session, name)
    if found is not None:
        _refuse_moving(found.path)
        return found.path, found
    if path.exists():
        return path, None
    raise NotFoundError(
        f"there is no file and no scratch {name}",
        object=name,
        hint="`sqlrecover scratch` lists the restored ones",
    )


def _refuse_moving(scratch: Path) -> None:
    from sqlite_recovery_tui.restore.travelling.note import refuse_moving

    refuse_moving(scratch)


def _restored(session: Session, name: str, time: str, stack: ExitStack) -> Path:
    """Restore a state of a database to a file that goes away with `stack`."""
    from sqlite_recovery_tui.cli.targets import scan_for
    from sqlite_recovery_tui.restore.choose import Choice, choose, restore_best
    from sqlite_recovery_tui.restore.run import RestoreOptions, RestoreResult, restore
    from sqlite_recovery_tui.restore.target import Latest, parse_time
    from sqlite_recovery_tui.storage.open import open_store

    target = Latest() if time == "latest" else parse_time(time, now=session.clock.now())
    choice = choose(scan_for(session, session.refs(name), target), target)
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sqlrecover-")))
    output = folder / (Path(choice.ref.database_name or "database").name)

    def attempt(chosen: Choice, _: bool) -> RestoreResult:
        store = open_store(chosen.ref.replica, clock=session.clock)
        try:
            return restore(
                store,
                chosen.plan,
                RestoreOptions(output),
                age_identities=chosen.ref.identities,
                progress=meter,
                cancel=session.cancel,
                clock=session.clock,
            )
        finally:
            store.close()

    with session.meter() as meter:
        result, used = restore_best(choice, attempt)
    session.err.note(f"{name}@{time} is {used.ref.label} as of {result.time:%Y-%m-%d %H:%M:%S}Z")
    return result.output
