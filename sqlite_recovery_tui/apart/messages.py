"""What the two processes tell one another; each is this package, so `pickle` carries it.

Nothing that a replica holds is ever unpickled: the child reads it, and tells what it made of it.
"""

from __future__ import annotations

import copyreg
import io
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from sqlite_recovery_tui.apart.task import Task
from sqlite_recovery_tui.config.secret import Secret
from sqlite_recovery_tui.errors import RecoverError

CANCEL, PAUSE = b"cancel", b"pause"
"""What the child is told after a task: it is to stop, or to leave what it needs to go on another time."""
STAND_BACK = "stand-back"
"""What it is told when it is started: it is to let all others go first."""


@dataclass(frozen=True, slots=True)
class Noted:
    """A line for the log."""

    logger: str
    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """The last word: what came of the task."""

    result: Any


@dataclass(frozen=True, slots=True)
class Failed:
    """The last word: why nothing came of it."""

    error: Exception


def send(connection: Connection, message: object, task: Task[Any] | None = None) -> None:
    """Send a message; of what is part of `task`, which the other side has, only the name goes."""
    out = _Pieces()
    pickler = _Pickler(out) if task is None else _Short(out, vars(task))
    pickler.dump(message)
    connection.send_bytes(out.getbuffer())


def received(data: bytes, task: Task[Any] | None = None) -> Any:
    """Return the message that `send` made of it."""
    return _Unpickler(data, vars(task) if task is not None else {}).load()


def portable(error: Exception) -> Exception:
    """Return an error that arrives as it was sent, or as much of it as does."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301  # our own, from the line itself
    except Exception:
        if isinstance(error, RecoverError):
            return RecoverError(error.message, hint=error.hint, object=error.object)
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _revealed(secret: Secret) -> tuple[type[Secret], tuple[str]]:
    # Secrets are not pickled anywhere else: here they go to one process of ours, by a socket without a name.
    return Secret, (secret.reveal(),)


class _Pickler(pickle.Pickler):
    """Takes what is told, credentials too."""

    def __init__(self, out: io.BytesIO) -> None:
        super().__init__(out, pickle.HIGHEST_PROTOCOL)
        self.dispatch_table = {**copyreg.dispatch_table, Secret: _revealed}


class _Short(_Pickler):
    """Takes only the names of what is known on the other side."""

    def __init__(self, out: io.BytesIO, known: Mapping[str, Any]) -> None:
        super().__init__(out)
        self._names = {id(value): name for name, value in known.items()}

    def persistent_id(self, value: Any) -> str | None:
        return self._names.get(id(value))


class _Unpickler(pickle.Unpickler):
    """Puts in what is known here under the names that came."""

    def __init__(self, data: bytes, known: Mapping[str, Any]) -> None:
        super().__init__(io.BytesIO(data))
        self._known = known

    def persistent_load(self, name: str) -> Any:
        return self._known[name]


class _Pieces(io.BytesIO):
    """Is written to piece by piece, so that other threads get their turns while a long list is packed."""

    def write(self, data: Any) -> int:
        return super().write(data)
