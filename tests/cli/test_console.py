"""`sqlrecover` alone opens the console where a terminal is, and prints the fleet where none is."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli
from tests.support.corpus import Case


class Console:
    """Takes the place of the console and remembers what it was opened on."""

    def __init__(self) -> None:
        self.opened: list[tuple[Any, str | None]] = []
        self.coloured: list[bool] = []

    def __call__(self, settings: Any, target: str | None, colour: bool, /, *, read_only: bool = False) -> int:
        self.opened.append((settings, target))
        self.coloured.append(colour)
        return 0


def test_a_terminal_gets_the_console(cli: Cli, plain: Case, configured: Callable[..., Path]) -> None:
    console = Console()
    shutil.copy(configured(Path("/data/app.db"), near=plain.replica), "litestream.yml")
    assert cli(terminal=True, console=console).code == 0
    assert cli("app.db", terminal=True, console=console).code == 0
    assert cli(plain.url, terminal=True, console=console).code == 0
    targets = [target for _, target in console.opened]
    assert targets == [None, "app.db", plain.url]
    assert console.opened[0][0].databases[0].name == "app.db"
    assert console.opened[2][0] is None


def test_nothing_configured_opens_the_console_too(cli: Cli) -> None:
    console = Console()
    assert cli(terminal=True, console=console).code == 0
    assert console.opened == [(None, None)]


def test_the_console_hears_that_no_colour_is_wanted(cli: Cli) -> None:
    console = Console()
    assert cli(terminal=True, console=console).code == 0
    assert cli("--no-color", terminal=True, console=console).code == 0
    assert console.coloured == [True, False]


def test_without_a_terminal_the_fleet_is_text(cli: Cli, plain: Case, configured: Callable[..., Path]) -> None:
    console = Console()
    shutil.copy(configured(Path("/data/app.db"), near=plain.replica), "litestream.yml")
    answer = cli(console=console)
    assert answer.code == 0
    assert answer.rows()[0][:3] == ["app.db", "near", "file"]
    assert console.opened == []
    assert cli("--json").document["replicas"][0]["replica"] == "near"


def test_without_a_terminal_and_configuration_the_next_steps_are_named(cli: Cli) -> None:
    answer = cli()
    assert answer.code == 0
    assert "sqlrecover demo" in answer.out
    assert cli("--json").document["config"] is None


def test_a_mistyped_command_is_named(cli: Cli) -> None:
    answer = cli("restroe")
    assert answer.code == 2
    assert "did you mean restore?" in answer.err


def test_an_unknown_database_is_not_found(cli: Cli, plain: Case, configured: Callable[..., Path]) -> None:
    shutil.copy(configured(Path("/data/app.db"), near=plain.replica), "litestream.yml")
    assert cli("ap.db").code == 3


def test_the_demo_opens_the_console_on_itself(cli: Cli, tmp_path: Path) -> None:
    console = Console()
    assert cli("demo", "--dir", tmp_path / "demo", terminal=True, console=console).code == 0
    [(settings, target)] = console.opened
    assert target is None
    assert [replica.name for replica in settings.databases[0].replicas] == ["primary", "offsite"]


def test_the_demo_alone_prints_commands_that_work(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = cli("demo", "--dir", tmp_path / "demo", "--json").document
    assert (tmp_path / "demo" / "litestream.yml").samefile(document["config"])
    commands = document["commands"]
    assert commands[0].startswith("cd ")
    monkeypatch.chdir(commands[0].removeprefix("cd "))
    codes = {line: cli(*line.removeprefix("sqlrecover").split()).code for line in commands[1:]}
    assert [code for line, code in codes.items() if "offsite" not in line] == [0] * (len(codes) - 1)
    assert [code for line, code in codes.items() if "offsite" in line] == [4]


def test_the_demo_refuses_a_directory_that_holds_something_else(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    answer = cli("demo", "--no-console", "--dir", tmp_path)
    assert answer.code == 7
    assert answer.out == ""
