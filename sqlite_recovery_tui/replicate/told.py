"""Telling the daemon that replicates a database that another one takes its place.

Nobody needs to: a daemon notices by itself. But an exchange of files needs everybody out, the daemon too,
and it is protected again sooner when it knows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.replicate.control import ask, asked_until_done, sockets

RELEASE_SECONDS = 30.0


@contextmanager
def daemon_told(database: Path, *, online: bool) -> Iterator[None]:
    """Have a daemon, if one replicates `database`, know of what is done inside.

    Unless `online` it lets go of the database until the end. Where none runs nothing happens; what a daemon
    says or does not say never fails the act.
    """
    with ExitStack() as stack:
        about = {"database": str(database)}
        found = _replicating(about)
        if found is not None and not online:
            with suppress(OSError, RecoverError):
                request = {"op": "release", **about}
                stack.enter_context(asked_until_done(found, request, seconds=RELEASE_SECONDS))
        yield
        if found is not None:
            with suppress(OSError, RecoverError):
                ask(found, {"op": "promoted", "mode": "online" if online else "swap", **about})


def _replicating(about: dict[str, str]) -> Path | None:
    """Return where the daemon listens that has the database, None when none has."""
    for path in sockets():
        with suppress(OSError, RecoverError):
            ask(path, {"op": "has", **about})
            return path
    return None
