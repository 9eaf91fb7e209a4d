"""`sqlrecover [DB|URL]`: the console; where no terminal is, the fleet as text."""

from __future__ import annotations

import click

from sqlite_recovery_tui.cli.options import subcommand, target_argument
from sqlite_recovery_tui.cli.session import Session
from sqlite_recovery_tui.errors import UsageError


@subcommand("console")
@click.option("--served", is_flag=True, hidden=True, help="Speak to `sqlrecover serve`; read-only for good.")
@target_argument(required=False)
def command(session: Session, target: str | None, served: bool) -> int:
    """Open the console on the configuration, one database of it, or a replica URL."""
    _refuse_mistyped_command(target)
    settings = session.settings_for(target)
    if served and session.console is not None:
        return session.open_console(settings, target, read_only=True)
    if session.can_open_console and not session.out.as_json:
        return session.open_console(settings, target)
    if settings is None and target is None:
        return _nothing_configured(session)
    return _print_fleet(session, target)


def _refuse_mistyped_command(target: str | None) -> None:
    """Tell a command that does not exist from a database: nobody names a database `restroe`."""
    from difflib import get_close_matches

    from sqlite_recovery_tui.cli.main import COMMANDS

    if target is None or not target.isalpha():
        return
    near = get_close_matches(target, COMMANDS, n=1, cutoff=0.75)
    if near:
        raise UsageError(f"no such command: {target}", hint=f"did you mean {near[0]}?")


def _nothing_configured(session: Session) -> int:
    """Say where to go from here; having nothing configured yet is no failure."""
    session.out.lines(
        [
            "no configuration found, so there is nothing to show",
            "  sqlrecover demo                a sample incident to explore",
            "  sqlrecover s3://BUCKET/PATH    one replica, without a configuration",
            "  sqlrecover -config FILE        a litestream.yml that is somewhere else",
        ]
    )
    session.document({"config": None, "replicas": [], "errors": []})
    return 0


def _print_fleet(session: Session, target: str | None) -> int:
    from sqlite_recovery_tui.cli.commands.replicas import show_replicas

    return show_replicas(session, target, None)
