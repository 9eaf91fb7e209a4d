"""`sqlrecover version`: the version, and what it runs on when JSON or `-v` asks for it."""

from __future__ import annotations

import platform

from sqlite_recovery_tui import __version__
from sqlite_recovery_tui.cli.options import subcommand
from sqlite_recovery_tui.cli.session import Session


@subcommand("version")
def command(session: Session) -> int:
    """Print the version."""
    session.out.line(__version__)
    session.err.detail(f"Python {platform.python_version()} on {platform.platform()}")
    session.document(
        {"version": __version__, "python": platform.python_version(), "formats": ["v0.3", "v0.5"]}
    )
    return 0
