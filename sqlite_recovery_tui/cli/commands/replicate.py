"""`sqlrecover replicate`: follow databases and ship every commit to their replicas, until told to stop."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sqlite_recovery_tui.cli.options import subcommand
from sqlite_recovery_tui.cli.session import Session, no_configuration
from sqlite_recovery_tui.errors import ConfigError, RecoverError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from sqlite_recovery_tui.config import DaemonConfig, DatabaseConfig, DirectoryConfig


@subcommand("replicate")
@click.argument("place", nargs=-1, metavar="[DB URL...]")
@click.option("--exec", "command_line", metavar="CMD", help="Run the application as a child; see above.")
@click.option("--once", is_flag=True, help="Replicate what there is, then end.")
@click.option(
    "--restore-if-db-not-exists", "restore", is_flag=True, help="First restore a database that is missing."
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warn", "error"]),
    help="What is logged, in place of what the configuration says.  [default: info]",
)
def command(
    session: Session,
    place: tuple[str, ...],
    *,
    command_line: str | None,
    once: bool,
    restore: bool,
    log_level: str | None,
) -> int:
    """Follow every database of the configuration, or DB alone, and ship each commit to its replicas.

    Nothing is ever written into a database. What is written to the replicas is restored by this program and
    by Litestream 0.3.13. A database that is not there is waited for; of a directory with watch, those that
    appear are followed as well, and those whose file is deleted are not any more. SIGTERM and SIGINT end it
    in order: the last commits are shipped first; a second one ends it at once. Where that is not done
    within shutdown-sync-timeout, the exit code is 6 and what is missing is told.

    With -exec the command runs for as long as this does. It gets our signals, the last ship is made after
    it ended, and its exit code is ours (128 and the signal's number when one ended it). It begins after
    -restore-if-db-not-exists is done; when that fails it does not begin.

    What happens is logged on stderr, with --json as a document to a line.
    """
    from sqlite_recovery_tui.cli.proofs import proven_positions
    from sqlite_recovery_tui.replicate.daemon import Daemon

    databases, directories, config, source = _wished(session, place)
    if command_line is not None:
        config = replace(config, command=command_line)
    if log_level is not None:
        config = replace(config, log_level="warning" if log_level == "warn" else log_level)
    as_json = session.common.as_json or config.log_json
    session.err.take_logs(level=getattr(logging, config.log_level.upper()), as_json=as_json)
    daemon = Daemon(
        databases,
        config,
        directories,
        once=once,
        restore=restore,
        source=source,
        umask=session.umask,
        clock=session.clock,
        verified=_proofs(session),
        proven=lambda url: proven_positions(session.history, url),
    )
    logger = logging.getLogger("sqlite_recovery_tui.replicate")
    return daemon.run(lambda missing: logger.error("not durable when it ended: %s", missing))


def _proofs(session: Session) -> Callable[[str], datetime | None]:
    """Return what tells when a replica was last proven, as the history has it."""

    def verified(url: str) -> datetime | None:
        try:
            found = session.history.last_proof(url)
        except RecoverError:  # the history is of no use at the moment
            return None
        return found.at if found else None

    return verified


def _wished(
    session: Session, place: Sequence[str]
) -> tuple[tuple[DatabaseConfig, ...], tuple[DirectoryConfig, ...], DaemonConfig, str]:
    """Return what to replicate: what the configuration says, or the database and URLs of the command line."""
    from sqlite_recovery_tui.config import DaemonConfig

    if len(place) > 1:
        if session.common.config is not None:
            raise UsageError("a database and its URLs, and -config, exclude one another")
        return (_database(place),), (), DaemonConfig(), ""
    settings = session.settings
    if settings is None:
        if place:
            raise UsageError(
                f"where is {place[0]} to be replicated to?", hint="name its replicas: replicate DB URL..."
            )
        raise no_configuration()
    databases = (settings.database(place[0]),) if place else settings.databases
    directories = () if place else settings.directories
    if not databases and not any(directory.watch for directory in directories):
        raise ConfigError("no database is configured", file=str(settings.file))
    every = (*databases, *(directory.each for directory in directories))
    without = [database for database in every if not database.replicas]
    if without:
        raise ConfigError(
            f"{without[0].written or without[0].path} has no replicas",
            file=str(settings.file),
            hint="name at least one below replicas",
        )
    return databases, directories, settings.daemon, str(settings.file)


def _database(place: Sequence[str]) -> DatabaseConfig:
    from sqlite_recovery_tui.config import DatabaseConfig, is_url, replica_from_url

    written, *urls = place
    if is_url(written) and not written.startswith("sqlite:"):
        raise UsageError(f"{written} is no database", hint="name the database first: replicate DB URL...")
    path = Path(written.removeprefix("sqlite://")).expanduser().absolute()
    replicas = [replica_from_url(url) for url in urls]
    kinds = [replica.type for replica in replicas]
    named = [
        replace(replica, name=f"{kind}-{number}" if (number := kinds[: at + 1].count(kind)) > 1 else kind)
        for at, (replica, kind) in enumerate(zip(replicas, kinds, strict=True))
    ]
    return DatabaseConfig(path, path.name, tuple(named), written=written)
