"""Every ending of the program is an exit code and one line; nothing shows a traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from sqlite_recovery_tui import __version__
from sqlite_recovery_tui.cli.commands import version
from sqlite_recovery_tui.cli.main import COMMANDS
from sqlite_recovery_tui.errors import DamagedError, RefusedError
from tests.cli.conftest import Cli

PROGRAM = [sys.executable, "-m", "sqlite_recovery_tui"]


def _fail_with(fault: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> int:
        raise fault

    monkeypatch.setattr(version.command, "callback", fail)


@pytest.mark.parametrize("asking", ["-h", "-help", "--help", "help"])
def test_the_overview_names_every_command(asking: str, cli: Cli) -> None:
    answer = cli(asking)
    assert answer.code == 0
    assert all(f"  {name} " in answer.out for name in COMMANDS)


def test_version_says_the_version(cli: Cli) -> None:
    assert cli("version").out == f"{__version__}\n"
    assert cli("version", "-json").document["version"] == __version__


def test_a_failure_is_one_line_and_a_hint(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    _fail_with(RefusedError("\x1b[2Jno", hint="do\nthis"), monkeypatch)
    answer = cli("version")
    assert (answer.code, answer.out) == (7, "")
    assert answer.err == "sqlrecover: \\x1b[2Jno\nhint: do\\nthis\n"


def test_a_failure_with_json_is_the_document(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    _fail_with(DamagedError("broken", object="key", hint="look"), monkeypatch)
    answer = cli("version", "--json")
    assert (answer.code, answer.err) == (4, "")
    assert answer.error == {
        "code": 4,
        "kind": "damaged",
        "message": "broken",
        "object": "key",
        "hint": "look",
        "last_good": None,
        "next_good": None,
    }


def test_a_fault_of_ours_is_one_line_naming_a_private_log(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    _fail_with(ZeroDivisionError("x\ny"), monkeypatch)
    answer = cli("version")
    assert answer.code == 1
    assert answer.err.splitlines()[0] == "sqlrecover: internal error: ZeroDivisionError: x y"
    [log] = (tmp_path / "state" / "sqlrecover").iterdir()
    assert str(log) in answer.err
    assert "ZeroDivisionError" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_fault_where_no_log_can_be_written_is_still_one_line(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file"))
    _fail_with(ZeroDivisionError(), monkeypatch)
    answer = cli("version")
    assert answer.code == 1
    assert "no message" in answer.err
    assert "Traceback" not in answer.err


@pytest.mark.parametrize("json", [(), ("--json",)])
def test_an_interrupt_is_130(json: tuple[str, ...], cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    _fail_with(KeyboardInterrupt(), monkeypatch)
    answer = cli("version", *json)
    assert answer.code == 130
    assert "interrupted" in (answer.out if json else answer.err)


def test_what_breaks_because_it_was_told_to_stop_is_an_interrupt_too(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(**_: object) -> int:
        click.get_current_context().obj.cancel.cancel()
        raise OSError("closed under our hands")

    monkeypatch.setattr(version.command, "callback", stopped)
    answer = cli("version")
    assert (answer.code, answer.err) == (130, "sqlrecover: interrupted\n")


def test_what_a_command_creates_is_private_and_the_umask_comes_back(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def look(**_: object) -> int:
        seen.append(os.umask(0o077))
        return 0

    monkeypatch.setattr(version.command, "callback", look)
    before = os.umask(0o022)
    try:
        cli("version")
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)
    assert seen == [0o077]


@pytest.mark.parametrize("words", ["version --nonsense", "version too many words", "wal -generation xyz db"])
def test_a_command_line_nobody_understands_is_2(words: str, cli: Cli) -> None:
    answer = cli(*words.split())
    assert answer.code == 2
    assert answer.err.startswith("sqlrecover: ")
    assert cli(*words.split(), "--json").error["code"] == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, cli: Cli) -> None:
    answer = cli(command, "-h")
    assert answer.code == 0
    assert f"sqlrecover {command}" in answer.out
    assert "--json" in answer.out


def test_a_reader_that_goes_away_ends_the_program_quietly() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    for words in (["--help"], ["version", "--json"]):
        done = subprocess.run([*PROGRAM, *words], stdout=writer, stderr=subprocess.PIPE, check=False)
        assert (done.returncode, done.stderr) == (141, b"")
    os.close(writer)


def test_a_full_disk_behind_stdout_is_one_line() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*PROGRAM, "version", "--json"], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 1
    assert done.stderr.startswith(b"sqlrecover: cannot write to standard output")
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_work_with_130(number: int) -> None:
    script = (
        "import os, sys, signal\n"
        "from sqlite_recovery_tui.cli.commands import version\n"
        "from sqlite_recovery_tui.cli.main import run\n"
        f"version.command.callback = lambda **_: os.kill(os.getpid(), {int(number)}) or signal.pause()\n"
        "sys.exit(run(['version']))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False, timeout=20)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"sqlrecover: interrupted\n")
