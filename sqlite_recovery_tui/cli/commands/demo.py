"""`sqlrecover demo`: a sample incident, and the console on it."""

from __future__ import annotations

from pathlib import Path

import click

from sqlite_recovery_tui.cli.options import subcommand
from sqlite_recovery_tui.cli.session import Session


@subcommand("demo")
@click.option("--dir", "folder", type=click.Path(path_type=Path), metavar="DIR", help="Where to build it.")
@click.option("--no-console", is_flag=True, help="Only build it, and print the commands to try.")
def command(session: Session, folder: Path | None, no_console: bool) -> int:
    """Build a sample incident to explore; no network is needed.

    A shop's database, two replicas of it with an hour of history, and a migration that went wrong. While
    the console is open, one more database is written to and replicated.
    """
    from sqlite_recovery_tui import demo

    incident = demo.build(folder or demo.DEFAULT_DIRECTORY, now=session.clock.now())
    session.out.lines(incident.story)
    session.out.line()
    session.document(
        {
            "directory": str(incident.directory),
            "config": str(incident.config),
            "database": str(incident.database),
            "replicas": [str(path) for path in incident.replicas],
            "disaster_time": incident.disaster_time.isoformat(),
            "last_good_time": incident.last_good_time.isoformat(),
            "commands": list(incident.commands),
        }
    )
    if not no_console and not session.out.as_json and session.can_open_console:
        from sqlite_recovery_tui import config
        from sqlite_recovery_tui.demo import live

        session.out.line(live.STORY)
        with live.running(incident.config):
            return session.open_console(config.load(incident.config), None)
    session.out.line("try:")
    session.out.lines(f"  {line}" for line in incident.commands)
    return 0
