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
def daemon_told(database: Path, *, online: bool, socket: Path | None = None) -> Iterator[None]:
    """Have a daemon, if one replicates `database`, know of what is done inside.

    Unless `online` it lets go of the database until the end. Where none runs nothing happens; what a daemon
    says or does not say never fails the act. `socket` is where the configuration has it listen.
    """
    with ExitStack() as stack:
        about = {"database": str(database)}
        found = _replicating(about, socket)
        if found is not None and not online:
            with suppress(OSError, RecoverError):
                request = {"op": "release", **about}
                stack.enter_context(asked_until_done(found, request, seconds=RELEASE_SECONDS))
        yield
        if found is not None:
            with suppress(OSError, RecoverError):
                ask(found, {"op": "promoted", "mode": "online" if online else "swap", **about})


def daemon_of(database: Path, socket: Path | None = None) -> int | None:
    """Return the process id of the daemon that replicates `database`, None when none that answers does."""
    return next((pid for _, pid in _answering({"database": str(database)}, socket) if pid), None)


def _replicating(about: dict[str, str], socket: Path | None) -> Path | None:
    """Return where the daemon listens that has the database, None when none has."""
    return next((path for path, _ in _answering(about, socket)), None)


def _answering(about: dict[str, str], socket: Path | None) -> Iterator[tuple[Path, int | None]]:
    for path in sockets(socket):
        with suppress(OSError, RecoverError):
            yield path, ask(path, {"op": "has", **about}).get("pid")
