"""The repository keeps its promises: what README shows works, sources are small and speak of themselves."""

from __future__ import annotations

import importlib
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

import sqlite_recovery_tui
from sqlite_recovery_tui import errors
from sqlite_recovery_tui.cli.main import COMMANDS
from sqlite_recovery_tui.cli.options import with_two_dashes

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
MAX_LINES = 500


@cache
def tracked() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    files = [ROOT / name for name in listing.stdout.decode().split("\0") if name]
    return [path for path in files if path.is_file()]


def texts() -> Iterator[tuple[Path, str]]:
    for path in tracked():
        if path.suffix not in (".png", ".svg"):
            yield path, path.read_text()


def command_lines(text: str) -> list[list[str]]:
    """Return every `sqlrecover ...` in the code blocks of `text`, without comments."""
    blocks = re.findall(r"^```(?:sh|console)?\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line.removeprefix("$ ") for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    split = [shlex.split(line, comments=True) for line in lines if line.startswith("sqlrecover")]
    assert split or not blocks
    return split


@pytest.mark.parametrize(
    "name", ["README.md", "CHANGELOG.md", "LICENSE", "config.example.yml", "constraints.txt"]
)
def test_what_a_stranger_looks_for_is_there(name: str) -> None:
    assert (ROOT / name).stat().st_size > 500


def test_licence_is_the_one_the_package_names() -> None:
    assert PROJECT["license"] == "Apache-2.0"
    assert "Apache License\n                           Version 2.0" in (ROOT / "LICENSE").read_text()


def test_version_is_told_by_every_door() -> None:
    for command in ([sys.executable, "-m", "sqlite_recovery_tui", "version"],):
        answer = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
        assert answer.stdout.strip() == sqlite_recovery_tui.__version__
    changes = (ROOT / "CHANGELOG.md").read_text()
    assert f"## [{sqlite_recovery_tui.__version__}]" in changes or "## [Unreleased]" in changes


def test_readme_shows_only_command_lines_that_parse() -> None:
    lines = command_lines(README)
    assert len(lines) > 8
    for _, *words in lines:
        name = next((word for word in words if word in COMMANDS), None)
        if name is None:
            assert all(not word.startswith("-") for word in words) or "-config" in words
            continue
        command = importlib.import_module(f"sqlite_recovery_tui.cli.commands.{name}").command
        assert isinstance(command, click.Command)
        with_two_dashes(words[words.index(name) + 1 :], command.params)


def test_readme_names_every_command() -> None:
    table = set(re.findall(r"^\| `sqlrecover (\w+)", README, re.MULTILINE))
    assert table == set(COMMANDS)


def test_readme_tells_the_exit_codes_of_the_errors() -> None:
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)}
    leaves = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    codes = {kind.code for kind in leaves if issubclass(kind, errors.RecoverError)}
    assert told == {0, *codes}


def test_readme_and_makefile_agree_on_targets() -> None:
    targets = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))
    assert set(re.findall(r"`make (\w+)", README)) <= targets
    explained = set(re.findall(r'@echo "make (\w+)', MAKEFILE))
    assert explained == targets - {"help"}


def test_links_within_the_repository_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README) + re.findall(r'src="([^":]+)"', README)
    if not (ROOT / "screenshots").exists():
        links = [link for link in links if not link.startswith("screenshots/")]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_dependency_is_pinned_and_from_nowhere_in_particular() -> None:
    pins = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert [line for line in pins if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []
    pinned = {_plain(line.partition("==")[0]) for line in pins}
    extras = PROJECT["optional-dependencies"]
    wanted = [
        *PROJECT["dependencies"],
        *extras["age"],
        *extras["sftp"],
        *extras["web"],
        *extras["fleet"],
        *extras["dev"],
    ]
    names = {_plain(re.split(r"[\[<>=]", item)[0]) for item in wanted}
    assert names - {_plain(PROJECT["name"])} <= pinned


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_sources_stay_small() -> None:
    long = {
        path.relative_to(ROOT).as_posix(): text.count("\n")
        for path, text in texts()
        if path.suffix in (".py", ".tcss") and text.count("\n") >= MAX_LINES
    }
    assert long == {}


def test_no_file_speaks_of_the_machine_it_was_written_on() -> None:
    folders = "|".join(("root", "work", "opt"))
    hosts = "|".join(("pypi" + r"\.", "python" + "hosted", "index" + "-url", "find" + "-links"))
    telltale = re.compile(rf"(?<![\w./~:])/(?:{folders})/\w|{hosts}")
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path, text in texts()
        if path.name != "LICENSE" and (match := telltale.search(text))
    ]
    assert found == []


def test_continuous_integration_calls_every_check() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert re.findall(r"^step (\w+)$", script.read_text(), re.MULTILINE) == [
        "test",
        "lint",
        "types",
        "contracts",
    ]


def test_readme_names_the_keys_the_console_has() -> None:
    from sqlite_recovery_tui.tui.actions import ACTIONS

    keys = {action.id: action.keys.split() for action in ACTIONS}
    told = re.search(r"press `(\w)` and type the time", README)
    assert told is not None
    assert told[1] in keys["replica.time"]
    assert "q" in keys["app.quit"]
