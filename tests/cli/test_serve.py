"""What `sqlrecover serve` refuses before anybody can come; what it serves is tested in `tests.web`."""

from __future__ import annotations

import importlib.util
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sqlite_recovery_tui.web.server import ConsoleServer
from tests.cli.conftest import Cli


class Served:
    """Remembers what would have been served."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.url = ""


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Served:
    """Serve nothing; the server is made and its link printed, then it ends."""
    seen = Served()

    def serve(server: ConsoleServer, ready: Callable[[], None]) -> None:
        seen.words, seen.url = server._words, server.url
        ready()

    monkeypatch.setattr(ConsoleServer, "serve_until_stopped", serve)
    return seen


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody else has."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield int(listening.getsockname()[1])


def test_the_link_is_printed_once_with_its_token(cli: Cli, served: Served, tmp_path: Path) -> None:
    answer = cli("serve", "-port", 0, tmp_path.as_uri())
    assert answer.code == 0
    assert answer.out.count("token=") == 1
    assert served.url in answer.out
    assert served.url.startswith("http://127.0.0.1:")
    document = cli("serve", "-port", 0, "--json", tmp_path.as_uri()).document
    assert document == {"url": served.url, "host": "127.0.0.1", "port": document["port"]}


def test_each_console_gets_what_was_typed_and_is_read_only(
    cli: Cli, served: Served, configured: Callable[..., Path], tmp_path: Path
) -> None:
    file = configured(Path("/data/app.db"), near=tmp_path)
    assert cli("serve", "-config", file, "-no-expand-env", "-no-color", "-port", 0, "app.db").code == 0
    own = served.words[served.words.index("--served") :]
    assert own == ["--served", "--config", str(file), "--no-expand-env", "--no-color", "--", "app.db"]


def test_a_served_console_needs_no_terminal_and_only_reads(cli: Cli) -> None:
    opened: list[Any] = []

    def console(*words: Any, read_only: bool = False) -> int:
        opened.append((*words, read_only))
        return 0

    assert cli("--served", "--no-color", console=console).code == 0
    assert opened == [(None, None, False, True)]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7"])
def test_other_machines_are_kept_out_unless_somebody_wants_them(cli: Cli, served: Served, host: str) -> None:
    answer = cli("serve", "-host", host, "-port", 0)
    assert answer.code == 7
    assert "--allow-remote" in answer.err
    assert served.url == ""


def test_who_lets_others_in_is_warned(cli: Cli, served: Served) -> None:
    answer = cli("serve", "-host", "0.0.0.0", "-port", 0, "-allow-remote")
    assert answer.code == 0
    assert "nothing is encrypted" in answer.err
    assert served.url.startswith("http://0.0.0.0:")


def test_a_port_that_is_taken_is_named(cli: Cli, taken: int) -> None:
    answer = cli("serve", "-port", taken)
    assert answer.code == 1
    assert f"127.0.0.1 port {taken}" in answer.err
    assert "-port 0" in answer.err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["-port", "70000"], 2, "70000 is not a port"),
        (["-visitors", "0"], 2, "0 visitors"),
        (["nobody.db"], 2, "no configuration found"),
        (["-config", "missing.yml"], 2, "missing.yml"),
    ],
)
def test_mistakes_are_said_here_and_not_in_every_browser(
    cli: Cli, served: Served, words: list[str], code: int, message: str
) -> None:
    answer = cli("serve", *words)
    assert (answer.code, served.url) == (code, "")
    assert message in answer.err


def test_without_the_package_the_line_that_installs_it_is_named(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name == "textual_serve" else there(name, *rest),
    )
    answer = cli("serve")
    assert answer.code == 1
    assert "pip install 'sqlite-recovery-tui[web]'" in answer.err
