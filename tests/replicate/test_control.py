"""The control socket: for its user alone, one question and one answer, and no way to stop the daemon."""

from __future__ import annotations

import os
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from sqlite_recovery_tui.errors import RecoverError, RefusedError
from sqlite_recovery_tui.replicate import control
from sqlite_recovery_tui.replicate.control import ControlSocket, Document, Reply, ask, asked_until_done


class Daemon:
    """What a daemon would answer."""

    def __init__(self) -> None:
        self.given_back = threading.Event()

    def __call__(self, request: Document) -> Reply:
        if request.get("op") == "release":
            return Reply({"released": True}, self.given_back.set)
        if request.get("op") == "refuse":
            raise RefusedError("not now", hint="later")
        return Reply({"echo": request})


@pytest.fixture
def daemon() -> Daemon:
    return Daemon()


@pytest.fixture
def path(tmp_path: Path, daemon: Daemon) -> Iterator[Path]:
    place = tmp_path / ("a long folder name " * 8) / "daemon.sock"
    listening = ControlSocket(place, daemon)
    yield place
    listening.close()
    assert not place.exists()


def test_a_question_is_answered(path: Path) -> None:
    assert ask(path, {"op": "status", "database": "/a b"}) == {"echo": {"op": "status", "database": "/a b"}}


def test_only_its_user_may_ask(path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_what_is_refused_is_raised_where_it_was_asked(path: Path) -> None:
    with pytest.raises(RecoverError, match="not now") as refused:
        ask(path, {"op": "refuse"})
    assert refused.value.hint == "later"


def test_what_holds_while_somebody_listens_is_given_back_when_they_go(path: Path, daemon: Daemon) -> None:
    with asked_until_done(path, {"op": "release"}) as answer:
        assert answer == {"released": True}
        assert not daemon.given_back.wait(0.05)
    assert daemon.given_back.wait(10)


@pytest.mark.parametrize("said", [b"\n", b"[]\n", b"\xff\xfe\n", b"{" * 70_000 + b"\n"])
def test_what_is_no_question_is_told_so(path: Path, said: bytes) -> None:
    folder = os.open(path.parent, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as connection, suppress(BrokenPipeError, ConnectionResetError):
        connection.connect(f"/proc/self/fd/{folder}/{path.name}")
        connection.sendall(said)
        assert b"no JSON" in connection.recv(1000)
    os.close(folder)
    assert ask(path, {}) == {"echo": {}}


def test_who_says_nothing_keeps_nobody_else_waiting(path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY)
    silent = [socket.socket(socket.AF_UNIX) for _ in range(control.MOST_CLIENTS - 1)]
    for connection in silent:
        connection.connect(f"/proc/self/fd/{folder}/{path.name}")
    assert ask(path, {}) == {"echo": {}}
    for connection in silent:
        connection.close()
    os.close(folder)


def test_a_socket_whose_daemon_is_gone_is_replaced(path: Path, tmp_path: Path) -> None:
    dead = tmp_path / "run" / "7.sock"
    dead.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(str(dead))
    with pytest.raises(ConnectionRefusedError):
        ask(dead, {})
    ControlSocket(dead, Daemon()).close()
    with pytest.raises(FileNotFoundError):
        ask(dead, {})


def test_a_second_daemon_cannot_listen_at_the_same_place(path: Path) -> None:
    with pytest.raises(RecoverError, match="cannot listen") as refused:
        ControlSocket(path, Daemon())
    assert "control-socket" in refused.value.hint
    assert ask(path, {}) == {"echo": {}}


def test_daemons_of_this_user_are_found(tmp_path: Path) -> None:
    assert control.sockets(tmp_path / "named") == [tmp_path / "named"]
    listening = ControlSocket(control.default_socket(), Daemon())
    assert control.sockets() == [control.default_socket()]
    listening.close()
