"""The architecture as it holds at run time: what importing a part brings along, in a clean interpreter."""

from __future__ import annotations

import json
import pkgutil
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import sqlite_recovery_tui

ROOT = Path(sqlite_recovery_tui.__file__).parent
FACES = (
    "sqlite_recovery_tui.cli",
    "sqlite_recovery_tui.tui",
    "sqlite_recovery_tui.web",
    "sqlite_recovery_tui.__main__",
)
INTERFACE = {"textual", "rich", "click"}
HEAVY = {"boto3", "textual", "numpy", "pydantic", "obstore", "click", "rich", "yaml", "apsw", "lz4"}
WRITERS = {
    "sys.stdout": {"cli/output.py", "cli/main.py", "cli/dispatch.py", "__main__.py"},
    "sys.stderr": {"cli/diagnostics.py", "log.py", "__main__.py"},
}


def _modules() -> list[str]:
    found = pkgutil.walk_packages([str(ROOT)], "sqlite_recovery_tui.")
    return sorted(module.name for module in found)


ENGINE = [name for name in _modules() if not name.startswith(FACES)]


def _loaded(*statements: str) -> set[str]:
    """Return the top-level packages that a fresh interpreter holds after these statements."""
    script = ";".join([*statements, "import sys, json", "print(json.dumps(list(sys.modules)))"])
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}


@cache
def _whole_engine() -> set[str]:
    return _loaded(*(f"import {name}" for name in ENGINE))


def test_every_engine_module_is_looked_at() -> None:
    for part in ("config", "formats", "storage", "replica", "restore", "verify", "sqlite", "demo"):
        assert any(name.startswith(f"sqlite_recovery_tui.{part}.") for name in ENGINE), part


@pytest.mark.parametrize("module", sorted(INTERFACE))
def test_the_engine_brings_no_user_interface(module: str) -> None:
    if module not in _whole_engine():
        return
    guilty = next(name for name in ENGINE if module in _loaded(f"import {name}"))
    pytest.fail(f"importing {guilty} imports {module}")


@pytest.mark.parametrize("words", [["version"], ["--help"], ["-h"]])
def test_the_first_answers_import_nothing_heavy(words: list[str]) -> None:
    loaded = _loaded(
        "import sys, contextlib, io",
        f"sys.argv = ['sqlrecover', *{words!r}]",
        "from sqlite_recovery_tui.__main__ import main",
        "stack = contextlib.ExitStack()",
        "stack.enter_context(contextlib.suppress(SystemExit))",
        "stack.enter_context(contextlib.redirect_stdout(io.StringIO()))",
        "stack.push(lambda *_: True)",
        "exec('with stack: main()')",
    )
    assert loaded & HEAVY == set()


def test_the_command_line_imports_what_a_command_uses_when_it_runs() -> None:
    names = [name for name in _modules() if name.startswith("sqlite_recovery_tui.cli")]
    assert len(names) > 10
    loaded = _loaded(*(f"import {name}" for name in names))
    assert loaded & (HEAVY - {"click"}) == set()


@pytest.mark.parametrize("stream", WRITERS)
def test_each_stream_has_one_writer(stream: str) -> None:
    """The console has the whole terminal, and its library the streams."""
    sources = {path.relative_to(ROOT): path.read_text() for path in ROOT.rglob("*.py")}
    users = {str(path) for path, text in sources.items() if stream in text and path.parts[0] != "tui"}
    assert users <= WRITERS[stream]


def test_nothing_prints() -> None:
    printing = re.compile(r"^\s*print\(", re.M)
    assert [str(path) for path in ROOT.rglob("*.py") if printing.search(path.read_text())] == []
