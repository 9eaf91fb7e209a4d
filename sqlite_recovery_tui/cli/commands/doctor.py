"""`sqlrecover doctor`: what would go wrong later, in databases, storage, configuration and recovery."""

from __future__ import annotations

from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sqlite_recovery_tui.cli import checks
from sqlite_recovery_tui.cli.checks import Subject
from sqlite_recovery_tui.cli.options import duration, subcommand
from sqlite_recovery_tui.cli.session import Session
from sqlite_recovery_tui.errors import BucketNotFound, ConfigError, NotFoundError, Unreachable, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlite_recovery_tui.doctor.rate import Rate, Sample
    from sqlite_recovery_tui.doctor.recovery import Proof
    from sqlite_recovery_tui.replica.fleet import ReplicaRef, ReplicaState
    from sqlite_recovery_tui.replica.health import Check

_WATCH = timedelta(seconds=2)
_LONGEST_WATCH = timedelta(minutes=10)
_REMEMBERED = 2000
"""Acts of the history in which a check of a file is looked for."""


@dataclass(frozen=True)
class _Asked:
    """What is to be looked at."""

    files: Sequence[Path]
    """Database files; those of the configuration as far as they are on this host."""
    refs: Sequence[ReplicaRef]
    configured: bool
    """Whether the configuration itself is in question."""


@dataclass(frozen=True)
class _Options:
    """How it is looked at."""

    everything: bool
    budget: timedelta | None
    watch: timedelta | None
    no_writes: bool

    @property
    def length(self) -> timedelta:
        """How long databases are watched."""
        return _WATCH if self.watch is None else self.watch


@subcommand("doctor", tells_warnings=False)  # they are checks here
@click.argument("targets", nargs=-1, metavar="[DB|URL|FILE]...")
@click.option("--all", "everything", is_flag=True, help="Everything in the configuration: the default.")
@click.option(
    "--budget",
    metavar="D",
    callback=duration,
    help="Fail where a restore takes longer, such as 5m.",
)
@click.option(
    "--watch",
    metavar="D",
    callback=duration,
    help="How long to measure what is written to databases, 0s for not at all (default: 2s).",
)
@click.option("--no-writes", is_flag=True, help="Do not try to write to storage, only to list and read.")
@click.option(
    "--nagios", is_flag=True, help="One summary line, exit 0, 1, 2 as monitors expect (3: unknown)."
)
def command(session: Session, targets: tuple[str, ...], nagios: bool, **wished: Any) -> int:
    """Find what would go wrong later: databases, storage, configuration, recovery; each with its fix.

    Storage is tried with objects of its own, which are removed again. Exit 0 when nothing failed (warnings
    included), 4 when history is missing, 6 when storage does not do what is needed, 1 for anything else.
    """
    options = _Options(**wished)
    if options.everything and targets:
        raise UsageError("doctor takes names or --all, not both", hint="leave --all out")
    if not timedelta() <= options.length <= _LONGEST_WATCH:
        raise UsageError("-watch is from 0s to 10m", hint="a few seconds tell enough")
    return checks.report(
        session,
        lambda: _examine(session, _asked(session, targets), options),
        noun="subject",
        document=_document,
        nagios=nagios,
    )


def _asked(session: Session, targets: Sequence[str]) -> _Asked:
    """Sort names into files, replicas and the configuration; raise what `Session.refs` does."""
    files: dict[Path, None] = {}
    refs: list[ReplicaRef] = []
    configured = not targets
    for target in targets or (None,):
        file = None if target is None else _as_file(session, target)
        if file is not None:
            files[file] = None
            continue
        found = session.refs(target)
        configured = configured or _is_database(session, target)
        refs += [ref for ref in found if ref not in refs]
        files |= dict.fromkeys(_databases(session, target, found))
    return _Asked(tuple(files), refs, configured)


def _as_file(session: Session, target: str) -> Path | None:
    """Return the file that a word names, unless it names a database of the configuration."""
    path = Path(target)
    if not path.is_file():
        return None
    try:
        is_database = _is_database(session, target)
    except ConfigError:
        if session.common.config is not None:
            raise
        return path
    return None if is_database else path


def _is_database(session: Session, target: str | None) -> bool:
    if target is None or session.settings_for(target) is None or session.settings is None:
        return False
    with suppress(NotFoundError):
        session.settings.database(target)
        return True
    return False


def _databases(session: Session, target: str | None, found: Sequence[ReplicaRef]) -> list[Path]:
    """Return the files of the databases that a name stands for, also of those without a replica."""
    if session.settings is not None and target is None:
        return [database.path for database in session.settings.databases]
    if target is not None and _is_database(session, target) and session.settings is not None:
        return [session.settings.database(target).path]
    return [ref.database.path for ref in found if ref.database is not None]


def _examine(session: Session, asked: _Asked, options: _Options) -> list[Subject]:
    if not asked.configured and session.settings_for(None) is not None and session.settings is not None:
        session.warn_of(session.settings)
    rates = _watch(session, asked.files, options.length)
    subjects = [_configuration(session)] if asked.configured and session.settings is not None else []
    proofs = session.history.all_proofs()
    sound = _sound(session)
    for file in asked.files:
        subjects.append(_database(session, file, rates.get(file), options, _newest(sound, file)))
    from sqlite_recovery_tui.cli.listing import scan_all

    for state in scan_all(session, asked.refs):
        found = proofs.get(state.ref.replica.url, ())
        subjects.append(_replica(session, state, _proof(found), options))
    return subjects


def _watch(session: Session, files: Sequence[Path], length: timedelta) -> dict[Path, Rate | None]:
    """Measure what is written to all databases at the same time; nothing is opened by SQLite meanwhile."""
    from sqlite_recovery_tui.doctor import rate

    if not files or not length:
        return {}
    before: dict[Path, Sample | None] = {file: rate.sample(file, session.clock) for file in files}
    session.clock.sleep(length.total_seconds())
    return {file: rate.between(first, rate.sample(file, session.clock)) for file, first in before.items()}


def _configuration(session: Session) -> Subject:
    from sqlite_recovery_tui.doctor import configuration

    assert session.settings is not None
    file = str(session.settings.file)
    members = {"subject": "configuration", "file": file}
    return Subject(f"configuration {file}", tuple(configuration.examine(session.settings)), members)


def _database(
    session: Session, file: Path, rate: Rate | None, options: _Options, sound: datetime | None
) -> Subject:
    from sqlite_recovery_tui.doctor import database

    found = database.examine(
        file,
        now=session.clock.now(),
        replicated=_is_replicated(session, file),
        proven=sound,
        writes=rate,
        watched=bool(options.length),
    )
    return Subject(f"database {file}", tuple(found), {"subject": "database", "file": str(file)})


def _is_replicated(session: Session, file: Path) -> bool:
    known = session.settings.databases if session.settings_for(None) is not None and session.settings else ()
    return any(database.path == file.absolute() and database.replicas for database in known)


def _replica(session: Session, state: ReplicaState, proof: Proof | None, options: _Options) -> Subject:
    from sqlite_recovery_tui.cli.listing import identity
    from sqlite_recovery_tui.doctor import cost, recovery, store
    from sqlite_recovery_tui.replica.live import changed_at
    from sqlite_recovery_tui.storage.open import open_store

    replica, error = state.ref.replica, state.error
    tried: tuple[Check, ...] = ()
    if not isinstance(error, BucketNotFound | Unreachable):
        with closing(open_store(replica, clock=session.clock)) as opened:
            seen = store.examine(replica, opened, clock=session.clock, write=not options.no_writes)
        tried, error = seen.checks, error or seen.error
    live = changed_at(state.ref.database.path) if state.ref.database else None
    found = recovery.examine(state, now=state.as_of, live=live, proof=proof, budget=options.budget)
    held = state.timeline.size if state.timeline else 0
    costs = cost.judge(replica, cost.project(replica, held_bytes=held))
    members = {"subject": "replica", **identity(state.ref)}
    return Subject(f"replica {state.ref.label}", (*tried, *found, costs), members, error)


def _proof(known: Sequence[Any]) -> Proof | None:
    """Return the last look at a replica as the doctor takes it."""
    from sqlite_recovery_tui.doctor.recovery import Proof

    if not known:
        return None
    newest = known[0]
    return Proof(newest.at, newest.ok, newest.how, newest.point_time)


def _sound(session: Session) -> dict[str, datetime]:
    """Return when files, or what their replicas gave, were last found sound, by path."""
    from sqlite_recovery_tui.history.file import HistoryError

    try:
        entries = session.history.entries(limit=_REMEMBERED)
    except HistoryError:
        return {}
    times: dict[str, datetime] = {}
    for entry in entries:
        if entry.integrity != "ok" or entry.ended is None:
            continue
        for name in (entry.output, entry.database):
            if name is not None:
                times.setdefault(name, entry.ended)
    return times


def _newest(sound: dict[str, datetime], file: Path) -> datetime | None:
    return sound.get(str(file.absolute()))


def _document(subjects: Sequence[Subject]) -> dict[str, Any]:
    return {"subjects": [item.to_json() for item in subjects]}
