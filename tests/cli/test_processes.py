"""The program as a process: on a terminal, behind a pipe, under signals, beside a server that hangs."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.corpus import case, digest_of

PROGRAM = [sys.executable, "-m", "sqlite_recovery_tui"]


@contextmanager
def _silent_server() -> Iterator[tuple[str, threading.Event]]:
    """Accept connections and never answer; the event tells that somebody has called."""
    called = threading.Event()
    kept: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                kept.append(connection)
                called.set()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}", called
        finally:
            server.shutdown(socket.SHUT_RDWR)
    thread.join(5)
    for connection in kept:
        connection.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", ["generations", "restore -o out.db"])
def test_an_interrupt_does_not_wait_for_a_server_that_does_not_answer(
    command: str, number: int, tmp_path: Path
) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_EC2_METADATA_DISABLED": "true"}
    with _silent_server() as (endpoint, called):
        url = f"s3://bucket/path?endpoint={endpoint}&region=us-east-1"
        process = subprocess.Popen(
            [*PROGRAM, *command.split(), url],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | keys,
            cwd=tmp_path,
        )
        assert called.wait(20)
        process.send_signal(number)
        out, err = process.communicate(timeout=5)
    assert (process.returncode, out, err) == (130, b"", b"sqlrecover: interrupted\n")
    assert not (tmp_path / "out.db").exists()


def _many(folder: Path, url: str, count: int) -> Path:
    """Return a configuration with so many databases, all of them replicated to `url`."""
    databases = "".join(
        f'  - path: {folder}/{number}.db\n    replicas: [{{url: "{url}"}}]\n' for number in range(count)
    )
    config = folder / "many.yml"
    config.write_text(f"dbs:\n{databases}sqlrecover:\n  scratch-dir: {folder}/scratch\n")
    return config


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_of_many_drills_ends_them_all_without_a_trace(number: int, tmp_path: Path) -> None:
    config = _many(tmp_path, case("v03-page1024", tmp_path).url, 500)
    with subprocess.Popen(
        [*PROGRAM, "drill", "-all", "-config", config],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"ok")
        os.killpg(process.pid, number)  # as a terminal does it
        _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (130, b"sqlrecover: interrupted\n")
    assert not list((tmp_path / "scratch").iterdir())


def test_an_interrupt_of_many_drills_does_not_wait_for_a_server_either(tmp_path: Path) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_EC2_METADATA_DISABLED": "true"}
    with _silent_server() as (endpoint, called):
        url = f"s3://bucket/path?endpoint={endpoint}&region=us-east-1"
        process = subprocess.Popen(
            [*PROGRAM, "drill", "-all", "-config", _many(tmp_path, url, 3)],
            stderr=subprocess.PIPE,
            env=os.environ | keys,
        )
        assert called.wait(20)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (130, b"sqlrecover: interrupted\n")


@contextmanager
def _terminal(words: list[str], cwd: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run with all three streams on a terminal of its own; yield the process and our end of the terminal."""
    leader, follower = pty.openpty()
    fcntl.ioctl(leader, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(
        [*PROGRAM, *words],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        cwd=cwd,
        start_new_session=True,
        env=os.environ | {"TERM": "xterm-256color"},
    )
    os.close(follower)
    guard = threading.Timer(60, process.kill)  # a reader of the terminal would wait for ever
    guard.start()
    try:
        yield process, leader
    finally:
        guard.cancel()
        process.kill()
        process.wait()
        os.close(leader)


def _read(leader: int, until: bytes | None = None) -> bytes:
    """Return what the terminal was sent, up to its end or until it contains `until`."""
    shown = b""
    with suppress(OSError):  # the other end is closed
        while until is None or until not in shown:
            chunk = os.read(leader, 65536)
            if not chunk:
                break
            shown += chunk
    return shown


def _on_a_terminal(words: list[str], cwd: Path) -> tuple[int, bytes]:
    with _terminal(words, cwd) as (process, leader):
        shown = _read(leader)
        return process.wait(20), shown


def test_a_terminal_gets_colours_and_readable_json(tmp_path: Path) -> None:
    replica = case("v03-plain", tmp_path)
    code, shown = _on_a_terminal(["timeline", replica.url], tmp_path)
    assert code == 0
    assert b"\x1b[1m" in shown
    code, plain = _on_a_terminal(["timeline", "--no-color", replica.url], tmp_path)
    assert b"\x1b[1m" not in plain
    _, document = _on_a_terminal(["timeline", "--json", replica.url], tmp_path)
    assert document.startswith(b'{\r\n  "replicas"')


ENTER_SCREEN, LEAVE_SCREEN = b"\x1b[?1049h", b"\x1b[?1049l"


@pytest.mark.parametrize("way_out", ["key", "signal"])
@pytest.mark.parametrize("configured", [True, False])
def test_a_terminal_gets_the_console_and_its_screen_back(
    configured: bool, way_out: str, tmp_path: Path
) -> None:
    words = [case("v03-plain", tmp_path).url] if configured else []
    with _terminal(words, tmp_path) as (process, leader):
        shown = _read(leader, until=b"sqlrecover")
        assert ENTER_SCREEN in shown
        if way_out == "key":
            os.write(leader, b"\x11")
        else:
            process.terminate()
        shown += _read(leader)
        assert process.wait(20) == (0 if way_out == "key" else 130)
    assert LEAVE_SCREEN in shown
    assert b"Traceback" not in shown


def test_a_pipe_gets_data_only_and_stderr_the_rest(tmp_path: Path) -> None:
    replica = case("v03-plain", tmp_path)
    (replica.replica / "note.txt").touch()
    done = subprocess.run([*PROGRAM, "wal", replica.url], capture_output=True, text=True, check=True)
    assert "\x1b" not in done.stdout
    assert "note.txt" not in done.stdout
    assert "note.txt" in done.stderr


def test_a_restored_file_is_private_whatever_the_umask(tmp_path: Path) -> None:
    replica = case("v03-plain", tmp_path)
    command = f"umask 000; exec {sys.executable} -m sqlite_recovery_tui restore -o out.db {replica.url}"
    subprocess.run(["sh", "-c", command], check=True, cwd=tmp_path, capture_output=True)
    assert (tmp_path / "out.db").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("out")) == ["out.db"]
    assert digest_of(tmp_path / "out.db") == replica.manifest["latest"]["digest"]


def test_letters_a_terminal_does_not_have_are_no_failure(tmp_path: Path) -> None:
    folder = tmp_path / "ünï"
    folder.mkdir()
    done = subprocess.run(
        [*PROGRAM, "replicas", str(folder)],
        capture_output=True,
        check=False,
        env=os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
    )
    assert done.returncode == 0
    assert b"\\xfcn\\xef" in done.stdout


def test_a_file_name_that_is_no_text_is_shown_spelt_out(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/bad\xff.db"
    Path(os.fsdecode(name)).write_bytes(b"nothing")
    done = subprocess.run([*PROGRAM, "verify", name], capture_output=True, check=False)
    assert done.returncode == 5
    assert b"bad\\udcff.db" in done.stdout
