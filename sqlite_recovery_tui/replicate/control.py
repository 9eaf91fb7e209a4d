"""The daemon's ear: a socket only its user can open, one JSON document asked, one answered.

Whoever asks for a database to be let go of holds the connection open for so long: a crash gives it back.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.folders import state_folder
from sqlite_recovery_tui.replicate.serving import Serving

MOST_CLIENTS = 16
MOST_BYTES = 1 << 16
SECONDS = 5.0
"""How long a client may take to ask, and to take its answer."""

Document = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """The answer to a request, and what is done once the client has gone."""

    document: Document
    afterwards: Callable[[], None] | None = None


Answer = Callable[[Document], Reply]


class ControlSocket:
    """Answers requests on a Unix socket, each client in a thread, a few at a time."""

    def __init__(self, path: Path, answer: Answer) -> None:
        """Listen at `path`, readable by this user alone; what is answered there already is refused.

        Raises `RecoverError` when nobody could listen there.
        """
        self.path = path
        self._answer = answer
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _remove_dead(path)
            listening = _bound(path)
        except OSError as error:
            raise RecoverError(
                f"cannot listen at {path}: {(error.strerror or str(error)).lower()}",
                object=str(path),
                hint="name another place with control-socket in the configuration, below sqlrecover",
            ) from None
        self._inode = path.stat().st_ino
        self._serving = Serving(listening, self._client, "control", MOST_CLIENTS)

    def close(self) -> None:
        """Listen no more."""
        with suppress(OSError):
            if self.path.stat().st_ino == self._inode:
                self.path.unlink()
        self._serving.close()

    def _client(self, client: socket.socket) -> None:
        client.settimeout(SECONDS)
        reply = self._replied(client)
        try:
            client.sendall(_line(reply.document))
            if reply.afterwards:
                client.settimeout(None)
                client.recv(1)
        finally:
            if reply.afterwards:
                reply.afterwards()

    def _replied(self, client: socket.socket) -> Reply:
        try:
            request = json.loads(_received(client))
            if not isinstance(request, dict):
                raise ValueError("not a mapping")
        except ValueError:
            return Reply({"ok": False, "error": {"message": "the request is no JSON document"}})
        try:
            reply = self._answer(request)
        except RecoverError as error:
            return Reply({"ok": False, "error": error.to_json()})
        return Reply({"ok": True, **reply.document}, reply.afterwards)


def run_folder() -> Path:
    """Return where daemons of this user listen unless told otherwise."""
    return state_folder() / "run"


def default_socket() -> Path:
    """Return where this process listens unless told otherwise."""
    return run_folder() / f"{os.getpid()}.sock"


def sockets(named: Path | None = None) -> list[Path]:
    """Return the sockets at which daemons may listen: the one that was `named` first."""
    found = sorted(run_folder().glob("*.sock")) if run_folder().is_dir() else []
    return [*([named] if named else []), *(path for path in found if path != named)]


def ask(path: Path, request: Document, *, seconds: float = SECONDS) -> Document:
    """Send a request to the daemon at `path` and return its answer.

    Raises OSError when nobody listens there or answers in time, `RecoverError` with what it refuses.
    """
    with _asked(path, request, seconds) as answer:
        return answer


@contextmanager
def asked_until_done(path: Path, request: Document, *, seconds: float = SECONDS) -> Iterator[Document]:
    """Send a request whose answer holds for as long as the context lasts; raise as `ask` does."""
    with _asked(path, request, seconds) as answer:
        yield answer


@contextmanager
def _asked(path: Path, request: Document, seconds: float) -> Iterator[Document]:
    with _connected(path, seconds) as connection:
        connection.sendall(_line(request))
        try:
            answer: Document = json.loads(_received(connection, most=1 << 26))
        except ValueError:
            raise ConnectionResetError("the daemon gave no answer") from None
        if not answer.pop("ok", False):
            error = answer.get("error", {})
            raise RecoverError(
                str(error.get("message", "the daemon refused")),
                hint=error.get("hint") or "",
                object=error.get("object") or "",
            )
        yield answer


def _received(connection: socket.socket, most: int = MOST_BYTES) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while piece := connection.recv(1 << 16):
        pieces.append(piece)
        size += len(piece)
        if piece.endswith(b"\n"):
            break
        if size > most:
            raise ValueError("too long")
    return b"".join(pieces)


def _line(document: Document) -> bytes:
    return json.dumps(document).encode() + b"\n"


@contextmanager
def _near(path: Path) -> Iterator[str]:
    """Give a name for `path` that is short enough for a socket's address."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}" if Path("/proc/self/fd").is_dir() else str(path)
    finally:
        os.close(folder)


@contextmanager
def _connected(path: Path, seconds: float) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(seconds)
        with _near(path) as name:
            connection.connect(name)
        yield connection


def _bound(path: Path) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX)
    try:
        before = os.umask(0o177)
        try:
            with _near(path) as name:
                listening.bind(name)
        finally:
            os.umask(before)
        listening.listen(MOST_CLIENTS)
    except BaseException:
        listening.close()
        raise
    return listening


def _remove_dead(path: Path) -> None:
    """Remove sockets beside `path`, and at it, of daemons that are gone."""
    for socket_path in {path, *path.parent.glob("*.sock")}:
        try:
            with _connected(socket_path, SECONDS):
                pass
        except ConnectionRefusedError:
            socket_path.unlink(missing_ok=True)
        except OSError:
            pass
