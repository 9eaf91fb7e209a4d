"""Run the command line in this process, away from any configuration of the machine."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sqlite_recovery_tui.cli.main import run
from tests.support.corpus import Case, case


@dataclass(frozen=True)
class Answer:
    """What one command line gave."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on stdout."""
        loaded: dict[str, Any] = json.loads(self.out)
        return loaded

    @property
    def error(self) -> dict[str, Any]:
        """The error of a `--json` run."""
        found: dict[str, Any] = self.document["error"]
        return found

    def rows(self) -> list[list[str]]:
        """The cells of a printed table, without its head."""
        return [line.split() for line in self.out.splitlines()[1:]]


class Terminal(io.StringIO):
    """A stream that a person seems to read."""

    def isatty(self) -> bool:
        return True


Cli = Callable[..., Answer]


@pytest.fixture(autouse=True)
def _nothing_of_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_STATE_HOME", "SQLRECOVER_CONFIG", "LITESTREAM_CONFIG", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Call `sqlrecover` with these words and return what came back."""

    def call(*words: object, terminal: bool = False, **more: Any) -> Answer:
        out, err = (Terminal(), Terminal()) if terminal else (io.StringIO(), io.StringIO())
        monkeypatch.setattr(sys, "stdin", Terminal() if terminal else io.StringIO())
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run([str(word) for word in words], **more)
        return Answer(code, out.getvalue(), err.getvalue())

    return call


@pytest.fixture
def levels(tmp_path: Path) -> Case:
    """A real replica of v0.5 with several levels."""
    return case("v05-levels", tmp_path)


@pytest.fixture
def plain(tmp_path: Path) -> Case:
    """A real replica of v0.3."""
    return case("v03-plain", tmp_path)


@pytest.fixture
def uncompacted(tmp_path: Path) -> Case:
    """A real replica of v0.5 that was never compacted."""
    return case("v05-plain", tmp_path)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where to restore to."""
    return tmp_path / "out.db"


@pytest.fixture
def configured(tmp_path: Path) -> Callable[..., Path]:
    """Write a configuration with one database and its file replicas; return the file."""

    def write(database: Path, **replicas: Path) -> Path:
        file = tmp_path / "configured.yml"
        lines = ["dbs:", f"  - path: {database}", "    replicas:"]
        for name, place in replicas.items():
            lines += [f"      - name: {name}", "        type: file", f"        path: {place}"]
        file.write_text("\n".join(lines) + "\n")
        return file

    return write
